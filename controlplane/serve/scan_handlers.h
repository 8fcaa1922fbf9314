// /v1/scans: who scans.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"

namespace picket::serve {

void add_scan_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
