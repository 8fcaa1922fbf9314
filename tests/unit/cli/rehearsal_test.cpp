// How long captures cover, which is what an hour's alerts are reckoned from.
#include <gtest/gtest.h>

#include "controlplane/cli/rule_test.h"

namespace picket::cli {
namespace {

Json capture(const char* first, const char* last) {
    return {{"first", std::string("2026-01-01T") + first + "Z"},
            {"last", std::string("2026-01-01T") + last + "Z"}};
}

TEST(Rehearsal, TimeThatSeveralCapturesCoverCountsOnce) {
    EXPECT_EQ(covered_seconds(Json::array()), 0);
    EXPECT_EQ(covered_seconds(Json::array({capture("10:00:00", "10:00:00")})), 0);
    EXPECT_EQ(covered_seconds(Json::array({capture("10:00:00", "11:00:00")})), 3600);
    const Json apart = capture("20:00:00", "20:00:30");
    const Json overlapping = capture("10:30:00", "11:30:00");
    const Json within = capture("10:10:00", "10:20:00");
    EXPECT_EQ(covered_seconds(Json::array({apart, overlapping, capture("10:00:00", "11:00:00"), within})),
              5430);
    EXPECT_EQ(covered_seconds(Json::array({Json{{"first", nullptr}, {"last", nullptr}}})), 0) << "empty ones";
}

}  // namespace
}  // namespace picket::cli
