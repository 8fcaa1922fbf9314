// Where packets are counted that get no flow of their own while the flow table is under pressure, and flows
// whose records find the event ring nearly full: by source network and by victim, in fixed memory.
//
//   FoldSlot, 64 bytes = one cache line, found by the keyed hash of its key
//    0                   16    18   19   20        24        32       40             48         56         64
//   +-------------------+-----+----+----+---------+---------+--------+--------------+----------+----------+
//   | address           | port|prot|bits| records | packets | bytes  | record bytes | first ns | last ns  |
//   +-------------------+-----+----+----+---------+---------+--------+--------------+----------+----------+
//
// Two tables of fold_slots slots: source networks (/24 of IPv4, /48 of IPv6; no port) and victims (address,
// port, protocol of the destination). A slot belongs to the first key that finds it empty; what finds it
// taken goes to the table's `other`. A sweep empties every slot about once a second, so that who sends most
// also holds a slot soonest; nothing is ever evicted by a packet.
//
// Invariant, for each table, at every moment: slots + reported + other = totals, in packets, bytes and
// records. REQUIRES nothing of the traffic: the hash is keyed, nobody can aim at slots.
// Memory: allocated at construction, never more. Not thread-safe: one worker's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/api/events.h"
#include "dataplane/flow/flow_key.h"
#include "dataplane/parse/packet.h"

namespace picket::flow {

inline constexpr std::size_t fold_slots = 2048;
inline constexpr std::size_t fold_tables = 2;

// Source and destination of a packet.
[[nodiscard]] std::array<api::Address, 2> ends_of(const parse::Packet& packet) noexcept;

// Whether a record says no more than the fold tables can: all of a flow of one packet that nobody asked for.
[[nodiscard]] bool may_be_folded(const api::FlowRecord& record) noexcept;

// What api::FoldEntry says, as a key: 16 bytes of address and 8 of the rest, compared as three words.
struct FoldKey {
    api::Address address;
    std::uint16_t port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t prefix_bits = 0;  // of the network; 0: a victim
};

struct FoldTotals {
    std::uint64_t packets = 0;  // folded before they had a flow: the outcome `folded`
    std::uint64_t bytes = 0;
    std::uint64_t records = 0;  // one-packet flows whose record was folded; their packets are in flows
    std::uint64_t record_bytes = 0;

    FoldTotals& operator+=(const FoldTotals& more) noexcept {
        packets += more.packets;
        bytes += more.bytes;
        records += more.records;
        record_bytes += more.record_bytes;
        return *this;
    }
    bool operator==(const FoldTotals&) const = default;
};

// Source network and victim of what is folded, and where both are counted.
struct FoldPlace {
    std::array<FoldKey, fold_tables> keys;
    std::array<std::uint32_t, fold_tables> slots{};
};

class FoldTables {
  public:
    explicit FoldTables(const KeyedHash& hash);

    // Finds the place and asks for its lines.
    [[nodiscard]] FoldPlace place(const parse::Packet& packet) const noexcept;
    void add(const FoldPlace& place, std::uint64_t packets, std::uint64_t bytes, std::uint64_t records,
             std::uint64_t record_bytes, std::uint64_t time_ns) noexcept;

    void add_packet(const FoldPlace& place, const parse::Packet& packet) noexcept {
        add(place, 1, packet.ip_bytes, 0, 0, packet.time_ns);
    }
    // A flow of one packet, in place of its record.
    void add_record(const api::FlowRecord& record) noexcept;

    // Empties the slots [from, from + count) of one table: entries of at least `worth` packets and records
    // are given to report(entry), which returns whether it could be told; others, and those that could not
    // be told because less than `worth` came, go to `other`. What could not be told stays.
    template <typename Report>
    void sweep(std::size_t table, std::size_t from, std::size_t count, std::uint64_t worth,
               Report&& report) noexcept {
        for (std::size_t i = from; i < from + count && i < fold_slots; ++i) {
            Slot& slot = slots_[table * fold_slots + i];
            if (slot.packets + slot.records == 0) continue;
            const FoldTotals counted{slot.packets, slot.bytes, slot.records, slot.record_bytes};
            if (counted.packets + counted.records < worth) {
                others_[table] += counted;
            } else if (report(entry_of(slot))) {
                reported_[table] += counted;
            } else {
                continue;
            }
            slot = Slot{};
        }
    }

    [[nodiscard]] const FoldTotals& totals() const noexcept { return totals_; }
    // What a table could not attribute; what it reported; what its slots hold now.
    [[nodiscard]] const FoldTotals& other(std::size_t table) const noexcept { return others_[table]; }
    [[nodiscard]] const FoldTotals& reported(std::size_t table) const noexcept { return reported_[table]; }
    [[nodiscard]] FoldTotals held(std::size_t table) const noexcept;

  private:
    struct alignas(64) Slot {
        FoldKey key;
        std::uint32_t records = 0;
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
        std::uint64_t record_bytes = 0;
        std::uint64_t first_ns = 0;
        std::uint64_t last_ns = 0;
    };
    static_assert(sizeof(Slot) == 64 && sizeof(FoldKey) == 20, "a fold touches one line a table");

    [[nodiscard]] std::uint32_t slot_of(std::size_t table, const FoldKey& key) const noexcept;
    [[nodiscard]] FoldPlace place_of(const api::Address& source, const api::Address& destination,
                                     std::uint16_t port, std::uint8_t protocol) const noexcept;
    [[nodiscard]] static api::FoldEntry entry_of(const Slot& slot) noexcept;

    KeyedHash hash_;
    std::vector<Slot> slots_;
    FoldTotals totals_;
    std::array<FoldTotals, fold_tables> others_;
    std::array<FoldTotals, fold_tables> reported_;
};

}  // namespace picket::flow
