// The fragment stage of the pipeline: bursts without a fragment come here only while a datagram is open.
#include <algorithm>
#include <cstring>

#include "dataplane/pipeline.h"

namespace picket {

// Afterwards packets_ holds what is left to be run through the stages behind. They run in between whenever
// more packets go on than a burst has.
void Pipeline::place_fragments() noexcept {
    const std::size_t count = packet_count_;
    std::uint64_t latest_ns = 0;
    for (const auto& packet : std::span(packets_).first(count)) {
        latest_ns = std::max(latest_ns, packet.time_ns);
    }
    if (!fragments_came_ && !fragments_.may_be_over(latest_ns)) return;
    std::copy_n(packets_.begin(), count, burst_packets_.begin());
    packet_count_ = 0;
    fragments_.end_burst();  // the payloads of the last burst with fragments
    for (const parse::Packet& packet : std::span(burst_packets_).first(count)) {
        if ((packet.flags & parse::packet_quoted) != 0) {  // no packet of its own
            pass(packet);
            continue;
        }
        if (fragments_.may_be_over(packet.time_ns)) fragments_.end_pair(packet);
        if ((packet.flags & parse::packet_fragment) != 0) {
            fragments_.take(packet);
        } else {
            pass(packet);
        }
    }
    take_stage_time(api::Stage::fragment);
}

void Pipeline::pass(const parse::Packet& packet) noexcept {
    if (packet_count_ == burst_max) flush();
    packets_[packet_count_++] = packet;
}

void Pipeline::flush() noexcept {
    take_stage_time(api::Stage::fragment);
    run_flows();
}

void Pipeline::hold(const parse::Packet& packet) noexcept {
    ++audit(packet.port).held;
}

void Pipeline::release(const parse::Packet& packet) noexcept {
    pass(packet);
    --audit(packet.port).held;
    if (packet.ipv6 == nullptr) return;
    auto& addresses = held_addresses_[packet_count_ - 1];
    std::memcpy(addresses.data(), packet.ipv6, addresses.size());
    packets_[packet_count_ - 1].ipv6 = addresses.data();
}

void Pipeline::tell_late(const parse::Packet& packet) noexcept {
    flush();
    packets_[0] = packet;
    tracked_[0] = tracker_.tell_late(packet);
    payloads_next_ = 0;
    wanted_count_ = 0;
    note_wanted(0);
    find_requests(0, 1);
    payloads_end_ = 1;
    flush_requests();
    payloads_next_ = payloads_end_ = 0;
}

// Timers run on time. In replay they stop at the oldest fragment whose datagram is open: what its flow is
// told then must not depend on when they ran. Live nobody may keep flows from ending.
void Pipeline::turn_timers(std::uint64_t now_ns) noexcept {
    if (fragments_.may_be_over(now_ns)) {
        fragments_.expire(now_ns);
        run_flows();
        fragments_.end_burst();
    }
    fragments_.forget(now_ns);
    const bool replay = !settings_.flow.fixed;
    tracker_.turn_wheel(replay ? std::min(now_ns, fragments_.low_ns()) : now_ns);
}

void Pipeline::give_up_fragments() noexcept {
    fragments_.give_up_all();
    run_flows();
}

}  // namespace picket
