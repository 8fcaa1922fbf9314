// /v1/alerts, /v1/alerts/tail and /v1/events.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"
#include "controlplane/serve/waiters.h"

namespace picket::serve {

void add_alert_handlers(httplib::Server& server, Sensor& sensor, Waiters& waiters);

}  // namespace picket::serve
