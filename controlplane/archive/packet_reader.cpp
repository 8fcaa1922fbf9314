#include "controlplane/archive/packet_reader.h"

#include <algorithm>

#include "controlplane/archive/flow_rows.h"

namespace picket::archive {

store::Packets read_packets(Connection& connection, const ArchiveView& view,
                            const store::ChosenFlows& flows) {
    store::Packets packets;
    if (flows.keys.empty()) return packets;
    std::size_t bytes = 0;
    const auto add = [&](const store::StoredPacket& packet) {
        bytes += packet.bytes();
        if (bytes > archived_packet_bytes_max) {
            throw ArchiveUnreadable(
                "more than 256 MiB of packets would have to be read; narrow --since and "
                "--until, or name an address or a rule");
        }
        packets.push_back(std::make_shared<const store::StoredPacket>(packet));
    };
    read_rows_of(connection, view, Table::packets, packet_columns(), flows.keys, flows.first_ns,
                 flows.last_ns + 1, add);
    view.open.packets.for_each([&](const store::StoredPacket& packet) {
        if (flows.keys.find(packet.flow) != nullptr) add(packet);
    });
    std::stable_sort(packets.begin(), packets.end(),
                     [](const auto& a, const auto& b) { return a->time_ns < b->time_ns; });
    return packets;
}

}  // namespace picket::archive
