// /v1/alerts, /v1/alerts/tail and /v1/events.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"

namespace picket::serve {

void add_alert_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
