// How the flows of one worker's table divide, and how fast packet time runs, so that their number stays the
// same while new ones begin: whoever begins takes the place of one that falls silent, and that one stays in
// the table until its idle timeout. Pure functions.
#pragma once

#include <cstdint>

#include "bench/tool/row.h"

namespace picket::bench {

struct Population {
    std::uint64_t live = 0;    // flows that get packets, each as likely as any other
    std::uint64_t silent = 0;  // flows that wait for their idle timeout
    std::uint64_t capacity = 0;
    std::uint64_t idle_timeout_ns = 0;  // of every kind of flow
    double packet_gap_ns = 0;           // packet time from packet to packet; 0: the port's clock
};

// 14.88 Mpps: the packet clock where nothing else asks for another, as on a link of 10 Gbit/s.
inline constexpr double line_gap_ns = 67.2;

// Workers share flows and capacity equally.
[[nodiscard]] Population population_of(const RowSettings& row);

// Memory that the worker's tables will take, roughly and at most.
[[nodiscard]] std::uint64_t bytes_of(const Population& population);

}  // namespace picket::bench
