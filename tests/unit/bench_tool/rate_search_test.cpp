#include "bench/tool/rate_search.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace picket::bench {
namespace {

// A device that passes so much without loss, and so much at most.
Attempt device(double lossless_mpps, double most_mpps, double sender_mpps) {
    return [=](double mpps) {
        Trial trial;
        trial.offered_mpps = mpps == 0 ? sender_mpps : std::min(mpps, sender_mpps);
        trial.passed_mpps = std::min(trial.offered_mpps, most_mpps);
        if (trial.offered_mpps > lossless_mpps)
            trial.passed_mpps = std::min(trial.passed_mpps, trial.offered_mpps * 0.999);
        trial.sent = static_cast<std::uint64_t>(trial.offered_mpps * 1e6);
        trial.received = static_cast<std::uint64_t>(trial.passed_mpps * 1e6);
        trial.missed = trial.sent - trial.received;
        return trial;
    };
}

TEST(RateSearch, finds_the_rate_without_loss) {
    const Search search = search_rates(device(7, 9, 20), 0, 20);
    EXPECT_FALSE(search.sender_limited);
    EXPECT_LE(search.ndr_mpps, 7);
    EXPECT_GE(search.ndr_mpps, 6.8);
    EXPECT_GT(search.pdr_mpps, search.ndr_mpps);
    EXPECT_DOUBLE_EQ(search.mrr_mpps, 9);
    EXPECT_LT(search.trials.size(), 20u);
}

TEST(RateSearch, says_when_the_sender_is_the_limit) {
    const Search search = search_rates(device(30, 40, 20), 0, 12);
    EXPECT_TRUE(search.sender_limited);
    EXPECT_EQ(search.trials.size(), 1u);
    EXPECT_DOUBLE_EQ(search.ndr_mpps, 20);
}

TEST(RateSearch, ends_where_every_rate_loses) {
    const Search search = search_rates(device(0, 9, 20), 0, 12);
    EXPECT_EQ(search.ndr_mpps, 0);
    EXPECT_LE(search.trials.size(), 12u);
    EXPECT_GT(search.mrr_mpps, 0);
}

TEST(RateSearch, accepts_the_loss_that_it_is_told_to) {
    const Search search = search_rates(device(1, 9, 20), 0.01, 20);
    EXPECT_GE(search.ndr_mpps, 8.5);
}

}  // namespace
}  // namespace picket::bench
