// /v1/packets: what is kept of the packets of flows that had a hit.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"

namespace picket::serve {

void add_packet_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
