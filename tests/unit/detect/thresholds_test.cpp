#include "controlplane/detect/thresholds.h"

#include <gtest/gtest.h>

#include "controlplane/detect/alert_table.h"

namespace picket::detect {
namespace {

using rules::Threshold;
using rules::ThresholdTrack;
using rules::ThresholdType;

constexpr std::uint64_t ms = 1'000'000;

Hit hit_at(std::uint64_t time_ms, std::uint8_t source = 1, std::uint8_t destination = 9) {
    Hit hit;
    hit.sid = 7;
    hit.time_ns = time_ms * ms;
    hit.source.bytes[15] = source;
    hit.destination.bytes[15] = destination;
    return hit;
}

// Which of hits at these milliseconds alert, as a string of + and -.
std::string alerting(Thresholds& thresholds, const Threshold& threshold,
                     const std::vector<std::uint64_t>& times_ms) {
    std::string result;
    for (const std::uint64_t time_ms : times_ms) {
        Hit hit = hit_at(time_ms);
        result += thresholds.apply(threshold, hit) ? '+' : '-';
    }
    return result;
}

std::string alerting(const Threshold& threshold, const std::vector<std::uint64_t>& times_ms,
                     api::Dialect dialect = api::Dialect::suricata) {
    Thresholds thresholds(dialect);
    return alerting(thresholds, threshold, times_ms);
}

TEST(Thresholds, Limit) {
    const Threshold limit{ThresholdType::limit, ThresholdTrack::source, 2, 10};
    EXPECT_EQ(alerting(limit, {0, 1, 2, 9'999, 10'000, 10'001, 10'002, 25'000}), "++--++-+");
}

TEST(Thresholds, Both) {
    const Threshold both{ThresholdType::both, ThresholdTrack::source, 3, 10};
    EXPECT_EQ(alerting(both, {0, 1, 2, 3, 9'999, 10'000, 10'001, 10'002, 10'003}), "--+----+-");
    const Threshold once{ThresholdType::both, ThresholdTrack::source, 1, 10};
    EXPECT_EQ(alerting(once, {0, 1, 10'000, 10'001}), "+-+-");
}

TEST(Thresholds, EveryNth) {
    const Threshold third{ThresholdType::threshold, ThresholdTrack::source, 3, 10};
    EXPECT_EQ(alerting(third, {0, 1, 2, 3, 4, 5, 9'000, 10'000, 10'001, 10'002}), "--+--+---+");
    // The window of 10 s begins anew with each alert.
    EXPECT_EQ(alerting(third, {0, 1, 9'000, 12'000, 13'000, 14'000, 30'000}, api::Dialect::snort3),
              "--+--+-");
    EXPECT_EQ(alerting(third, {0, 1, 9'000, 12'000, 13'000, 14'000, 30'000}), "--+--+-");
    EXPECT_EQ(alerting(third, {0, 1, 9'000, 9'500, 12'000, 13'000, 14'000}, api::Dialect::snort2), "--+--+-");
    EXPECT_EQ(alerting(third, {0, 1, 9'000, 9'500, 12'000, 13'000, 14'000}), "--+---+");
}

TEST(Thresholds, DetectionFilter) {
    const Threshold filter{ThresholdType::detection_filter, ThresholdTrack::source, 2, 10};
    EXPECT_EQ(alerting(filter, {0, 1, 2, 3, 10'000, 10'001, 10'002}), "--++--+");
    // Snort: what follows a busy window alerts at once, unless the source was silent for 10 s.
    EXPECT_EQ(alerting(filter, {0, 1, 2, 3, 10'000, 10'001, 30'000, 30'001}, api::Dialect::snort3),
              "--++++--");
    // Snort 3's own case: count 1, seconds 1.
    const Threshold one{ThresholdType::detection_filter, ThresholdTrack::source, 1, 1};
    EXPECT_EQ(
        alerting(one, {0, 1'000, 2'000, 2'100, 2'100, 2'900, 3'000, 4'000, 5'000}, api::Dialect::snort3),
        "---++++--");
}

TEST(Thresholds, TracksWhatIsAskedFor) {
    const auto second_alerts = [](ThresholdTrack track, Hit second) {
        Thresholds thresholds(api::Dialect::suricata);
        const Threshold limit{ThresholdType::limit, track, 1, 10};
        Hit first = hit_at(0);
        EXPECT_TRUE(thresholds.apply(limit, first));
        return thresholds.apply(limit, second);
    };
    EXPECT_FALSE(second_alerts(ThresholdTrack::source, hit_at(1, 1, 8)));
    EXPECT_TRUE(second_alerts(ThresholdTrack::source, hit_at(1, 2, 9)));
    EXPECT_FALSE(second_alerts(ThresholdTrack::destination, hit_at(1, 2, 9)));
    EXPECT_TRUE(second_alerts(ThresholdTrack::destination, hit_at(1, 1, 8)));
    EXPECT_FALSE(second_alerts(ThresholdTrack::both, hit_at(1, 9, 1)));
    EXPECT_TRUE(second_alerts(ThresholdTrack::both, hit_at(1, 1, 8)));
    EXPECT_FALSE(second_alerts(ThresholdTrack::rule, hit_at(1, 5, 6)));
    Hit other = hit_at(1);
    other.sid = 8;
    EXPECT_TRUE(second_alerts(ThresholdTrack::rule, other));
    // A new generation of the rule goes on counting.
    Hit reloaded = hit_at(1);
    reloaded.generation = 2;
    reloaded.rev = 5;
    EXPECT_FALSE(second_alerts(ThresholdTrack::source, reloaded));
}

// One event for many hits counts as they would one by one.
TEST(Thresholds, TakesCountedHitsApart) {
    for (const auto dialect : {api::Dialect::suricata, api::Dialect::snort3}) {
        for (const auto type : {ThresholdType::limit, ThresholdType::threshold, ThresholdType::both,
                                ThresholdType::detection_filter}) {
            const Threshold threshold{type, ThresholdTrack::source, 3, 1};
            Thresholds one_by_one(dialect);
            Thresholds counted(dialect);
            for (std::uint64_t round = 0; round < 40; ++round) {
                const std::uint64_t first = round * 700;
                const std::uint64_t last = first + 300;
                const std::uint64_t hits = 2 + round * 7 % 11;
                std::uint64_t expected = 0;
                for (std::uint64_t i = 0; i < hits; ++i) {
                    Hit hit = hit_at(i == 0 ? first : last);
                    expected += one_by_one.apply(threshold, hit) ? 1 : 0;
                }
                Hit many = hit_at(first);
                many.last_ns = last * ms;
                many.count = hits;
                many.lost_count = hits;
                EXPECT_EQ(counted.apply(threshold, many), expected > 0);
                EXPECT_EQ(many.count, expected);
                EXPECT_EQ(many.lost_count, expected);
            }
            EXPECT_EQ(counted.suppressed(), one_by_one.suppressed());
        }
    }
}

TEST(Thresholds, ForgetsWhatIsOverFirst) {
    Thresholds thresholds(api::Dialect::suricata, 3);
    const Threshold limit{ThresholdType::limit, ThresholdTrack::source, 1, 10};
    const auto alerts = [&](std::uint64_t time_ms, std::uint8_t source) {
        Hit hit = hit_at(time_ms, source);
        return thresholds.apply(limit, hit);
    };
    EXPECT_TRUE(alerts(0, 1));
    EXPECT_TRUE(alerts(5'000, 2));
    EXPECT_TRUE(alerts(6'000, 3));
    EXPECT_TRUE(alerts(11'000, 4));  // 1 goes, whose window is over
    EXPECT_EQ(thresholds.evicted(), 0u);
    EXPECT_FALSE(alerts(11'000, 2));
    EXPECT_TRUE(alerts(11'000, 5));  // all are within theirs
    EXPECT_EQ(thresholds.evicted(), 1u);
}

}  // namespace
}  // namespace picket::detect
