// Patterns that backtrack without end are told from those that do not.
#include "controlplane/rules/pattern_probe.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "controlplane/rules/rule_files.h"
#include "controlplane/rules/rule_parser.h"

namespace picket::rules {
namespace {

std::vector<CostNote> notes_of(const std::string& pattern) {
    const ParsedRules parsed = parse_rules(
        "# a comment\nalert http any any -> any any (http.uri; pcre:\"" + pattern + "\"; sid:5;)\n",
        "my.rules", {});
    EXPECT_EQ(list_rejects(parsed.rejects), "");
    return probe_patterns(parsed.rules);
}

TEST(PatternProbe, NamesWhatBacktracksWithoutEnd) {
    for (const char* pattern :
         {R"(/^\/(a+)+$/)", R"(/(x+x+)+(?=y)/)", R"(/^(\w+\s?)*$/)", R"(/id=(\d+,?)+[;]$/)"}) {
        const auto notes = notes_of(pattern);
        ASSERT_EQ(notes.size(), 1u) << pattern;
        EXPECT_EQ(notes[0].file, "my.rules");
        EXPECT_EQ(notes[0].line, 2u);
        EXPECT_EQ(notes[0].sid, 5u);
        EXPECT_EQ(notes[0].option, "pcre");
        EXPECT_NE(notes[0].reason.find("100000 steps"), std::string::npos);
    }
}

TEST(PatternProbe, OrdinaryPatternsPass) {
    for (const char* pattern : {R"(/^\/b\.cgi\?[a-z]{1,8}&/)", R"(/\/[a-f0-9]{32}\.php$/)", R"(/id=\d+/)",
                                R"(/\.(php|asp|jsp)\?/i)"}) {
        EXPECT_TRUE(notes_of(pattern).empty()) << pattern;
    }
}

// Not every note on rules of others can be judged here, but hardly any of them may be given one.
TEST(PatternProbe, HardlyAnyRuleOfOthersIsNamed) {
    const char* captures = std::getenv("PICKET_CAPTURES");
    if (captures == nullptr || !std::filesystem::exists(captures)) {
        GTEST_SKIP() << "no corpus: PICKET_CAPTURES names no folder";
    }
    const std::string folder = std::string(captures) + "/rules/";
    const ParsedRules parsed = load_rule_files({folder + "*/*.rules", folder + "*/rules/*.rules"}, {});
    const auto notes = probe_patterns(parsed.rules);
    EXPECT_LT(static_cast<double>(notes.size()), 0.02 * static_cast<double>(parsed.rules.size()));
}

}  // namespace
}  // namespace picket::rules
