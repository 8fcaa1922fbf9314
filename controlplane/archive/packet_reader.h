// Packets that are kept of flows, from an archive's files and the rows that wait to be written.
//
// Not thread-safe.
#pragma once

#include "controlplane/archive/archive_writer.h"
#include "controlplane/archive/database.h"
#include "controlplane/store/packet_store.h"

namespace picket::archive {

inline constexpr std::size_t archived_packet_bytes_max = std::size_t{256} << 20;

// Oldest first. Throws ArchiveUnreadable, also if they are more than archived_packet_bytes_max.
store::Packets read_packets(Connection& connection, const ArchiveView& view, const store::ChosenFlows& flows);

}  // namespace picket::archive
