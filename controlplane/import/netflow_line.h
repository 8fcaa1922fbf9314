// Lines as routers' flow logs were kept by hand, and as --format netflow prints them:
//   2003/08/22 15:09:54 67.73.21.6.50416 -> 192.0.2.7.27015 17 1 37
// date, time, source.port -> destination.port, protocol, packets, IP bytes. One direction a line; the line
// tells when the flow began only, so it is taken to have ended then.
//
// Pure functions.
#pragma once

#include <string_view>

#include "controlplane/import/foreign_flow.h"

namespace picket::importer {

[[nodiscard]] ForeignLine parse_netflow_line(std::string_view line, const ParseTime& time);

}  // namespace picket::importer
