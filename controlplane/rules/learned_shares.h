// What traffic has taught of the filter's elements: literals that more requests hold than the shipped
// statistics say. The next compilation takes other elements of their rules where that is cheaper; nothing is
// missed either way.
//
// Kept in the cache of compiled patterns, so that a restart compiles the same set again. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "controlplane/rules/filter_plan.h"
#include "controlplane/rules/pattern_cache.h"
#include "controlplane/rules/request_statistics.h"

namespace picket::rules {

class LearnedShares {
  public:
    static constexpr std::uint64_t requests_min = 10'000;  // fewer teach nothing
    static constexpr double share_min = 0.001;             // what is rarer is rare enough
    static constexpr double surprise_min = 2;              // times the share that was expected
    static constexpr std::size_t literals_max = 512;       // each is looked for in all that is rated

    // Those that are kept in cache; a damaged entry teaches nothing.
    explicit LearnedShares(PatternCache& cache);

    // found of `requests` requests held the element. True if that says something new.
    bool take(const FilterChoice& element, std::uint64_t found, std::uint64_t requests);
    void keep(PatternCache& cache) const;

    // The shipped ones, and these.
    [[nodiscard]] RequestStatistics statistics() const;
    [[nodiscard]] std::size_t size() const noexcept { return shares_.size(); }

  private:
    using Text = RequestStatistics::Text;

    void parse(std::string_view line);

    std::map<std::pair<Text, std::string>, double> shares_;
};

}  // namespace picket::rules
