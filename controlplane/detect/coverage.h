// What could have falsified an answer: loss, blindness and folding, by second.
//
// Thread-safe. The drain thread samples about once a second, queries read. Only seconds in which something
// was lost or folded are kept, and spans without a data plane; both are bounded.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "controlplane/detect/counter_snapshot.h"

namespace picket::detect {

struct CoverageAnswer {
    std::uint64_t lost = 0;    // packets or records that an answer for the interval may lack
    std::uint64_t folded = 0;  // packets and one-packet flows that are counted, but in no row
    double seconds_blind = 0;
};

class Coverage {
  public:
    // started_ns: of picketd, which is blind from then until the first connection.
    explicit Coverage(std::uint64_t started_ns) : started_ns_(started_ns) {}

    // Captures lose nothing and have times of their own: their totals answer for every interval.
    void connected(std::uint64_t now_ns, std::uint64_t seen_since_ns, bool replay, bool same_run);
    void disconnected(std::uint64_t now_ns);
    // Of the run that is connected so much was told before, by another picketd: the next sample tells the
    // rest.
    void told_before(std::uint64_t lost, std::uint64_t folded);

    struct Second {
        std::uint64_t time_ns = 0;
        std::uint64_t lost = 0;
        std::uint64_t folded = 0;
    };

    // Attributes what was lost or folded since the last sample of this run to the second of this one; returns
    // it.
    Second sample(const CounterSnapshot& counters);

    [[nodiscard]] CoverageAnswer answer(std::optional<std::uint64_t> since_ns,
                                        std::optional<std::uint64_t> until_ns, std::uint64_t now_ns) const;
    // Beginning of what is known, 0 before the first connection.
    [[nodiscard]] std::uint64_t since_ns() const;

  private:
    struct Span {
        std::uint64_t begin_ns = 0;
        std::uint64_t end_ns = 0;  // 0: lasts
    };

    mutable std::mutex mutex_;
    std::deque<Second> seconds_;
    std::deque<Span> blind_;
    std::uint64_t started_ns_;
    std::uint64_t since_ns_ = 0;
    bool replay_ = false;
    bool connected_ = false;
    bool sampled_ = false;  // lost_before_ and folded_before_ hold counts of this run
    std::uint64_t lost_before_ = 0;
    std::uint64_t folded_before_ = 0;
    std::uint64_t lost_total_ = 0;
    std::uint64_t folded_total_ = 0;
};

}  // namespace picket::detect
