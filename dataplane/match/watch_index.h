// Finds the range of watch lists that holds an address, of millions, in a few cache lines.
//
// The ranges are disjoint and sorted. Of IPv4 addresses the first bits choose a bucket of about four ranges,
// whose first addresses lie side by side; IPv6 addresses are searched for by halves. Immutable once made;
// refers to the ranges. Memory: 5 bytes a range beside them. PERF: bench/match/watch_bench.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/api/rule_blob.h"

namespace picket::match {

class WatchIndex {
  public:
    WatchIndex() = default;
    // REQUIRES: disjoint ranges in ascending order, fewer than 2^32.
    explicit WatchIndex(std::span<const api::WatchRange> ranges);

    // The lists of the range that holds the address, 0 if none does.
    [[nodiscard]] std::uint64_t lookup(const api::Address& address) const noexcept;

  private:
    [[nodiscard]] std::uint64_t lookup_ipv4(const api::Address& address) const noexcept;

    std::span<const api::WatchRange> ranges_;
    std::size_t begin_ = 0;               // of the ranges that begin with an IPv4 address
    std::vector<std::uint32_t> firsts_;   // of those ranges
    std::vector<std::uint32_t> buckets_;  // how many of firsts_ are below the bucket's first address
    unsigned shift_ = 0;
};

}  // namespace picket::match
