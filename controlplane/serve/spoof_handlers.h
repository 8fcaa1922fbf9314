// /v1/spoof: evidence that several sources are one sender.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"

namespace picket::serve {

void add_spoof_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
