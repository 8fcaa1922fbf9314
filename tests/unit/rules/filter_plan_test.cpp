#include "controlplane/rules/filter_plan.h"

#include <gtest/gtest.h>
#include <hs/hs.h>

#include "controlplane/rules/filter_pattern.h"
#include "controlplane/rules/pcre_check.h"
#include "controlplane/rules/rule_parser.h"

namespace picket::rules {
namespace {

std::optional<FilterChoice> choice_of(const std::string& options,
                                      const std::string& header = "http any any -> any any") {
    const ParsedRules parsed =
        parse_rules("alert " + header + " (flow:to_server; " + options + " sid:1;)", "f", {});
    EXPECT_EQ(list_rejects(parsed.rejects), "");
    EngineTrials trials;
    return choose_filter(parsed.rules.at(0), trials);
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
    EXPECT_TRUE(hex("/vendor/evilkit").starts_with(choice->pattern)) << choice->pattern;
    EXPECT_GT(choice->bits, 10);
    EXPECT_EQ(choice->group, api::FilterGroup::uri);
    EXPECT_EQ(choice->flags, 0u);
    EXPECT_EQ(choice_of(R"(http.uri; content:"/EvilKit"; nocase;)")->flags, unsigned{HS_FLAG_CASELESS});
    EXPECT_EQ(choice_of(R"(http.uri; content:!"/vendor/evilkit"; content:"/other";)")->pattern,
              hex("/other"));
}

TEST(FilterPlan, EndsElementsWhereTheyAreRare) {
    const auto choice = choice_of(R"(http.uri; content:"/zqxjkv/index.php?page=";)");
    ASSERT_TRUE(choice);
    EXPECT_LT(choice->pattern.size(), hex("/zqxjkv/index.php?page=").size());
    EXPECT_TRUE(hex("/zqxjkv/index.php?page=").starts_with(choice->pattern));
}

TEST(FilterPlan, ScansHeadsOnlyWhereUrisDoNotDo) {
    EXPECT_EQ(choice_of(R"(http.uri; content:"/evilkit"; http.header; content:"X-Evil|3a| 1";)")->group,
              api::FilterGroup::uri);
    EXPECT_EQ(choice_of(R"(http.uri; content:"/"; http.header; content:"X-Evil-Header|3a| 1";)")->group,
              api::FilterGroup::head);
    EXPECT_EQ(choice_of(R"(http.accept; content:"evil/accept";)")->text, api::RuleBuffer::raw_header);
    EXPECT_EQ(choice_of(R"(http.host; content:"evil.example";)")->flags, unsigned{HS_FLAG_CASELESS});
}

// Cookie is left out of http.header, so that what is apart on the wire can meet there.
TEST(FilterPlan, CutsHeaderContentsAtLineEnds) {
    const auto choice = choice_of(R"(http.header; content:"X-Evilkit|3a| 1|0d 0a|Accept|3a|";)");
    ASSERT_TRUE(choice);
    EXPECT_TRUE(hex("X-Evilkit: 1\r\n").starts_with(choice->pattern)) << choice->pattern;
    EXPECT_FALSE(choice_of(R"(http.header; pcre:"/x\r\nevilkit/";)"));
    EXPECT_TRUE(choice_of(R"(http.header; pcre:"/x\x3a evilkit[a-z]/";)"));
}

TEST(FilterPlan, FallsBackOnPatterns) {
    const auto choice = choice_of(R"(http.uri; content:".php"; pcre:"/\/[a-z]{8}\.php\?k=[0-9]{4}$/i";)");
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->flags, unsigned{HS_FLAG_PREFILTER | HS_FLAG_MULTILINE | HS_FLAG_CASELESS});
    EXPECT_FALSE(choice_of(R"(http.uri; pcre:"/x?/";)"));          // matches the empty text
    EXPECT_FALSE(choice_of(R"(http.uri; content:!"abcdefgh";)"));  // nothing to look for
    EXPECT_FALSE(choice_of(R"(http.uri; pcre:"/(?-m)^abcdef/";)"));
    EXPECT_TRUE(choice_of(R"(http.uri; pcre:"/(?<=a)evilkit(?!b)\1?(x)?/";)"));
    EXPECT_EQ(choice_of(R"(http.user_agent; pcre:"/^evil$/";)")->pattern, "(?:)evil(?:)");
}

// A pattern without a literal costs every request; a length that few have costs less.
TEST(FilterPlan, JudgesAlwaysWhereThatIsCheapest) {
    EXPECT_FALSE(choice_of(R"(urilen:95; http.uri; pcre:"/^\/[A-Z\d]{83}=[A-Z\d]{10}$/";)"));
    EXPECT_FALSE(choice_of(R"(http.method; content:"DELETE";)"));
}

TEST(FilterPlan, LearnsFromTraffic) {
    RequestStatistics learned = RequestStatistics::shipped();
    for (const char* gram : {"/evi", "evil", "vilk", "ilki", "lkit"}) {
        learned.take(RequestStatistics::Text::uri, gram, 0.5);
    }
    const ParsedRules parsed = parse_rules(
        R"(alert http any any -> any any (http.uri; content:"/evilkit"; content:"/odd"; sid:1;))", "f", {});
    EngineTrials trials;
    EXPECT_EQ(choose_filter(parsed.rules.at(0), trials)->pattern, hex("/evilkit"));
    EXPECT_EQ(choose_filter(parsed.rules.at(0), trials, learned)->pattern, hex("/odd"));
}

TEST(FilterPattern, RelaxesAnchors) {
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

TEST(FilterPattern, DoesNotCountFar) {
    EXPECT_EQ(relax_pattern("GET[^s]{432}", 0), "GET[^s]{8,}");
    EXPECT_EQ(relax_pattern("a{3,100}b{2,}c{17,}d{0,20}", 0), "a{3,}b{2,}c{8,}d{0,}");
    EXPECT_EQ(relax_pattern("a{16}{x}{,9}\\{99}{99", 0), "a{16}{x}{,9}\\{99}{99");
    EXPECT_EQ(relax_pattern("[{99}]", 0), "[{99}]");
    EXPECT_EQ(relax_pattern("(?!a{99})b{99}", 0), "(?!a{99})b{99}");
}

TEST(FilterPattern, KnowsItsLiterals) {
    EXPECT_EQ(longest_literal("^/[a-z]{8,10}\\.php\\?k=[0-9]$"), ".php?k=");
    EXPECT_EQ(longest_literal("^\\x2f[A-Z]{83}\\x3d"), "/");
    EXPECT_EQ(longest_literal("(exe|dll)$"), "exe");
    EXPECT_EQ(longest_literal(""), "");
}

TEST(FilterPattern, KnowsWhatStaysWithinALine) {
    EXPECT_TRUE(stays_within_line(R"(^User-Agent\x3a [a-z]+\.\d\S)", 0));
    EXPECT_TRUE(stays_within_line("a.b", 0));
    for (const char* crosses :
         {R"(a\sb)", R"(a\r\nb)", "a[^b]c", R"(\Wa)", R"(\x0a)", R"(\x{a}b)", "(?s)a.b"}) {
        EXPECT_FALSE(stays_within_line(crosses, 0)) << crosses;
    }
    EXPECT_FALSE(stays_within_line("a.b", PCRE2_DOTALL));
}

TEST(RequestStatistics, KnowsWhatIsCommon) {
    const RequestStatistics& shipped = RequestStatistics::shipped();
    const auto uri_bits = [&](std::string_view bytes) {
        return shipped.bits(RequestStatistics::Text::uri, bytes);
    };
    EXPECT_LT(uri_bits(".php"), 4);
    EXPECT_LT(uri_bits("/INDEX.php"), 4);
    EXPECT_LT(uri_bits("/"), 1);
    EXPECT_GT(uri_bits("/b.cgi?"), 6);
    EXPECT_GT(uri_bits("evilkit.php"), uri_bits("evil.php"));
    EXPECT_EQ(uri_bits(""), 0);
    EXPECT_LT(shipped.bits(RequestStatistics::Text::head, "User-Agent: Mozilla/5.0 ("), 2);
}

}  // namespace
}  // namespace picket::rules
