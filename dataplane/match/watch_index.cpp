#include "dataplane/match/watch_index.h"

#include <algorithm>
#include <array>
#include <bit>

namespace picket::match {

namespace {

constexpr unsigned bucket_bits_min = 4;
constexpr unsigned bucket_bits_max = 22;
constexpr std::size_t ranges_a_bucket = 4;

std::uint32_t ipv4_of(const api::Address& address) noexcept {
    return std::uint32_t{address.bytes[12]} << 24 | std::uint32_t{address.bytes[13]} << 16 |
           std::uint32_t{address.bytes[14]} << 8 | address.bytes[15];
}

std::uint64_t lists_of(const api::WatchRange& range, const api::Address& address) noexcept {
    return range.last < address ? 0 : range.lists;
}

}  // namespace

WatchIndex::WatchIndex(std::span<const api::WatchRange> ranges) : ranges_(ranges) {
    constexpr std::array<std::uint8_t, 4> zero{};
    const auto begin = std::lower_bound(
        ranges.begin(), ranges.end(), api::ipv4_mapped(zero.data()),
        [](const api::WatchRange& range, const api::Address& key) { return range.first < key; });
    begin_ = static_cast<std::size_t>(begin - ranges.begin());
    for (auto range = begin; range != ranges.end() && range->first.is_ipv4(); ++range)
        firsts_.push_back(ipv4_of(range->first));
    const auto wanted = static_cast<unsigned>(std::bit_width(firsts_.size() / ranges_a_bucket));
    const unsigned bits = std::clamp(wanted, bucket_bits_min, bucket_bits_max);
    shift_ = 32 - bits;
    buckets_.resize((std::size_t{1} << bits) + 1);
    std::size_t below = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
        while (below < firsts_.size() && firsts_[below] < std::uint64_t{bucket} << shift_) ++below;
        buckets_[bucket] = static_cast<std::uint32_t>(below);
    }
}

std::uint64_t WatchIndex::lookup(const api::Address& address) const noexcept {
    if (ranges_.empty()) return 0;
    if (address.is_ipv4()) return lookup_ipv4(address);
    const auto after = std::upper_bound(
        ranges_.begin(), ranges_.end(), address,
        [](const api::Address& key, const api::WatchRange& range) { return key < range.first; });
    return after == ranges_.begin() ? 0 : lists_of(*std::prev(after), address);
}

std::uint64_t WatchIndex::lookup_ipv4(const api::Address& address) const noexcept {
    const std::uint32_t key = ipv4_of(address);
    const std::uint32_t* bucket = &buckets_[key >> shift_];
    const auto after = std::upper_bound(firsts_.begin() + bucket[0], firsts_.begin() + bucket[1], key);
    // The one before may begin in an earlier bucket, or with an IPv6 address.
    const std::size_t at = begin_ + static_cast<std::size_t>(after - firsts_.begin());
    return at == 0 ? 0 : lists_of(ranges_[at - 1], address);
}

}  // namespace picket::match
