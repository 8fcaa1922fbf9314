// What traffic teaches of literals: kept, found again, and used by the next choice of filter elements.
#include "controlplane/rules/learned_shares.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "controlplane/rules/engine_trials.h"
#include "controlplane/rules/rule_parser.h"

namespace picket::rules {
namespace {

namespace fs = std::filesystem;

FilterChoice element(std::string literal, double bits, api::FilterGroup group = api::FilterGroup::uri) {
    FilterChoice choice;
    choice.group = group;
    choice.pattern = literal;
    choice.literal = std::move(literal);
    choice.bits = bits;
    return choice;
}

class LearnedSharesTest : public ::testing::Test {
  protected:
    LearnedSharesTest() {
        std::string pattern = (fs::temp_directory_path() / "picket-learned-XXXXXX").string();
        directory_ = mkdtemp(pattern.data());
    }
    ~LearnedSharesTest() override { fs::remove_all(directory_); }

    fs::path directory_;
};

TEST_F(LearnedSharesTest, TakesWhatIsMoreCommonThanExpected) {
    PatternCache cache(directory_);
    LearnedShares shares(cache);
    EXPECT_TRUE(shares.take(element("/shop/item", 12), 2'500, 10'000));
    EXPECT_EQ(shares.size(), 1u);
    EXPECT_FALSE(shares.take(element("/shop/item", 12), 2'600, 10'000)) << "known by now";
    EXPECT_TRUE(shares.take(element("/shop/item", 12), 0, 10'000)) << "the traffic has changed";
    EXPECT_FALSE(shares.take(element("/rare", 12), 9, 10'000)) << "rare enough";
    EXPECT_FALSE(shares.take(element("/half", 1), 5'000, 10'000)) << "as expected";
    EXPECT_FALSE(shares.take(element("/few", 12), 9'000, 9'999)) << "too few requests";
    EXPECT_FALSE(shares.take(element("", 12), 9'000, 10'000)) << "a pcre has no share of its own";
    EXPECT_FALSE(shares.take(element("body", 12, api::FilterGroup::body), 9'000, 10'000));
    EXPECT_EQ(shares.size(), 1u);
}

TEST_F(LearnedSharesTest, IsKeptWithEveryByte) {
    std::string odd = "a b\n/\\";
    odd += '\0';
    odd += '\xff';
    {
        PatternCache cache(directory_);
        LearnedShares shares(cache);
        EXPECT_TRUE(shares.take(element(odd, 12), 2'500, 10'000));
        EXPECT_TRUE(shares.take(element("agent", 12, api::FilterGroup::head), 5'000, 10'000));
        shares.keep(cache);
        EXPECT_TRUE(cache.take_notes().empty());
    }
    PatternCache cache(directory_);
    LearnedShares shares(cache);
    EXPECT_EQ(shares.size(), 2u);
    EXPECT_FALSE(shares.take(element(odd, 12), 2'500, 10'000)) << "known by now";
    const RequestStatistics statistics = shares.statistics();
    EXPECT_NEAR(statistics.bits(RequestStatistics::Text::uri, odd), 2, 0.01);
    EXPECT_LE(statistics.bits(RequestStatistics::Text::head, "agent"), 1.01);
}

TEST_F(LearnedSharesTest, WhatHoldsALearnedLiteralIsHardlyRarer) {
    using Text = RequestStatistics::Text;
    RequestStatistics statistics = RequestStatistics::shipped();
    const double before = statistics.bits(Text::uri, "/our/applic");
    EXPECT_GT(before, 12);
    statistics.take_literal(Text::uri, "/our/appli", 0.5);
    EXPECT_NEAR(statistics.bits(Text::uri, "/our/appli"), 1, 0.01);
    EXPECT_LE(statistics.bits(Text::uri, "our/app"), 1.01) << "a piece is as common at least";
    EXPECT_LT(statistics.bits(Text::uri, "/our/applic"), before - 4);
    EXPECT_EQ(statistics.bits(Text::uri, "etc/passwd"),
              RequestStatistics::shipped().bits(Text::uri, "etc/passwd"));
}

TEST_F(LearnedSharesTest, DamageTeachesNothing) {
    {
        PatternCache cache(directory_);
        LearnedShares shares(cache);
        EXPECT_TRUE(shares.take(element("/shop/item", 12), 2'500, 10'000));
        shares.keep(cache);
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(directory_)) {
        fs::resize_file(entry.path(), fs::file_size(entry.path()) - 1);
    }
    PatternCache cache(directory_);
    EXPECT_EQ(LearnedShares(cache).size(), 0u);
    EXPECT_EQ(cache.take_notes().size(), 1u);
}

TEST_F(LearnedSharesTest, TheNextChoiceIsAnotherElement) {
    PatternCache cache(directory_);
    LearnedShares shares(cache);
    EngineTrials trials;
    const ParsedRules parsed = parse_rules(
        R"(alert http any any -> any any (http.uri; content:"/our/application/"; content:"passwd"; sid:1;))"
        "\n",
        "rules", {});
    ASSERT_EQ(parsed.rules.size(), 1u);
    const auto before = choose_filter(parsed.rules[0], trials, shares.statistics());
    ASSERT_TRUE(before);
    EXPECT_TRUE(before->literal.starts_with("/our/appli")) << before->literal;
    EXPECT_TRUE(shares.take(*before, 9'000, 10'000));
    const auto after = choose_filter(parsed.rules[0], trials, shares.statistics());
    ASSERT_TRUE(after);
    EXPECT_EQ(after->literal, "passwd");
}

}  // namespace
}  // namespace picket::rules
