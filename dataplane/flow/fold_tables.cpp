#include "dataplane/flow/fold_tables.h"

#include <algorithm>
#include <cstring>

namespace picket::flow {
namespace {

constexpr std::uint32_t network_bits_ipv4 = 96 + 24;
constexpr std::uint32_t network_bits_ipv6 = 48;

// Not linear, and nobody knows the secrets: see KeyedHash.
std::uint64_t fold(std::uint64_t left, std::uint64_t right) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

AddressWords network_of(const AddressWords& address) noexcept {
    if (address.is_ipv4()) return {0, address.low & 0x00ffffffffffffff};
    return {address.high & 0x0000ffffffffffff, 0};
}

// As is_ipv4() has it.
AddressWords mapped_words(std::uint32_t ipv4) noexcept {
    return {0, std::uint64_t{ipv4} << 32 | 0xffff0000};
}

AddressWords words_of(const void* bytes) noexcept {
    AddressWords words;
    std::memcpy(&words, bytes, sizeof words);
    return words;
}

AddressWords source_of(const parse::Packet& packet) noexcept {
    if (packet.ipv6 != nullptr) return words_of(packet.ipv6);
    return mapped_words(packet.side == 0 ? packet.key.address_a : packet.key.address_b);
}

AddressWords destination_of(const parse::Packet& packet) noexcept {
    if (packet.ipv6 != nullptr) return words_of(packet.ipv6 + 16);
    return mapped_words(packet.side == 0 ? packet.key.address_b : packet.key.address_a);
}

}  // namespace

std::array<api::Address, 2> ends_of(const parse::Packet& packet) noexcept {
    return {source_of(packet).address(), destination_of(packet).address()};
}

bool may_be_folded(const api::FlowRecord& record) noexcept {
    return record.final != 0 && record.part == 1 &&
           record.directions[0].packets + record.directions[1].packets == 1 && record.rule_count == 0 &&
           record.watch_lists == 0 && record.requests == 0;
}

FoldTables::FoldTables(const KeyedHash& hash) : slots_(fold_tables * fold_slots) {
    for (std::size_t i = 0; i < secrets_.size(); ++i) {
        FlowKey key;
        key.address_a = static_cast<std::uint32_t>(i);
        secrets_[i] = hash(key);
    }
}

inline FoldKey FoldTables::network_key(const AddressWords& source) noexcept {
    return {network_of(source), (source.is_ipv4() ? network_bits_ipv4 : network_bits_ipv6) << 24};
}

inline FoldKey FoldTables::victim_key(const AddressWords& destination, std::uint16_t port,
                                      std::uint8_t protocol) noexcept {
    return {destination, std::uint32_t{protocol} << 16 | port};
}

inline FoldKey FoldTables::key_of(const parse::Packet& packet, std::size_t table) noexcept {
    if (table == 0) return network_key(source_of(packet));
    return victim_key(destination_of(packet), packet.side == 0 ? packet.key.port_b : packet.key.port_a,
                      packet.key.protocol);
}

// PERF: one wide multiplication for IPv4, whose first address word is always 0, two for IPv6.
inline FoldTables::Slot& FoldTables::slot_of(const FoldKey& key, std::size_t table) noexcept {
    std::uint64_t word = key.address.low;
    if (key.address.high != 0) word = fold(key.address.high ^ secrets_[2], word ^ secrets_[3]);
    const std::uint64_t hash = fold(word ^ secrets_[0], key.rest ^ secrets_[1]);
    return slots_[table * fold_slots + (hash & (fold_slots - 1))];
}

inline bool FoldTables::own(Slot& slot, const FoldKey& key, std::uint64_t time_ns) noexcept {
    if (FoldKey{slot.address, slot.rest} == key) return true;
    if (slot.packets + slot.records != 0) return false;
    slot.address = key.address;
    slot.rest = key.rest;
    slot.first_ns = time_ns;
    slot.last_ns = time_ns;
    return true;
}

// PERF: two passes, so that the lines of all packets are asked for before the first is waited for; sums stay
// in registers. Keys are made twice: kept in an array meanwhile, they were loaded in other pieces than they
// had been stored in, and waiting for that took three quarters of this function.
void FoldTables::add_packets(std::span<const parse::Packet* const> packets) noexcept {
    std::array<Slot*, batch_max> slots;
    std::uint64_t bytes = 0;
    for (const parse::Packet* packet : packets) bytes += packet->ip_bytes;
    totals_.packets += packets.size();
    totals_.bytes += bytes;
    for (std::size_t table = 0; table < fold_tables; ++table) {
        for (std::size_t i = 0; i < packets.size(); ++i) {
            slots[i] = &slot_of(key_of(*packets[i], table), table);
            __builtin_prefetch(slots[i], 1);
        }
        std::uint64_t other_packets = 0;
        std::uint64_t other_bytes = 0;
        for (std::size_t i = 0; i < packets.size(); ++i) {
            const parse::Packet& packet = *packets[i];
            Slot& slot = *slots[i];
            if (own(slot, key_of(packet, table), packet.time_ns)) {
                ++slot.packets;
                slot.bytes += packet.ip_bytes;
                slot.first_ns = std::min(slot.first_ns, packet.time_ns);
                slot.last_ns = std::max(slot.last_ns, packet.time_ns);
            } else {
                ++other_packets;
                other_bytes += packet.ip_bytes;
            }
        }
        others_[table].packets += other_packets;
        others_[table].bytes += other_bytes;
    }
}

void FoldTables::add_record(const api::FlowRecord& record) noexcept {
    const FoldTotals more{0, 0, 1, record.directions[0].bytes + record.directions[1].bytes};
    totals_ += more;
    for (std::size_t table = 0; table < fold_tables; ++table) {
        const FoldKey key =
            table == 0 ? network_key(words_of(&record.source))
                       : victim_key(words_of(&record.destination), record.destination_port, record.protocol);
        Slot& slot = slot_of(key, table);
        if (!own(slot, key, record.part_last_ns)) {
            others_[table] += more;
            continue;
        }
        ++slot.records;
        slot.record_bytes += more.record_bytes;
        slot.first_ns = std::min(slot.first_ns, record.part_last_ns);
        slot.last_ns = std::max(slot.last_ns, record.part_last_ns);
    }
}

FoldTotals FoldTables::held(std::size_t table) const noexcept {
    FoldTotals held;
    for (std::size_t i = 0; i < fold_slots; ++i) {
        const Slot& slot = slots_[table * fold_slots + i];
        held += {slot.packets, slot.bytes, slot.records, slot.record_bytes};
    }
    return held;
}

api::FoldEntry FoldTables::entry_of(const Slot& slot) noexcept {
    api::FoldEntry entry;
    entry.address = slot.address.address();
    entry.port = static_cast<std::uint16_t>(slot.rest);
    entry.protocol = static_cast<std::uint8_t>(slot.rest >> 16);
    entry.prefix_bits = static_cast<std::uint8_t>(slot.rest >> 24);
    entry.records = slot.records;
    entry.packets = slot.packets;
    entry.bytes = slot.bytes;
    entry.record_bytes = slot.record_bytes;
    entry.first_ns = slot.first_ns;
    entry.last_ns = slot.last_ns;
    return entry;
}

}  // namespace picket::flow
