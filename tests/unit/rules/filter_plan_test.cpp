#include "controlplane/rules/filter_plan.h"

#include <gtest/gtest.h>
#include <hs/hs.h>

#include "controlplane/rules/pcre_check.h"
#include "controlplane/rules/rule_parser.h"

namespace picket::rules {
namespace {

std::optional<FilterChoice> choice_of(const std::string& options,
                                      const std::string& header = "http any any -> any any") {
    const ParsedRules parsed =
        parse_rules("alert " + header + " (flow:to_server; " + options + " sid:1;)", "f", {});
    EXPECT_EQ(list_rejects(parsed.rejects), "");
    return choose_filter(parsed.rules.at(0));
}

std::string hex(const std::string& text) {
    std::string pattern;
    for (const char byte : text) {
        char piece[8];
        std::snprintf(piece, sizeof(piece), "\\x%02x", static_cast<unsigned char>(byte));
        pattern += piece;
    }
    return pattern;
}

TEST(FilterPlan, TakesTheRarestContent) {
    const auto choice = choice_of(R"(http.uri; content:".php"; content:"/vendor/evilkit"; content:"id=";)");
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->pattern, hex("/vendor/evilkit"));
    EXPECT_EQ(choice->group, api::FilterGroup::uri);
    EXPECT_EQ(choice->flags, 0u);
    EXPECT_EQ(choice_of(R"(http.uri; content:"/EvilKit"; nocase;)")->flags, unsigned{HS_FLAG_CASELESS});
    EXPECT_EQ(choice_of(R"(http.uri; content:!"/vendor/evilkit"; content:"/other";)")->pattern,
              hex("/other"));
}

TEST(FilterPlan, ScansHeadsOnlyWhereUrisDoNotDo) {
    EXPECT_EQ(choice_of(R"(http.uri; content:"/evilkit"; http.header; content:"X-Evil|3a| 1";)")->group,
              api::FilterGroup::uri);
    EXPECT_EQ(choice_of(R"(http.uri; content:"/"; http.header; content:"X-Evil-Header|3a| 1";)")->group,
              api::FilterGroup::head);
    EXPECT_EQ(choice_of(R"(http.accept; content:"evil/accept";)")->text, api::RuleBuffer::raw_header);
}

TEST(FilterPlan, FallsBackOnPatterns) {
    const auto choice = choice_of(R"(http.uri; content:".php"; pcre:"/\/[a-z]{8}\.php\?k=[0-9]{4}$/i";)");
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->flags, unsigned{HS_FLAG_PREFILTER | HS_FLAG_MULTILINE | HS_FLAG_CASELESS});
    EXPECT_FALSE(choice_of(R"(http.uri; pcre:"/x?/";)"));          // matches the empty text
    EXPECT_FALSE(choice_of(R"(http.uri; content:!"abcdefgh";)"));  // nothing to look for
    EXPECT_FALSE(choice_of(R"(http.uri; pcre:"/(?-m)^abcdef/";)"));
    EXPECT_TRUE(choice_of(R"(http.uri; pcre:"/(?<=a)evilkit(?!b)\1?(x)?/";)"));
}

TEST(FilterPlan, RelaxesAnchors) {
    EXPECT_EQ(relax_pattern(R"(\A/a\z)", 0), "^/a$");
    EXPECT_EQ(relax_pattern(R"([\A]\\A\Z)", 0), R"([\A]\\A$)");
    EXPECT_EQ(relax_pattern(R"([]\z]\z)", 0), R"([]\z]$)");
    EXPECT_EQ(relax_pattern(R"([[:alpha:]\z]\z)", 0), R"([[:alpha:]\z]$)");
    EXPECT_EQ(relax_pattern("a b", PCRE2_EXTENDED), "(?x)a b");
    EXPECT_EQ(relax_pattern(R"(\Ga)", 0), std::nullopt);
    EXPECT_EQ(relax_pattern(R"(\Qa\E)", 0), std::nullopt);
    EXPECT_EQ(relax_pattern("(?-m)a", 0), std::nullopt);
    EXPECT_EQ(relax_pattern("(?i-s:a)", 0), std::nullopt);
    EXPECT_EQ(relax_pattern("(?i)a(?:b)", 0), "(?i)a(?:b)");
}

TEST(FilterPlan, KnowsWhatIsCommon) {
    EXPECT_LT(rarity_bits(".php", false), 5);
    EXPECT_LT(rarity_bits("/INDEX.php", true), 5);
    EXPECT_LT(rarity_bits("/", false), 5);
    EXPECT_GT(rarity_bits("/b.cgi?", true), 14);
    EXPECT_GT(rarity_bits("evilkit.php", false), rarity_bits("evil.php", false));
}

}  // namespace
}  // namespace picket::rules
