// /v1/report: what a replay found.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"

namespace picket::serve {

void add_report_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
