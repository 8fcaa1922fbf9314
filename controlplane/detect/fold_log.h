// When the data plane folded, how much, and who stood out: for `picket event show`, status and its answers.
//
// How much comes from the workers' counters, which are exact whatever happens to events and to picketd; who,
// from fold events, which name those who stand out. What no event names is the rest.
//
// A time of folding ends when nothing has been folded for quiet_seconds. Thread-safe: the drain thread adds
// and samples, HTTP threads read copies. Bounded: fold_parties_max parties, the lesser half of which makes
// room when there are more.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/detect/counter_snapshot.h"
#include "controlplane/detect/event_log.h"
#include "controlplane/store/flat_map.h"
#include "dataplane/api/events.h"

namespace picket::detect {

inline constexpr std::size_t fold_parties_max = 8192;

// A source network or a victim, and what of it was folded.
struct FoldParty {
    api::Address address;
    std::uint16_t port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t prefix_bits = 0;  // 0: a victim
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t records = 0;

    [[nodiscard]] std::uint64_t count() const noexcept { return packets + records; }
};

// "192.0.2.7:80 TCP" or "198.51.100.0/24".
std::string party_text(const FoldParty& party);

struct FoldCounts {
    std::uint64_t packets = 0;  // the outcome `folded`
    std::uint64_t bytes = 0;
    std::uint64_t records = 0;  // flows of one packet each without a record
    std::uint64_t record_bytes = 0;
    std::uint64_t hits = 0;  // told as counts; they are in the alerts

    [[nodiscard]] std::uint64_t count() const noexcept { return packets + records; }
};

// One time of folding.
struct FoldTime {
    std::uint64_t begin_ns = 0;  // UTC
    std::uint64_t last_ns = 0;   // of the last sample that saw more folded
    bool lasts = false;
    FoldCounts counts;
    std::vector<FoldParty> networks;  // the greatest first
    std::vector<FoldParty> victims;
};

class FoldLog {
  public:
    explicit FoldLog(EventLog& events) : events_(events) {}

    // A data plane was connected. same_run: the one from before, which has counted on.
    void connected(bool same_run);
    void sample(const CounterSnapshot& counters);
    void add(const api::FoldEvent& event);

    // The present or the last time of folding, with so many parties; nothing if there was none.
    [[nodiscard]] std::optional<FoldTime> latest(std::size_t parties) const;

    static constexpr std::uint64_t quiet_ns = 10'000'000'000;

  private:
    struct Key {
        api::Address address;
        std::uint64_t rest = 0;
        bool operator==(const Key&) const = default;
        [[nodiscard]] std::uint64_t hash(const store::FlatHash& base) const noexcept {
            return store::mix_words(base(address), base(rest));
        }
    };

    void begin(const CounterSnapshot& counters, const FoldCounts& more);
    void end();
    void forget_lesser_parties();
    [[nodiscard]] std::vector<FoldParty> greatest(bool victims, std::size_t count) const;
    [[nodiscard]] std::string standing_out() const;
    [[nodiscard]] std::string amount() const;

    EventLog& events_;
    mutable std::mutex mutex_;
    FoldTime time_;
    std::uint64_t told_ns_ = 0;        // when the event log last heard of it
    std::uint64_t tell_after_ns_ = 0;  // after told_ns_, for a time that lasts
    FoldCounts before_;                // counters at the last sample
    bool sampled_ = false;
    store::FlatMap<Key, FoldParty> parties_;
};

}  // namespace picket::detect
