// The fingerprints of the packets of the last moments, to tell copies by.
//
// A set-associative table of fixed size: 4,096 lines of a cache line each, five fingerprints a line, the
// oldest of a line gives way. What gave way within its window is counted: unless that grows, results depend
// neither on the table nor on the number of workers.
//
//   0                                       40                  60      64
//   +-------+-------+-------+-------+-------+---+---+---+---+---+-------+
//   | five fingerprints of 8 bytes          | their moments     | next  |
//   +-------+-------+-------+-------+-------+---+---+---+---+---+-------+
//
// Window: 10 ms of packet time with an IP identification, 1 ms without, before or after, because ports are
// polled in turn; in ticks of 1,024 ns, which come again after 18 minutes. It counts from the first of the
// copies, so that no chain of packets extends it.
//
// No more than three copies of a packet are told, or one without identification: what comes more often is a
// flood of equal packets, which must not vanish. From then on until it pauses for a window all of it counts.
//
// One worker's; 256 KiB, so that it stays in the core's second-level cache; noexcept after construction.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/duplicate/fingerprint.h"
#include "dataplane/flow/page_mapping.h"

namespace picket::duplicate {

inline constexpr std::uint64_t identified_window_ns = 10'000'000;
inline constexpr std::uint64_t unidentified_window_ns = 1'000'000;
inline constexpr unsigned identified_copies_max = 3;

class DuplicateWindow {
  public:
    static constexpr std::size_t line_bits = 12;
    static constexpr std::size_t ways = 5;

    // Throws SetupError if there is no memory.
    DuplicateWindow();

    void prefetch(Fingerprint fingerprint) const noexcept { __builtin_prefetch(&line_of(fingerprint), 1); }

    // Whether a packet of that fingerprint was seen within the window; if not, this one is from now on.
    // REQUIRES: not no_fingerprint.
    [[nodiscard]] bool has_seen(Fingerprint fingerprint, std::uint64_t time_ns) noexcept {
        Line& line = line_of(fingerprint);
        const Moment now = moment_of(time_ns);
        for (unsigned way = 0; way < ways; ++way) {
            if (line.fingerprints[way] == fingerprint) [[unlikely]]
                return is_copy(line, way, now);
        }
        const std::uint32_t way = line.next;
        const Fingerprint old = line.fingerprints[way];
        // Of an empty place bit 0 is not set.
        displaced_ += static_cast<std::uint64_t>(distance(now, line.moments[way]) <= window_of(old)) & old;
        line.fingerprints[way] = fingerprint;
        line.moments[way] = now;
        line.next = way + 1 == ways ? 0 : way + 1;
        return false;
    }

    // Fingerprints that gave way within their window: a copy of their packets would not be recognised.
    [[nodiscard]] std::uint64_t displaced() const noexcept { return displaced_; }

  private:
    // A tick in the upper 30 bits; below, how many copies were told since.
    using Moment = std::uint32_t;
    static constexpr Moment told_mask = 3;
    static constexpr Moment moment_of(std::uint64_t time_ns) noexcept {
        return static_cast<Moment>(time_ns >> 8) & ~told_mask;
    }
    static constexpr Moment window_of(Fingerprint fingerprint) noexcept {
        return moment_of((fingerprint & has_identification) != 0 ? identified_window_ns
                                                                 : unidentified_window_ns);
    }
    // Either way; the copies told make no tick of difference.
    static constexpr Moment distance(Moment now, Moment then) noexcept {
        const Moment ahead = now - (then & ~told_mask);
        return std::min(ahead, 0 - ahead);
    }

    struct alignas(64) Line {
        std::array<Fingerprint, ways> fingerprints;
        std::array<Moment, ways> moments;
        std::uint32_t next;  // the way that gives way next
    };
    static_assert(sizeof(Line) == 64, "a packet touches one line");

    // The highest bits choose the line; the lowest two are marks.
    [[nodiscard]] Line& line_of(Fingerprint fingerprint) const noexcept {
        return reinterpret_cast<Line*>(memory_.data())[fingerprint >> (64 - line_bits)];
    }
    // REQUIRES: the line holds the packet's fingerprint at `way`.
    [[nodiscard]] static bool is_copy(Line& line, unsigned way, Moment now) noexcept;

    flow::PageMapping memory_;
    std::uint64_t displaced_ = 0;
};

}  // namespace picket::duplicate
