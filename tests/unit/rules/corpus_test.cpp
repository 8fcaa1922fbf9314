// Rule files that others published: most load, each reject says why, and all that load compile.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "controlplane/rules/rule_files.h"
#include "tests/unit/match/match_harness.h"

namespace picket::rules {
namespace {

struct Corpus {
    const char* files;
    std::size_t rules_min;
    double rejected_max;  // share of all
};

TEST(RuleCorpus, LoadsWhatItCanHonour) {
    const char* captures = std::getenv("PICKET_CAPTURES");
    if (captures == nullptr || !std::filesystem::exists(captures)) {
        GTEST_SKIP() << "no corpus: PICKET_CAPTURES names no folder";
    }
    const Corpus corpora[] = {
        {"/rules/Hangjo+IDS/*.rules", 500, 0.50},
        {"/rules/Resistine+SnortRules/*.rules", 2700, 0.35},
        {"/rules/bailehang+snort_2.2.0/rules/*.rules", 1900, 0.25},
        {"/rules/xisafe+suricata-rule/rules/*.rules", 5900, 0.35},
    };
    for (const Corpus& corpus : corpora) {
        ParsedRules parsed = load_rule_files({std::string(captures) + corpus.files}, {});
        const double all = static_cast<double>(parsed.rules.size() + parsed.rejects.size());
        EXPECT_GE(parsed.rules.size(), corpus.rules_min) << corpus.files;
        EXPECT_LE(static_cast<double>(parsed.rejects.size()) / all, corpus.rejected_max) << corpus.files;
        for (const Reject& reject : parsed.rejects) {
            EXPECT_TRUE(reject.line > 0 && reject.sid && !reject.option.empty() && !reject.reason.empty())
                << list_rejects({reject});
        }
        match::Harness harness(parsed.rules);
        EXPECT_LE(static_cast<double>(harness.compiled.always_judged), 0.02 * all) << corpus.files;
        EXPECT_EQ(harness.set->rule_count(), parsed.rules.size());
    }
}

}  // namespace
}  // namespace picket::rules
