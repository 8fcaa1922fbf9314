// Which expressions the filter may hold: each is compiled alone first, with a watch on what it costs.
//
// A compilation cannot be interrupted, so what repeats too much is not even tried (nested repeats of 30,000
// characters take Hyperscan seconds), and time is bounded by not beginning another. An expression that is
// turned down costs speed, never a hit: its rule is found by another element or judged always.
// Verdicts are remembered, and kept in a cache if there is one. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controlplane/rules/pattern_cache.h"

namespace picket::rules {

// Of 60 s for 10,000 rules one has 6 ms, and of the filter a few KiB.
struct TrialLimits {
    std::size_t unrolled_max = 8192;  // characters with all repeats written out (pattern_size.h)
    double ms_max = 200;              // of processor time, for one expression
    std::size_t bytes_max = std::size_t{128} << 10;
    double ms_max_all = 20'000;
    std::size_t bytes_max_all = std::size_t{32} << 20;
};

enum class TrialVerdict : std::uint8_t {
    accepted = 0,
    unsupported = 1,  // the engine does not know the syntax, or it matches the empty string
    engine_limit = 2,
    too_slow = 3,
    too_large = 4,
    too_repetitive = 5,
    budget_spent = 6,  // never kept: it depends on the expressions before
};
// A clause, empty for `accepted` and `unsupported`, which cost nothing.
std::string reason_of(TrialVerdict verdict, const TrialLimits& limits);

class EngineTrials {
  public:
    // Reads and keeps verdicts, if there is a cache; it has to outlive this.
    explicit EngineTrials(PatternCache* cache = nullptr, TrialLimits limits = {});

    // flags: HS_FLAG_*. True if the engine takes the expression within the limits and it cannot match the
    // empty string.
    bool accepts(const std::string& pattern, unsigned flags);

    // Reasons why expressions were turned down for their cost since the last call; empties the list.
    std::vector<std::string> take_refusals();
    // Writes new verdicts to the cache.
    void keep();

  private:
    struct Remembered {
        TrialVerdict verdict = TrialVerdict::accepted;
        std::uint32_t bytes = 0;  // of the expression's own database
        bool asked = false;       // since the beginning, or only known from the cache
    };

    Remembered attempt(const std::string& pattern, unsigned flags);
    void load();

    PatternCache* cache_;
    TrialLimits limits_;
    std::map<ContentKey, Remembered> remembered_;
    bool has_new_ = false;
    double ms_ = 0;
    std::size_t bytes_ = 0;
    std::vector<std::string> refusals_;
};

}  // namespace picket::rules
