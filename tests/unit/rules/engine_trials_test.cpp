// Expressions that would cost too much: they are turned down and named, and their rules match all the same.
#include "controlplane/rules/engine_trials.h"

#include <gtest/gtest.h>
#include <hs/hs.h>

#include "controlplane/rules/pattern_size.h"
#include "tests/unit/match/match_harness.h"

namespace picket::rules {
namespace {

constexpr unsigned flags = HS_FLAG_PREFILTER | HS_FLAG_MULTILINE;
// Hyperscan takes no expression of more than 16,000 bytes.
const std::string beyond_the_engine(20'000, 'a');
// Seven seconds of compiling.
constexpr const char* repetitive = "((((a.*|bc|def){8}g){8}h){8}i){8}z";

std::string wide_pattern() {
    std::string pattern;
    for (int i = 0; i < 200; ++i) {
        pattern += (i == 0 ? "w" : "|w") + std::to_string(i) + ".*x" + std::to_string(i);
    }
    return pattern;
}

TEST(PatternSize, CountsWhatIsRepeated) {
    EXPECT_EQ(unrolled_size(""), 0u);
    EXPECT_EQ(unrolled_size("abc"), 3u);
    EXPECT_EQ(unrolled_size("a{3}b"), 4u);
    EXPECT_EQ(unrolled_size("(ab){3,5}c"), 11u);
    EXPECT_EQ(unrolled_size("((a[^]b]){2}\\d){10,}"), 50u);
    EXPECT_EQ(unrolled_size("a{x}{,3}"), 8u) << "no quantifiers: a { x } { , 3 }";
    EXPECT_EQ(unrolled_size("((((((a{9999}){9999}){9999}){9999}){9999}){9999}){9999}"), SIZE_MAX / 2);
    EXPECT_EQ(unrolled_size("(a(b"), 2u);
    EXPECT_EQ(unrolled_size(")a\\"), 3u);
}

TEST(EngineTrials, OrdinaryPatternsPass) {
    EngineTrials trials;
    EXPECT_TRUE(trials.accepts("/index\\.php\\?id=[0-9]{1,8}", flags));
    EXPECT_FALSE(trials.accepts("a*", flags)) << "matches everywhere";
    EXPECT_FALSE(trials.accepts("(unclosed", flags));
    EXPECT_TRUE(trials.take_refusals().empty()) << "neither costs anything";
}

TEST(EngineTrials, WhatIsTooLargeIsNamed) {
    EngineTrials trials(nullptr, {.unrolled_max = 30'000});
    EXPECT_FALSE(trials.accepts(beyond_the_engine, flags));
    EXPECT_FALSE(trials.accepts(repetitive, flags));
    EXPECT_FALSE(trials.accepts(wide_pattern(), flags));
    const auto refusals = trials.take_refusals();
    ASSERT_EQ(refusals.size(), 3u);
    EXPECT_EQ(refusals[0], "exceeds the limits of Hyperscan");
    EXPECT_EQ(refusals[1], "repeats to more than 30000 characters");
    EXPECT_EQ(refusals[2].find("takes more than "), 0u) << refusals[2];
    EXPECT_TRUE(trials.take_refusals().empty());
}

TEST(EngineTrials, TimeAndSizeOfOneAreBounded) {
    EngineTrials impatient(nullptr, {.ms_max = 0});
    EXPECT_FALSE(impatient.accepts("abc[0-9]+", flags));
    EXPECT_EQ(impatient.take_refusals().at(0), "takes more than 0 ms to compile");
    EngineTrials narrow(nullptr, {.bytes_max = 1024});
    EXPECT_FALSE(narrow.accepts("abc[0-9]+", flags));
    EXPECT_EQ(narrow.take_refusals().at(0), "takes more than 1 KiB of the filter");
}

TEST(EngineTrials, AllTogetherAreBounded) {
    EngineTrials trials(nullptr, {.bytes_max_all = 10'000});
    int accepted = 0;
    for (int i = 0; i < 20; ++i)
        accepted += trials.accepts("abc" + std::to_string(i) + "[0-9]+x", flags) ? 1 : 0;
    EXPECT_GT(accepted, 0);
    EXPECT_LT(accepted, 20);
    EXPECT_TRUE(trials.accepts("abc0[0-9]+x", flags)) << "is in the filter already";
    EXPECT_FALSE(trials.accepts("abc19[0-9]+x", flags));
    EXPECT_FALSE(trials.take_refusals().empty());
    EngineTrials no_time(nullptr, {.ms_max_all = 0});
    EXPECT_FALSE(no_time.accepts("abc[0-9]+", flags));
    EXPECT_NE(no_time.take_refusals().at(0).find("20"), 0u);
}

TEST(EngineTrials, ARuleWithSuchAPatternStillMatches) {
    match::Harness harness("alert http any any -> any any (http.uri; pcre:\"/" + wide_pattern() +
                           "/\"; sid:7;)\n" +
                           "alert http any any -> any any (http.uri; content:\"/evil.cgi\"; sid:8;)\n");
    ASSERT_EQ(harness.rejects, "");
    ASSERT_EQ(harness.compiled.cost_notes.size(), 1u);
    const CostNote& note = harness.compiled.cost_notes[0];
    EXPECT_EQ(note.sid, 7u);
    EXPECT_EQ(note.line, 1u);
    EXPECT_EQ(note.file, "test.rules");
    EXPECT_EQ(note.option, "pcre");
    EXPECT_EQ(harness.compiled.always_judged, 1u);
    EXPECT_TRUE(harness.matches_uri("/a/w17/x17", 7));
    EXPECT_FALSE(harness.matches_uri("/a/w17/y", 7));
}

}  // namespace
}  // namespace picket::rules
