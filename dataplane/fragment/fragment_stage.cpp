#include "dataplane/fragment/fragment_stage.h"

#include <algorithm>

#include "dataplane/api/byte_cursor.h"
#include "dataplane/parse/parse_frame.h"

namespace picket::fragment {
namespace {

using parse::Packet;

constexpr std::size_t room_bytes = std::size_t{1} << 20;

std::uint64_t distance(std::uint64_t one, std::uint64_t other) noexcept {
    return one > other ? one - other : other - one;
}

// Of a later IPv6 fragment the protocol may be that of an extension header, whose end is elsewhere.
bool may_have_ports(const Packet& packet) noexcept {
    switch (packet.key.protocol) {
        case parse::protocol_tcp:
        case parse::protocol_udp:
        case parse::protocol_icmp:
        case parse::protocol_icmpv6:
        case parse::protocol_sctp:
            return true;
        default:
            return packet.ipv6 != nullptr &&
                   std::ranges::find(parse::extension_headers, packet.key.protocol) !=
                       parse::extension_headers.end();
    }
}

void take_payload_away(Packet& packet) noexcept {
    packet.payload = nullptr;
    packet.payload_length = 0;
    packet.payload_captured = 0;
    packet.flags |= parse::packet_later_fragment;  // its transport header is not told of either
}

// To be kept beyond its burst: the outer headers of a tunnel lie in its frame.
Packet without_outer(Packet packet) noexcept {
    packet.flags &= static_cast<std::uint16_t>(~parse::packet_tunnelled);
    return packet;
}

// The flow of the datagram's first fragment is the flow of all.
void learn_flow(const Packet& first, Packet& packet) noexcept {
    packet.key = first.key;
    packet.hash = first.hash;
    packet.side = first.side;
    packet.flags |= first.flags & parse::packet_icmp_reply;
}

}  // namespace

FragmentStage::FragmentStage(const FragmentSettings& settings, const flow::KeyedHash& hash,
                             FragmentSink& sink)
    : hash_(hash),
      sink_(&sink),
      times_jump_(settings.times_jump),
      table_(settings.datagrams),
      pool_(std::max(settings.bytes, datagram_chunks_max * chunk_bytes)),
      held_memory_(settings.held * sizeof(Held)),
      held_capacity_(settings.held),
      room_(room_bytes) {}

void FragmentStage::take(Packet packet) noexcept {
    if (!may_have_ports(packet)) {
        sink_->pass(packet);
        return;
    }
    if ((packet.flags & parse::packet_copy) != 0) {
        take_copy(packet);
        return;
    }
    Datagram& datagram = datagram_of(key_of(packet, hash_), packet);
    ++datagram.fragments;
    datagram.last_ns = packet.time_ns;
    if (datagram.done) {
        learn_flow(datagram.first, packet);
        take_payload_away(packet);
        sink_->pass(packet);
        return;
    }
    add(datagram, packet);
}

// Its ports are those of the fragment that it is a copy of: its own, those of the datagram, or still to come.
// If the datagram was given up in between, it has none.
void FragmentStage::take_copy(Packet& packet) noexcept {
    Datagram* datagram = table_.find(key_of(packet, hash_));
    take_payload_away(packet);
    if (datagram == nullptr || packet.fragment.offset == 0) {
        sink_->pass(packet);
        return;
    }
    ++datagram->fragments;
    if (datagram->done || datagram->first_seen) {
        learn_flow(datagram->first, packet);
        sink_->pass(packet);
        return;
    }
    note_age(*datagram, packet);
    hold(*datagram, packet);
}

// The datagram that the fragment belongs to, a new one if there is none.
Datagram& FragmentStage::datagram_of(const DatagramKey& key, const Packet& packet) noexcept {
    Datagram* datagram = table_.find(key);
    if (datagram != nullptr && datagram->done) {
        // A first fragment after the end begins another datagram, or the same one sent again.
        if (packet.fragment.offset == 0 || distance(packet.time_ns, datagram->last_ns) > remembered_ns) {
            table_.erase(*datagram);
            datagram = nullptr;
        }
    } else if (datagram != nullptr && distance(packet.time_ns, datagram->begun_ns) > whole_within_ns) {
        give_up(*datagram, Why::timed_out);
        datagram = nullptr;
    }
    if (datagram != nullptr) return *datagram;
    if (table_.full()) {
        if (Datagram* done = table_.oldest_done()) {
            table_.erase(*done);
        } else {
            give_up(*table_.oldest_open(), Why::evicted);
        }
    }
    return table_.insert(key, packet.time_ns);
}

void FragmentStage::note_age(Datagram& datagram, const Packet& packet) noexcept {
    datagram.low_ns = std::min(datagram.low_ns, packet.time_ns);
    low_ns_ = std::min(low_ns_, packet.time_ns);
}

void FragmentStage::add(Datagram& datagram, Packet& packet) noexcept {
    note_age(datagram, packet);
    while (pool_.available() < datagram_chunks_max) {
        Datagram* oldest = table_.oldest_open();
        if (oldest == &datagram) oldest = table_.next_younger(*oldest);
        if (oldest == nullptr) break;  // all chunks but this datagram's are free
        give_up(*oldest, Why::evicted);
    }
    if (datagram.bytes.place(packet.fragment, pool_) == Placed::contradicts) {
        datagram.contradicts = true;
        ++contradicting_;
    }
    if (datagram.contradicts) packet.flags |= parse::packet_overlap;
    if (packet.fragment.offset == 0 && !datagram.first_seen) begin_first(datagram, packet);
    if (!datagram.first_seen) {
        hold(datagram, packet);
        return;
    }
    // A second first fragment has ports of its own.
    if (packet.fragment.offset != 0) learn_flow(datagram.first, packet);
    if (datagram.bytes.whole()) {
        complete(datagram, packet);
    } else {
        take_payload_away(packet);
    }
    sink_->pass(packet);
}

void FragmentStage::begin_first(Datagram& datagram, const Packet& packet) noexcept {
    datagram.first = without_outer(packet);
    datagram.first_seen = true;
    release_held(datagram);
}

void FragmentStage::complete(Datagram& datagram, Packet& packet) noexcept {
    Packet whole = packet;
    learn_flow(datagram.first, whole);
    if (put_together(datagram, whole)) {
        packet = whole;
    } else {
        take_payload_away(packet);
    }
    ++datagrams_;
    datagram.bytes.clear(pool_);
    table_.finish(datagram);
    low_is_old_ = low_is_old_ || datagram.low_ns == low_ns_;
}

// Gives the packet the transport header and the payload of the datagram, as far as it is there. False if its
// transport header is none.
bool FragmentStage::put_together(const Datagram& datagram, Packet& packet) noexcept {
    const std::span<std::uint8_t> to = room();
    const std::uint32_t here = datagram.bytes.copy_leading(to, pool_);
    const std::uint32_t length = datagram.bytes.whole() ? datagram.bytes.length() : here;
    const std::uint32_t at = datagram.first.fragment.transport_at;
    if (at > here) return false;
    room_used_ += here;
    packet.flags &= static_cast<std::uint16_t>(~(parse::packet_later_fragment | parse::packet_payload_cut));
    parse::ByteCursor cursor(to.data(), here);
    cursor.take(at);
    parse::Ports ports;  // those of the first fragment hold
    return !parse::parse_transport(cursor, packet.key.protocol, length - at, here < length, packet, ports);
}

std::span<std::uint8_t> FragmentStage::room() noexcept {
    if (room_bytes - room_used_ < datagram_bytes_max) {
        sink_->flush();
        room_used_ = 0;
    }
    return {reinterpret_cast<std::uint8_t*>(room_.data()) + room_used_, datagram_bytes_max};
}

void FragmentStage::hold(Datagram& datagram, const Packet& packet) noexcept {
    while (held_free_ == no_index && held_used_ == held_capacity_) {
        // Somebody holds all of them: the oldest that is not this one, or this one itself.
        Datagram* oldest = table_.oldest_open();
        while (oldest != nullptr && oldest->held_first == no_index) oldest = table_.next_younger(*oldest);
        if (oldest != &datagram) {
            give_up(*oldest, Why::evicted);
        } else {
            const std::uint32_t released = release_held(datagram);
            evicted_ += released;
            datagram.fragments -= released;  // counted
        }
    }
    auto* held = reinterpret_cast<Held*>(held_memory_.data());
    std::uint32_t index = held_used_;
    if (held_free_ != no_index) {
        index = held_free_;
        held_free_ = held[index].next;
    } else {
        ++held_used_;
    }
    held[index].packet = without_outer(packet);
    held[index].next = no_index;
    (datagram.held_first == no_index ? datagram.held_first : held[datagram.held_last].next) = index;
    datagram.held_last = index;
    sink_->hold(packet);
}

// With the flow of the first fragment, if it has come; else as they are. Returns how many there were.
std::uint32_t FragmentStage::release_held(Datagram& datagram) noexcept {
    std::uint32_t released = 0;
    auto* held = reinterpret_cast<Held*>(held_memory_.data());
    while (datagram.held_first != no_index) {
        const std::uint32_t index = datagram.held_first;
        Packet packet = held[index].packet;
        datagram.held_first = held[index].next;
        held[index].next = held_free_;
        held_free_ = index;
        if (datagram.first_seen) {
            learn_flow(datagram.first, packet);
            // If it begins the flow, it begins it as the first would have.
            packet.tcp_flags = datagram.first.tcp_flags;
            packet.tcp_sequence = datagram.first.tcp_sequence;
        }
        if (packet.ipv6 != nullptr) packet.ipv6 = datagram.ipv6.data();
        sink_->release(packet);
        ++released;
    }
    return released;
}

void FragmentStage::give_up(Datagram& datagram, Why why) noexcept {
    (why == Why::timed_out ? timed_out_ : evicted_) += datagram.fragments;
    release_held(datagram);
    if (datagram.first_seen) tell_what_there_is(datagram);
    datagram.bytes.clear(pool_);
    table_.erase(datagram);
    low_is_old_ = low_is_old_ || datagram.low_ns == low_ns_;
}

void FragmentStage::tell_what_there_is(const Datagram& datagram) noexcept {
    Packet packet = datagram.first;
    packet.time_ns = datagram.last_ns;
    if (packet.ipv6 != nullptr) packet.ipv6 = datagram.ipv6.data();
    if (!put_together(datagram, packet)) return;
    packet.flags |= parse::packet_payload_cut;
    sink_->tell_late(packet);
}

// The open datagram that was begun first; addresses: of that pair alone. By time and not by arrival, so that
// the order is the one in which the clock would give them up. nullptr if there is none.
Datagram* FragmentStage::first_begun(std::optional<std::uint64_t> addresses) const noexcept {
    Datagram* first = nullptr;
    for (Datagram* i = table_.oldest_open(); i != nullptr; i = table_.next_younger(*i)) {
        if (addresses && i->addresses != *addresses) continue;
        if (first == nullptr || i->begun_ns < first->begun_ns) first = i;
        if (!times_jump_) break;  // those behind it are younger
    }
    return first;
}

void FragmentStage::end_pair(const Packet& packet) noexcept {
    const std::uint64_t addresses = key_of(packet, hash_).addresses;
    while (Datagram* first = first_begun(addresses)) {
        if (packet.time_ns <= first->begun_ns + whole_within_ns) return;
        give_up(*first, Why::timed_out);
    }
}

void FragmentStage::expire(std::uint64_t now_ns) noexcept {
    while (may_be_over(now_ns)) {
        Datagram* first = first_begun({});
        if (now_ns <= first->begun_ns + whole_within_ns) return;
        give_up(*first, Why::timed_out);
    }
}

void FragmentStage::forget(std::uint64_t now_ns) noexcept {
    constexpr int a_time_max = 64;
    for (int i = 0; i < a_time_max; ++i) {
        Datagram* oldest = table_.oldest_done();
        if (oldest == nullptr || now_ns <= oldest->last_ns + remembered_ns) return;
        table_.erase(*oldest);
    }
}

void FragmentStage::give_up_all() noexcept {
    while (Datagram* first = first_begun({})) give_up(*first, Why::timed_out);
}

std::uint64_t FragmentStage::low_ns() noexcept {
    if (!low_is_old_) return low_ns_;
    low_is_old_ = false;
    low_ns_ = UINT64_MAX;
    for (const Datagram* i = table_.oldest_open(); i != nullptr; i = table_.next_younger(*i)) {
        low_ns_ = std::min(low_ns_, i->low_ns);
    }
    return low_ns_;
}

void FragmentStage::publish(api::WorkerCounters& counters) const noexcept {
    counters.fragment_datagrams = datagrams_;
    counters.fragments_timed_out = timed_out_;
    counters.fragments_evicted = evicted_;
    counters.fragments_contradicting = contradicting_;
}

}  // namespace picket::fragment
