#include "controlplane/rules/flowbit_options.h"

#include <gtest/gtest.h>

namespace picket::rules {
namespace {

using api::BitAction;

FlowbitOption parsed(const std::string& value, bool suricata = true) {
    Rule rule;
    EXPECT_EQ(parse_flowbits(value, suricata, rule), "") << value;
    return rule.flowbits.empty() ? FlowbitOption{} : rule.flowbits.front();
}

std::string rule_text(const std::string& options, int sid) {
    return "alert http any any -> any any (flow:to_server; http.uri; content:\"/abc\"; " + options +
           " sid:" + std::to_string(sid) + ";)\n";
}

TEST(FlowbitOptions, ReadsActionsAndNames) {
    EXPECT_EQ(parsed("set,ET.x").action, BitAction::set);
    EXPECT_EQ(parsed("unset, a").action, BitAction::unset);
    EXPECT_EQ(parsed("toggle,a").action, BitAction::toggle);
    EXPECT_EQ(parsed("isset:a").action, BitAction::is_set);
    EXPECT_EQ(parsed("IsNotSet,a").action, BitAction::is_not_set);
    EXPECT_EQ(parsed("set,a&b & c").names, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(parsed("isset,a|b|a").names, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(parsed("isset,a|b").any);
    EXPECT_FALSE(parsed("isset,a&b").any);
    Rule rule;
    EXPECT_EQ(parse_flowbits("noalert", true, rule), "");
    EXPECT_FALSE(rule.alerts);
}

// Suricata: any of them not set. Snort: not (a or b), not (a and b).
TEST(FlowbitOptions, DeniesAsTheEngineDoes) {
    EXPECT_TRUE(parsed("isnotset,a|b", true).any);
    EXPECT_FALSE(parsed("isnotset,a|b", false).any);
    EXPECT_TRUE(parsed("isnotset,a&b", false).any);
}

TEST(FlowbitOptions, RejectsWhatItCannotHonour) {
    Rule rule;
    EXPECT_NE(parse_flowbits("reset", true, rule), "");
    EXPECT_NE(parse_flowbits("set", true, rule), "");
    EXPECT_NE(parse_flowbits("set,", true, rule), "");
    EXPECT_EQ(parse_flowbits("set,a,group", true, rule), "names a group of bits, which is not supported");
    EXPECT_NE(parse_flowbits("set,a|b", true, rule), "");
    EXPECT_NE(parse_flowbits("isset,a|b&c", true, rule), "");
    EXPECT_TRUE(rule.flowbits.empty());
}

TEST(FlowbitOptions, FindsRulesOfWhichNobodyHears) {
    const ParsedRules parsed =
        parse_rules(rule_text("flowbits:set,a; flowbits:noalert;", 1) +      // nobody tests a
                        rule_text("flowbits:set,b; flowbits:noalert;", 2) +  // 3 does, and alerts
                        rule_text("flowbits:isset,b;", 3) +                  //
                        rule_text("flowbits:set,c; flowbits:noalert;", 4) +  // 5 does, whose d 6 tests
                        rule_text("flowbits:isset,c; flowbits:set,d; flowbits:noalert;", 5) +  //
                        rule_text("flowbits:isnotset,d;", 6) +                                 //
                        rule_text("flowbits:set,e; flowbits:noalert;", 7) +  // 8 does, of which nobody hears
                        rule_text("flowbits:isset,e; flowbits:set,f; flowbits:noalert;", 8) +  //
                        rule_text("flowbits:set,g;", 9) +                                      // alerts
                        rule_text("noalert;", 10) +                                            //
                        rule_text("flowbits:unset,b; flowbits:noalert;", 11),                  // 3 tests it
                    "f", {});
    ASSERT_EQ(list_rejects(parsed.rejects), "");
    EXPECT_EQ(find_mute_rules(parsed.rules),
              (std::vector<bool>{true, false, false, false, false, false, true, true, false, true, false}));
}

TEST(FlowbitOptions, RejectsTestsOfBitsThatNothingSets) {
    ParsedRules parsed = parse_rules(
        rule_text("flowbits:isset,a;", 1) + rule_text("flowbits:set,b;", 2) +
            rule_text("flowbits:isset,a|b;", 3) + rule_text("flowbits:isset,a&b;", 4) +
            rule_text("flowbits:isnotset,a;", 5) + rule_text("flowbits:isset,a; flowbits:set,c;", 6) +
            rule_text("flowbits:isset,c;", 7) +  // only 6 sets it
            rule_text("flowbits:unset,d;", 8) + rule_text("flowbits:isset,d;", 9),
        "f", {});
    ASSERT_EQ(parsed.rejects.size(), 0u);
    reject_unset_flowbits(parsed);
    std::vector<std::uint32_t> left;
    for (const Rule& rule : parsed.rules) left.push_back(rule.sid);
    EXPECT_EQ(left, (std::vector<std::uint32_t>{2, 3, 8}));
    ASSERT_EQ(parsed.rejects.size(), 6u);
    EXPECT_EQ(list_rejects({parsed.rejects.front()}),
              "f:1: sid 1: flowbits: tests 'a', which no rule that is loaded sets\n");
}

std::vector<std::uint32_t> order_of(const std::vector<std::string>& options) {
    std::string text;
    for (std::size_t i = 0; i < options.size(); ++i) {
        text += rule_text(options[i], static_cast<int>(i + 1));
    }
    return order_by_flowbits(parse_rules(text, "f", {}).rules);
}

TEST(FlowbitOptions, OrdersWritersBeforeTesters) {
    using Order = std::vector<std::uint32_t>;
    EXPECT_EQ(order_of({"", "noalert;", ""}), (Order{1}));
    EXPECT_EQ(order_of({"flowbits:isset,a;", "flowbits:set,a;"}), (Order{1, 0}));
    EXPECT_EQ(order_of({"flowbits:isset,b;", "flowbits:isset,a; flowbits:set,b;", "flowbits:set,a;"}),
              (Order{2, 1, 0}));
    // A rule does not wait for itself; a circle begins with the first that writes.
    EXPECT_EQ(order_of({"flowbits:isset,b;", "flowbits:isset,a; flowbits:unset,a; flowbits:set,b;"}),
              (Order{1, 0}));
    EXPECT_EQ(order_of({"flowbits:isset,a;", "flowbits:isnotset,a; flowbits:set,a;",
                        "flowbits:isset,a; flowbits:unset,a;"}),
              (Order{1, 2, 0}));
}

}  // namespace
}  // namespace picket::rules
