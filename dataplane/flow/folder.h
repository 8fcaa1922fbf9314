// Whether a packet of no known flow begins one, or is folded, while the flow table is under pressure.
//
// Below FlowSettings::fold_above_share of the capacity every packet may begin a flow. Above it the rest of
// the table is kept for packets that give proof of being worth a flow, in steps, so that no kind of
// one-packet flood can take the room of real connections:
//
//   share of the rest   what may begin a flow
//   first half          TCP but for a bare SYN: an answer, or a connection that exists
//   three quarters      payload that could hold a request or that a rule asks for
//   all of it           the second packet of a flow that was folded a moment ago; watched addresses
//
// A bare SYN is never a second packet: repeated, or copied by a span port, it proves no more.
//
// What was folded a moment ago is remembered by signatures of the keyed hash in a small direct-mapped table:
// a newer packet takes the place, and a signature is believed for 4 to 9 seconds. A flow that began that way
// is marked api::flow_first_folded: its first packets are in the fold tables.
//
// Folded packets are gathered during a burst and counted at its end, so that the lines they need are on their
// way meanwhile. Memory is fixed. Not thread-safe: one worker's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "dataplane/api/counters.h"
#include "dataplane/flow/fold_tables.h"
#include "dataplane/parse/packet.h"

namespace picket::flow {

// What other stages know of a packet that would begin a flow.
enum class Interest : std::uint8_t { none, payload, watched };
struct InterestCallback {
    Interest (*call)(void* context, const parse::Packet& packet) noexcept = nullptr;
    void* context = nullptr;
};

enum class Admission : std::uint8_t {
    begin,       // begins a flow
    begin_late,  // begins a flow whose first packet was folded
    fold,        // was folded
};

class Folder {
  public:
    // share: of capacity, above which packets are folded; 0: never.
    Folder(const KeyedHash& hash, std::size_t capacity, double share);

    void set_interest(InterestCallback interest) noexcept { interest_ = interest; }

    [[nodiscard]] bool presses(std::size_t entries) const noexcept { return entries >= fold_at_; }

    // A packet that admit() is likely to be asked for.
    void prefetch(const parse::Packet& packet) const noexcept { __builtin_prefetch(&seen_[seat(packet)], 1); }

    // REQUIRES: presses(entries), and the packet stays where it is until settle().
    [[nodiscard]] Admission admit(const parse::Packet& packet, std::size_t entries) noexcept;

    // Counts what admit() has folded since the last call; at the end of every burst.
    void settle() noexcept;

    [[nodiscard]] FoldTables& tables() noexcept { return tables_; }
    [[nodiscard]] const FoldTables& tables() const noexcept { return tables_; }
    void publish(api::WorkerCounters& counters) const noexcept;

  private:
    static constexpr std::size_t gathered_max = FoldTables::batch_max;
    static constexpr unsigned seen_bits = 15;
    static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

    [[nodiscard]] static std::size_t seat(const parse::Packet& packet) noexcept {
        return packet.hash >> (64 - seen_bits);
    }
    // Whether the packet's flow was folded a moment ago; remembers it for the next time.
    [[nodiscard]] bool seen_before(const parse::Packet& packet) noexcept;
    [[nodiscard]] bool has_proof(const parse::Packet& packet, std::size_t entries) const noexcept;

    std::size_t fold_at_ = never;
    std::size_t answers_until_ = 0;  // entries
    std::size_t payloads_until_ = 0;
    std::size_t capacity_ = 0;
    FoldTables tables_;
    std::vector<std::uint32_t> seen_;
    InterestCallback interest_;
    std::array<const parse::Packet*, gathered_max> gathered_{};
    std::size_t gathered_count_ = 0;
    std::uint64_t begun_late_ = 0;
};

}  // namespace picket::flow
