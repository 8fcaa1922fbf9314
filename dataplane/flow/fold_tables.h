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
#include <cstring>
#include <span>
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

// An address as two words of its bytes in memory.
// PERF: keys are made and compared in words. Made byte by byte, each word that is read again has to wait for
// the stores of its parts.
struct AddressWords {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    [[nodiscard]] bool is_ipv4() const noexcept {
        return high == 0 && static_cast<std::uint32_t>(low) == 0xffff0000;
    }
    [[nodiscard]] api::Address address() const noexcept {
        api::Address address;
        std::memcpy(address.bytes.data(), this, sizeof *this);
        return address;
    }
};

// What api::FoldEntry says of who it is.
struct FoldKey {
    AddressWords address;
    std::uint32_t rest = 0;  // port, protocol << 16, prefix bits << 24 (0: a victim)

    bool operator==(const FoldKey& other) const noexcept {
        return ((address.high ^ other.address.high) | (address.low ^ other.address.low) |
                (rest ^ other.rest)) == 0;
    }
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

class FoldTables {
  public:
    explicit FoldTables(const KeyedHash& hash);

    // At most batch_max packets.
    void add_packets(std::span<const parse::Packet* const> packets) noexcept;
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

    static constexpr std::size_t batch_max = 64;

  private:
    struct alignas(64) Slot {
        AddressWords address;
        std::uint32_t rest = 0;
        std::uint32_t records = 0;
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
        std::uint64_t record_bytes = 0;
        std::uint64_t first_ns = 0;
        std::uint64_t last_ns = 0;
    };
    static_assert(sizeof(Slot) == 64, "a fold touches one line a table");

    // The first table counts by source network, the second by victim.
    [[nodiscard]] static FoldKey network_key(const AddressWords& source) noexcept;
    [[nodiscard]] static FoldKey victim_key(const AddressWords& destination, std::uint16_t port,
                                            std::uint8_t protocol) noexcept;
    [[nodiscard]] static FoldKey key_of(const parse::Packet& packet, std::size_t table) noexcept;
    [[nodiscard]] Slot& slot_of(const FoldKey& key, std::size_t table) noexcept;
    // Whether the slot is the key's, or has become so.
    [[nodiscard]] static bool own(Slot& slot, const FoldKey& key, std::uint64_t time_ns) noexcept;
    [[nodiscard]] static api::FoldEntry entry_of(const Slot& slot) noexcept;

    std::array<std::uint64_t, 4> secrets_{};
    std::vector<Slot> slots_;
    FoldTotals totals_;
    std::array<FoldTotals, fold_tables> others_;
    std::array<FoldTotals, fold_tables> reported_;
};

}  // namespace picket::flow
