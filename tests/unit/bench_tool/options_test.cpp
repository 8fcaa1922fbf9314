#include "bench/tool/options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

Options parsed(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "picket-bench");
    return parse_options(static_cast<int>(arguments.size()), arguments.data()).value();
}

// The sentence that refuses them; empty if they are taken.
std::string refusal(const std::vector<const char*>& arguments) {
    try {
        static_cast<void>(parsed(arguments));
    } catch (const SetupError& error) {
        EXPECT_EQ(error.exit_status(), 2);
        return error.what();
    }
    return "";
}

TEST(BenchOptions, defaults_are_the_contract) {
    const Options options = parsed({});
    EXPECT_EQ(options.row.mix, Mix::min64);
    EXPECT_EQ(options.row.flows, 1'000'000u);
    EXPECT_EQ(options.row.workers, 1u);
    EXPECT_EQ(options.row.via, Via::memory);
    EXPECT_EQ(options.row.requests, 0);
    EXPECT_EQ(options.row.new_flows_share, 0);
    EXPECT_EQ(options.row.new_flows_per_s, 0);
    EXPECT_EQ(options.rule_count, 0u);
    EXPECT_FALSE(options.sweep);
    EXPECT_EQ(options.row.cores.size(), 1u);
}

TEST(BenchOptions, takes_what_is_given) {
    const Options options = parsed({"--mix", "web", "--flows", "100k", "--new-flows", "5%", "--rules", "1500",
                                    "--ipv6", "0.25", "--seconds", "1", "--runs", "3", "-j"});
    EXPECT_EQ(options.row.mix, Mix::web);
    EXPECT_EQ(options.row.flows, 100'000u);
    EXPECT_DOUBLE_EQ(options.row.new_flows_share, 0.05);
    EXPECT_DOUBLE_EQ(options.row.requests, 0.1);
    EXPECT_EQ(options.rule_count, 1500u);
    EXPECT_DOUBLE_EQ(options.row.ipv6, 0.25);
    EXPECT_EQ(options.row.runs, 3u);
    EXPECT_TRUE(options.json);
}

TEST(BenchOptions, new_flows_are_a_rate_or_a_share) {
    EXPECT_DOUBLE_EQ(parsed({"--new-flows", "250k"}).row.new_flows_per_s, 250'000);
    EXPECT_DOUBLE_EQ(parsed({"--new-flows", "100%"}).row.new_flows_share, 1);
}

TEST(BenchOptions, counts_and_shares) {
    EXPECT_EQ(parse_count("10M"), 10'000'000u);
    EXPECT_EQ(parse_count("1.5k"), 1500u);
    EXPECT_EQ(parse_count("0"), 0u);
    for (const char* text : {"", "k", "-1", "1.5", "1kk", "ten", "1e99", "nan", "0x10"}) {
        EXPECT_EQ(parse_count(text), std::nullopt) << text;
    }
    EXPECT_EQ(parse_share("5%"), 0.05);
    EXPECT_EQ(parse_share("1"), 1.0);
    for (const char* text : {"", "%", "1.1", "101%", "-0.1", "five", "inf"}) {
        EXPECT_EQ(parse_share(text), std::nullopt) << text;
    }
}

TEST(BenchOptions, refuses_with_a_sentence) {
    EXPECT_NE(refusal({"--flows", "0"}).find("--flows 0: is not a count"), std::string::npos);
    EXPECT_NE(refusal({"--flows", "200M"}).find("between 2 and 100M"), std::string::npos);
    EXPECT_NE(refusal({"--mix", "min65"}), "");
    EXPECT_NE(refusal({"--new-flows", "many"}).find("write 100k or 5%"), std::string::npos);
    EXPECT_NE(refusal({"--new-flows", "70%"}).find("50%, or 100%"), std::string::npos);
    EXPECT_NE(refusal({"--workers", "64"}).find("take fewer workers"), std::string::npos);
    EXPECT_NE(refusal({"--via", "ring", "--workers", "2"}).find("--via memory"), std::string::npos);
    EXPECT_NE(refusal({"--cores", "1023"}).find("may not use that core"), std::string::npos);
    EXPECT_NE(refusal({"--flood", "--new-flows", "5%"}).find("nothing but new flows"), std::string::npos);
    EXPECT_NE(refusal({"-j", "--csv"}).find("choose one"), std::string::npos);
    EXPECT_NE(refusal({"--seconds", "0"}), "");
    EXPECT_NE(refusal({"--frobnicate"}).find("--help"), std::string::npos);
    EXPECT_NE(refusal({"--sweep", "--capacity", "1k"}).find("sweep"), std::string::npos);
}

}  // namespace
}  // namespace picket::bench
