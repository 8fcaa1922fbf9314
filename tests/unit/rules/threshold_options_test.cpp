#include "controlplane/rules/threshold_options.h"

#include <gtest/gtest.h>

namespace picket::rules {
namespace {

std::string fault_of(const std::string& name, const std::string& value) {
    std::optional<Threshold> out;
    return parse_threshold(name, value, out);
}

TEST(ThresholdOptions, ReadsFieldsInAnyOrder) {
    std::optional<Threshold> out;
    EXPECT_EQ(parse_threshold("threshold", "type both, count 5 , seconds 60, track by_dst", out), "");
    EXPECT_EQ(out, (Threshold{ThresholdType::both, ThresholdTrack::destination, 5, 60}));
    out.reset();
    EXPECT_EQ(parse_threshold("threshold", "type limit,track by_rule,count 1,seconds 9", out), "");
    EXPECT_EQ(out, (Threshold{ThresholdType::limit, ThresholdTrack::rule, 1, 9}));
    out.reset();
    EXPECT_EQ(parse_threshold("threshold", "type threshold,track by_both,count 1,seconds 9", out), "");
    EXPECT_EQ(out, (Threshold{ThresholdType::threshold, ThresholdTrack::both, 1, 9}));
    out.reset();
    EXPECT_EQ(parse_threshold("detection_filter", "track by_src, count 30, seconds 10", out), "");
    EXPECT_EQ(out, (Threshold{ThresholdType::detection_filter, ThresholdTrack::source, 30, 10}));
    EXPECT_EQ(parse_threshold("threshold", "type limit,track by_src,count 1,seconds 9", out),
              "is the second threshold of its rule");
}

TEST(ThresholdOptions, RejectsWhatItCannotHonour) {
    EXPECT_EQ(fault_of("threshold", "track by_src, count 1, seconds 60"),
              "needs type, track, count and seconds");
    EXPECT_EQ(fault_of("threshold", "type limit, track by_src, count 1"),
              "needs type, track, count and seconds");
    EXPECT_EQ(fault_of("detection_filter", "type limit, track by_src, count 1, seconds 6"),
              "needs track, count and seconds");
    EXPECT_EQ(fault_of("threshold", "type backoff, track by_src, count 1, multiplier 10"),
              "has type 'backoff', which is not supported");
    EXPECT_EQ(fault_of("threshold", "type limit, track by_flow, count 1, seconds 6"),
              "has track 'by_flow', which is not supported");
    EXPECT_EQ(fault_of("threshold", "type limit, track by_src, count 0, seconds 6"),
              "has count '0', which is not supported");
    EXPECT_EQ(fault_of("threshold", "type limit, type both, track by_src, count 1, seconds 6"),
              "gives type twice");
    EXPECT_EQ(fault_of("detection_filter", "track by_src, count 1, seconds 6, unique_on src_port"),
              "has 'unique_on src_port', which is not supported");
}

}  // namespace
}  // namespace picket::rules
