// First contacts of one source in the order in which they become known.
#include "controlplane/detect/scan_series.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

namespace picket::detect {
namespace {

struct Told {
    std::uint64_t target;
    std::uint64_t time_ns;
    bool failed;
};

ScanSeries series_of(const std::vector<Told>& told) {
    ScanSeries series;
    for (const Told& contact : told) series.add(contact.target, contact.time_ns, contact.failed);
    return series;
}

TEST(ScanSeries, WhatIsAnsweredBeforeTheFirstFailureDoesNotCountWheneverItIsTold) {
    const auto series = series_of({{1, 5, false}, {2, 10, true}, {3, 7, false}, {4, 12, false}});
    EXPECT_EQ(series.targets(), 2U);
    EXPECT_EQ(series.first_ns(), 10U);
    EXPECT_EQ(series_of({{2, 10, true}, {1, 5, false}}).targets(), 1U);
}

TEST(ScanSeries, AFailureThatIsRevokedBeginsNoSeries) {
    const auto series = series_of({{1, 10, true}, {2, 20, false}, {3, 30, true}, {1, 10, false}});
    EXPECT_EQ(series.targets(), 1U);
    EXPECT_EQ(series.first_ns(), 30U);
    EXPECT_EQ(series_of({{1, 10, true}, {1, 10, false}}).targets(), 0U);
}

TEST(ScanSeries, AnyOrderComesToTheSame) {
    std::mt19937 random(3);
    for (unsigned round = 0; round < 200; ++round) {
        std::vector<Told> told;
        for (std::uint64_t i = 0; i < 60; ++i) told.push_back({i, 100 + 10 * i, random() % 3 == 0});
        const auto expected = series_of(told);
        std::ranges::shuffle(told, random);
        const auto series = series_of(told);
        EXPECT_EQ(series.flagged_ns(), expected.flagged_ns());
        EXPECT_EQ(series.first_ns(), expected.first_ns());
        EXPECT_EQ(series.last_ns(), expected.last_ns());
        EXPECT_EQ(series.failures(), expected.failures());
        EXPECT_EQ(series.targets(), expected.targets());
    }
}

// A third SYN without an answer is told within seconds, and told again when its flow ends, long after its
// time is settled.
TEST(ScanSeries, AFailureThatWasToldBeforeDoesNotCountAgain) {
    ScanSeries series;
    for (std::uint64_t i = 0; i < 2'000; ++i) {
        series.add(i, 10 * (i + 1), i % 10 == 0);
        if (i >= 1'000 && i % 10 == 0) series.add(i - 1'000, 10 * (i - 999), true, true);
    }
    EXPECT_EQ(series.targets(), 2'000U);
    EXPECT_EQ(series.failures(), 200U);
    EXPECT_FALSE(series.is_scan());
}

TEST(ScanSeries, WhatAnotherOneKeepsIsAddedButForWhatIsSettled) {
    std::vector<Told> all;
    for (std::uint64_t i = 0; i < 600; ++i) all.push_back({i, 10 * (i + 1), i % 2 == 0});
    const auto expected = series_of(all);
    auto fresh = series_of({all.begin(), all.begin() + 500});
    fresh.add_kept_of(series_of({all.begin() + 200, all.end()}));
    EXPECT_EQ(fresh.targets(), expected.targets());
    EXPECT_EQ(fresh.failures(), expected.failures());
    EXPECT_EQ(fresh.flagged_ns(), expected.flagged_ns());
    ScanSeries empty;
    empty.add_kept_of(series_of({{1, 10, true}, {2, 20, true}}));
    EXPECT_EQ(empty.failures(), 2U);
}

}  // namespace
}  // namespace picket::detect
