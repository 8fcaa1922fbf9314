// /v1/capture: frames as they are received, for whoever asks for them and goes on asking.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"
#include "controlplane/serve/waiters.h"

namespace picket::serve {

void add_capture_handlers(httplib::Server& server, Sensor& sensor, Waiters& waiters);

}  // namespace picket::serve
