// /v1/report: what a replay found.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"
#include "controlplane/serve/waiters.h"

namespace picket::serve {

void add_report_handlers(httplib::Server& server, Sensor& sensor, Waiters& waiters);

}  // namespace picket::serve
