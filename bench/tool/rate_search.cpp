#include "bench/tool/rate_search.h"

#include <algorithm>

namespace picket::bench {
namespace {

constexpr double pdr_loss = 0.005;
constexpr double precise = 0.02;  // the bounds are near enough to each other

}  // namespace

Search search_rates(const Attempt& attempt, double loss, unsigned trials_max) {
    Search search;
    const auto attempt_at = [&](double mpps) -> const Trial& {
        search.trials.push_back(attempt(mpps));
        const Trial& trial = search.trials.back();
        if (trial.loss() <= loss) search.ndr_mpps = std::max(search.ndr_mpps, trial.passed_mpps);
        if (trial.loss() <= std::max(loss, pdr_loss))
            search.pdr_mpps = std::max(search.pdr_mpps, trial.passed_mpps);
        search.mrr_mpps = std::max(search.mrr_mpps, trial.passed_mpps);
        return trial;
    };
    if (attempt_at(0).loss() <= loss) {
        search.sender_limited = true;
        return search;
    }
    double low = 0;
    double high = search.mrr_mpps;
    // What passes at most is often nearly reached without loss too: begin just below it.
    double next = high * 0.9;
    while (search.trials.size() < trials_max && high - low > high * precise) {
        (attempt_at(next).loss() <= loss ? low : high) = next;
        next = (low + high) / 2;
    }
    return search;
}

}  // namespace picket::bench
