#include "dataplane/flow/fold_tables.h"

#include <algorithm>
#include <cstring>

namespace picket::flow {
namespace {

constexpr std::uint8_t network_bits_ipv4 = 96 + 24;
constexpr std::uint8_t network_bits_ipv6 = 48;

bool same(const FoldKey& left, const FoldKey& right) noexcept {
    return std::memcmp(&left, &right, sizeof left) == 0;
}

api::Address network_of(const api::Address& address, std::uint8_t bits) noexcept {
    api::Address network;
    std::memcpy(network.bytes.data(), address.bytes.data(), bits / 8);
    return network;
}

}  // namespace

std::array<api::Address, 2> ends_of(const parse::Packet& packet) noexcept {
    std::array<api::Address, 2> ends;
    if (packet.ipv6 != nullptr) {
        std::memcpy(ends[0].bytes.data(), packet.ipv6, 16);
        std::memcpy(ends[1].bytes.data(), packet.ipv6 + 16, 16);
        return ends;
    }
    const std::uint32_t from = packet.side == 0 ? packet.key.address_a : packet.key.address_b;
    const std::uint32_t to = packet.side == 0 ? packet.key.address_b : packet.key.address_a;
    ends[0] = api::ipv4_mapped(reinterpret_cast<const std::uint8_t*>(&from));
    ends[1] = api::ipv4_mapped(reinterpret_cast<const std::uint8_t*>(&to));
    return ends;
}

bool may_be_folded(const api::FlowRecord& record) noexcept {
    return record.final != 0 && record.part == 1 &&
           record.directions[0].packets + record.directions[1].packets == 1 && record.rule_count == 0 &&
           record.watch_lists == 0 && record.requests == 0;
}

FoldTables::FoldTables(const KeyedHash& hash) : hash_(hash), slots_(fold_tables * fold_slots) {}

std::uint32_t FoldTables::slot_of(std::size_t table, const FoldKey& key) const noexcept {
    std::array<std::uint8_t, 16> rest{};
    std::memcpy(rest.data(), reinterpret_cast<const std::uint8_t*>(&key) + sizeof key.address,
                sizeof key - sizeof key.address);
    const std::uint64_t hash = hash_.digest(key.address.bytes.data(), rest.data());
    return static_cast<std::uint32_t>(table * fold_slots + (hash & (fold_slots - 1)));
}

FoldPlace FoldTables::place_of(const api::Address& source, const api::Address& destination,
                               std::uint16_t port, std::uint8_t protocol) const noexcept {
    FoldPlace place;
    const std::uint8_t bits = source.is_ipv4() ? network_bits_ipv4 : network_bits_ipv6;
    place.keys[0] = {network_of(source, bits), 0, 0, bits};
    place.keys[1] = {destination, port, protocol, 0};
    for (std::size_t table = 0; table < fold_tables; ++table) {
        place.slots[table] = slot_of(table, place.keys[table]);
        __builtin_prefetch(&slots_[place.slots[table]], 1);
    }
    return place;
}

FoldPlace FoldTables::place(const parse::Packet& packet) const noexcept {
    const auto ends = ends_of(packet);
    return place_of(ends[0], ends[1], packet.side == 0 ? packet.key.port_b : packet.key.port_a,
                    packet.key.protocol);
}

void FoldTables::add(const FoldPlace& place, std::uint64_t packets, std::uint64_t bytes,
                     std::uint64_t records, std::uint64_t record_bytes, std::uint64_t time_ns) noexcept {
    const FoldTotals more{packets, bytes, records, record_bytes};
    totals_ += more;
    for (std::size_t table = 0; table < fold_tables; ++table) {
        Slot& slot = slots_[place.slots[table]];
        const bool empty = slot.packets + slot.records == 0;
        if (empty) {
            slot.key = place.keys[table];
            slot.first_ns = time_ns;
        } else if (!same(slot.key, place.keys[table])) {
            others_[table] += more;
            continue;
        }
        slot.packets += packets;
        slot.bytes += bytes;
        slot.records += static_cast<std::uint32_t>(records);
        slot.record_bytes += record_bytes;
        slot.first_ns = std::min(slot.first_ns, time_ns);
        slot.last_ns = std::max(slot.last_ns, time_ns);
    }
}

void FoldTables::add_record(const api::FlowRecord& record) noexcept {
    const std::uint64_t bytes = record.directions[0].bytes + record.directions[1].bytes;
    add(place_of(record.source, record.destination, record.destination_port, record.protocol), 0, 0, 1, bytes,
        record.part_last_ns);
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
    entry.address = slot.key.address;
    entry.port = slot.key.port;
    entry.protocol = slot.key.protocol;
    entry.prefix_bits = slot.key.prefix_bits;
    entry.records = slot.records;
    entry.packets = slot.packets;
    entry.bytes = slot.bytes;
    entry.record_bytes = slot.record_bytes;
    entry.first_ns = slot.first_ns;
    entry.last_ns = slot.last_ns;
    return entry;
}

}  // namespace picket::flow
