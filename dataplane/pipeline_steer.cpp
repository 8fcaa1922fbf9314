// The steer stage of the pipeline: packets go to the worker that owns their flow.
#include "dataplane/pipeline.h"
#include "dataplane/steer/owner.h"

namespace picket {

// Keeps the packets whose flows are this worker's and hands the others over. What comes from elsewhere is its
// own, but for what ICMP errors quote: the owner of that was told by whoever received the frame.
void Pipeline::steer_burst(std::span<const rx::Frame> frames, Origin origin) noexcept {
    if (origin != Origin::queue && !quotes_) return;
    std::size_t kept = 0;
    std::uint32_t owner_before = settings_.worker;
    for (std::size_t i = 0; i < packet_count_; ++i) {
        const bool quote = (packets_[i].flags & parse::packet_quoted) != 0;
        const std::uint32_t owner =
            origin == Origin::queue || quote ? owner_of(packets_[i]) : settings_.worker;
        if (owner == settings_.worker) {
            if (kept != i) packets_[kept] = packets_[i];
            ++kept;
        } else if (origin == Origin::queue) {
            const rx::Frame& frame = frames[frame_of_[i]];
            if (!quote) {
                hand_over(frame, owner);
            } else if (owner != owner_before && !send_quote(frame, owner)) {
                ++counters_.quotes_lost;
            }
        }
        owner_before = owner;
    }
    packet_count_ = kept;
}

bool Pipeline::send_quote(const rx::Frame& frame, std::uint32_t owner) noexcept {
    rx::Frame notice = frame;
    notice.quote_only = true;
    // What is too long for the ring will not fit later either.
    return mesh_->ring(settings_.worker, owner).push(notice) != steer::PushResult::full;
}

void Pipeline::hand_over(const rx::Frame& frame, std::uint32_t owner) noexcept {
    switch (mesh_->ring(settings_.worker, owner).push(frame)) {
        case steer::PushResult::pushed:
            ++audits_[frame.port].handed_out;
            break;
        case steer::PushResult::full:
            count(frame.port, api::Outcome::steer_full);
            break;
        case steer::PushResult::oversize:
            count(frame.port, api::Outcome::oversize);
            break;
    }
}

Pipeline::Owners Pipeline::owners(const rx::Frame& frame) noexcept {
    parse::Packet packet;
    const flow::KeyedHash& hash = tracker_.table().hasher();
    if (!parse::parse_plain(frame, hash, packet) &&
        parse::parse_frame(frame, settings_.parse, hash, packet)) {
        return {settings_.worker, settings_.worker};
    }
    Owners owners{owner_of(packet), owner_of(packet)};
    if ((packet.flags & parse::packet_icmp_error) == 0) return owners;
    parse::Packet quoted;
    if (parse::parse_quoted(packet, settings_.parse, hash, quoted)) owners.quote = owner_of(quoted);
    return owners;
}

std::uint32_t Pipeline::owner_of(const parse::Packet& packet) const noexcept {
    const bool at_home =
        (settings_.symmetric_ports >> packet.port & 1u) != 0 && (packet.flags & parse::packet_plain) != 0;
    return at_home ? settings_.worker : steer::owner_of(packet, settings_.workers);
}

bool Pipeline::receive_and_steer(const rx::Frame& frame, std::uint32_t owner) noexcept {
    if (owner != settings_.worker) {
        const auto result = mesh_->ring(settings_.worker, owner).push(frame);
        if (result == steer::PushResult::full) return false;
        if (result == steer::PushResult::pushed) {
            ++audit(frame.port).handed_out;
        } else {
            count(frame.port, api::Outcome::oversize);
        }
    }
    api::PortAudit& port = audit(frame.port);
    ++port.received;
    port.received_bytes += frame.wire_length;
    return true;
}

}  // namespace picket
