// /v1/packets: what is kept of the packets of flows that had a hit.
#pragma once

#include <httplib.h>

#include <cstdint>
#include <string>

#include "controlplane/sensor.h"

namespace picket::serve {

// Empty if it is not known.
std::string name_of_port(const Sensor& sensor, std::uint16_t port);

void add_packet_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
