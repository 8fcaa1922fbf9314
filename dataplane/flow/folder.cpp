#include "dataplane/flow/folder.h"

#include <algorithm>

namespace picket::flow {
namespace {

constexpr unsigned moment_shift = 32;  // 4.3 s

// The signature of a packet's flow, different every moment so that old ones are not believed.
std::uint32_t signature(std::uint64_t hash, std::uint64_t moment) noexcept {
    return static_cast<std::uint32_t>(hash) ^ static_cast<std::uint32_t>(moment * 0x9e3779b1);
}

// Nothing but the wish to connect, which a flood consists of; repeated, or copied by a span port, it proves
// no more.
bool is_bare_syn(const parse::Packet& packet) noexcept {
    constexpr std::uint8_t all = parse::tcp_syn | parse::tcp_ack | parse::tcp_rst | parse::tcp_fin;
    return packet.key.protocol == parse::protocol_tcp && (packet.tcp_flags & all) == parse::tcp_syn;
}

}  // namespace

Folder::Folder(const KeyedHash& hash, std::size_t capacity, double share)
    : capacity_(capacity), tables_(hash), seen_(std::size_t{1} << seen_bits) {
    if (share <= 0) return;
    const auto above = static_cast<std::size_t>(static_cast<double>(capacity) * std::min(share, 1.0));
    fold_at_ = std::min(above, capacity);
    const std::size_t rest = capacity - fold_at_;
    answers_until_ = fold_at_ + rest / 2;
    payloads_until_ = fold_at_ + rest / 4 * 3;
}

bool Folder::seen_before(const parse::Packet& packet) noexcept {
    const std::uint64_t moment = packet.time_ns >> moment_shift;
    std::uint32_t& seen = seen_[seat(packet)];
    const std::uint32_t now = signature(packet.hash, moment);
    if (seen == now || seen == signature(packet.hash, moment - 1)) return true;
    seen = now;
    return false;
}

bool Folder::has_proof(const parse::Packet& packet, std::size_t entries) const noexcept {
    if (entries < answers_until_ && packet.key.protocol == parse::protocol_tcp && !is_bare_syn(packet)) {
        return true;
    }
    if (interest_.call == nullptr) return false;
    switch (interest_.call(interest_.context, packet)) {
        case Interest::watched:
            return true;
        case Interest::payload:
            return entries < payloads_until_;
        case Interest::none:
            break;
    }
    return false;
}

Admission Folder::admit(const parse::Packet& packet, std::size_t entries) noexcept {
    const bool seen = seen_before(packet);
    if (entries < capacity_) {
        if (seen && !is_bare_syn(packet)) {
            ++begun_late_;
            return Admission::begin_late;
        }
        if (has_proof(packet, entries)) return Admission::begin;
    }
    if (gathered_count_ == gathered_max) settle();
    gathered_[gathered_count_++] = &packet;
    return Admission::fold;
}

void Folder::settle() noexcept {
    if (gathered_count_ == 0) return;
    tables_.add_packets(std::span(gathered_).first(gathered_count_));
    gathered_count_ = 0;
}

void Folder::publish(api::WorkerCounters& counters) const noexcept {
    const FoldTotals& totals = tables_.totals();
    counters.folded_packets = totals.packets;
    counters.folded_bytes = totals.bytes;
    counters.folded_records = totals.records;
    counters.folded_record_bytes = totals.record_bytes;
    counters.flows_begun_late = begun_late_;
}

}  // namespace picket::flow
