// The copies stage of the pipeline: copies of packets that came before; and what of a link is seen one
// way, swapped, or twice.
#include "dataplane/pipeline.h"

namespace picket {

// Before the fragment stage, which must see no byte twice. PERF: two rounds, so that the table's lines are on
// their way while the other fingerprints are made.
void Pipeline::find_duplicates() noexcept {
    std::array<duplicate::Fingerprint, packets_max> fingerprints;
    const flow::KeyedHash hash = tracker_.table().hasher();  // a copy: see parse_burst()
    const std::size_t packets = packet_count_;
    for (std::size_t i = 0; i < packets; ++i) {
        fingerprints[i] = duplicate::fingerprint_of(packets_[i], hash);
        window_->prefetch(fingerprints[i]);
    }
    copies_ = false;
    for (std::size_t i = 0; i < packets; ++i) {
        if (fingerprints[i] == duplicate::no_fingerprint) continue;
        if (!window_->has_seen(fingerprints[i], packets_[i].time_ns)) continue;
        packets_[i].flags |= parse::packet_copy;
        ++audits_[packets_[i].port].duplicates;
        copies_ = true;
    }
    if (copies_ && settings_.duplicates == Duplicates::drop) drop_copies();
}

void Pipeline::drop_copies() noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < packet_count_; ++i) {
        if ((packets_[i].flags & parse::packet_copy) != 0) {
            count(packets_[i].port, api::Outcome::duplicate);
            continue;
        }
        if (kept != i) packets_[kept] = packets_[i];
        ++kept;
    }
    packet_count_ = kept;
    copies_ = false;
}

// Copies that were counted in their flows bring nothing to the stages behind.
void Pipeline::silence_copies(std::size_t from, std::size_t to) noexcept {
    for (std::size_t i = from; i < to; ++i) {
        if ((packets_[i].flags & parse::packet_copy) == 0 || tracked_[i].begun) continue;
        packets_[i].payload = nullptr;
        packets_[i].payload_length = 0;
        packets_[i].payload_captured = 0;
        packets_[i].flags |= parse::packet_later_fragment;  // nor does their transport header
    }
}

void Pipeline::count_recorded(const api::FlowRecord& record) noexcept {
    const auto is_seen = [](const api::FlowDirection& direction) {
        return direction.packets != 0 || direction.first_ns != 0;
    };
    const auto& [to_server, to_client] = record.directions;
    const std::uint64_t packets = to_server.packets + to_client.packets;
    api::PortAudit& port = audit(record.port);
    port.recorded += packets;
    if (!is_seen(to_server) || !is_seen(to_client)) port.recorded_one_way += packets;
    if ((record.flags & api::flow_port_swapped) != 0) port.recorded_swapped += packets;
}

}  // namespace picket
