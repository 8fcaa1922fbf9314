// /v1/probes: the probe ledger.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"

namespace picket::serve {

void add_probe_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
