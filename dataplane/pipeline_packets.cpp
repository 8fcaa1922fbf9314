// What of the frames goes to the control plane: the packets of flows that have a hit, from the one that hit
// on, and the frames that a command asks for.
#include <algorithm>
#include <functional>

#include "dataplane/pipeline.h"

namespace picket {

// The flow's first hit, at packet i of the burst.
void Pipeline::begin_keeping(std::uint32_t cold, std::size_t i) noexcept {
    if (settings_.alert_packets == 0 || first_hit_count_ == first_hits_.size()) return;
    tracker_.table().far(cold).packets_kept = 0;
    first_hits_[first_hit_count_++] = {cold, static_cast<std::uint8_t>(i)};
}

// Once all hits of these packets are known.
void Pipeline::keep_packets(std::size_t from, std::size_t to) noexcept {
    if (settings_.alert_packets == 0) return;
    if ((marks_seen_ & flow::mark_rules) != 0 || first_hit_count_ != 0) {
        for (std::size_t i = from; i < to; ++i) {
            if (keeps(i)) keep_packet(i);
        }
    }
    first_hit_count_ = 0;
}

bool Pipeline::keeps(std::size_t i) noexcept {
    const std::uint32_t index = tracked_[i].cold;
    if (index == flow::no_index || (packets_[i].flags & parse::packet_quoted) != 0) return false;
    if ((tracker_.table().hot_of(index).marks & flow::mark_rules) == 0) return false;
    // The mark alone may be about flowbits.
    const flow::ColdFlow& cold = tracker_.table().cold(index);
    if (cold.rule_count == 0 && cold.watch_lists == 0) return false;
    const auto end = first_hits_.begin() + static_cast<std::ptrdiff_t>(first_hit_count_);
    const auto first =
        std::find_if(first_hits_.begin(), end, [&](const FirstHit& hit) { return hit.cold == index; });
    if (first != end && i < first->packet) return false;
    return tracker_.table().far(index).packets_kept < settings_.alert_packets;
}

void Pipeline::keep_packet(std::size_t i) noexcept {
    const parse::Packet& packet = packets_[i];
    const rx::Frame* frame = frame_of(packet);
    if (frame == nullptr) return emitter_->lose_packet();
    ++tracker_.table().far(tracked_[i].cold).packets_kept;
    const flow::HotFlow& hot = tracker_.table().hot_of(tracked_[i].cold);
    api::PacketEvent event;
    event.flow_id = tracker_.table().cold(tracked_[i].cold).flow_id;
    event.wire_length = frame->wire_length;
    if (packet.payload_captured != 0) {
        event.payload_at = static_cast<std::uint32_t>(packet.payload - frame->data);
        event.payload_length = packet.payload_captured;
    }
    event.tcp_sequence = packet.tcp_sequence;
    event.link_type = static_cast<std::uint16_t>(frame->link_type);
    event.port = packet.port;
    event.from_responder = packet.side != flow::initiator_side(hot) ? 1 : 0;
    event.protocol = packet.key.protocol;
    emitter_->packet(event, packet.time_ns, {frame->data, frame->captured_length});
}

void Pipeline::adopt_filter() noexcept {
    capture::FrameFilter* fresh = filters_.take();
    if (fresh == nullptr) return;
    if (filter_ != nullptr) filters_.retire(filter_);
    filter_ = fresh;
}

// Each frame where it is received, whoever owns its flow.
void Pipeline::copy_frames(std::span<const rx::Frame> frames) noexcept {
    for (const rx::Frame& frame : frames) {
        if (frame.quote_only || !filter_->passes(frame)) continue;
        api::PacketEvent event;
        event.capture = filter_->capture();
        event.wire_length = frame.wire_length;
        event.link_type = static_cast<std::uint16_t>(frame.link_type);
        event.port = frame.port;
        const std::uint32_t kept = std::min(frame.captured_length, filter_->frame_bytes());
        emitter_->packet(event, frame.time_ns, {frame.data, kept});
    }
}

// nullptr for what waited for other fragments: its frame is gone, or its payload lies elsewhere.
// PERF: looked for, because flows with hits are rare, and every packet would have to carry its frame.
const rx::Frame* Pipeline::frame_of(const parse::Packet& packet) const noexcept {
    const bool later = (packet.flags & parse::packet_later_fragment) != 0;
    const std::uint8_t* inside = later ? packet.fragment.data : packet.payload;
    const auto holds = [&](const rx::Frame& frame) {
        // Headers come first, and nothing may follow them.
        return std::less<>()(frame.data, inside) &&
               std::less_equal<>()(inside, frame.data + frame.captured_length);
    };
    const auto found = std::find_if(frames_.begin(), frames_.end(), holds);
    return found == frames_.end() ? nullptr : &*found;
}

}  // namespace picket
