// Rule sets on their way to several workers, and what their rules cost them on the way back.
#include "dataplane/housekeeping/rule_loader.h"

#include <gtest/gtest.h>

#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_parser.h"
#include "tests/support/pipeline_harness.h"

namespace picket::housekeeping {
namespace {

std::vector<std::byte> blob_of(const std::string& content) {
    const auto parsed = rules::parse_rules(
        "alert http any any -> any any (http.uri; content:\"" + content + "\"; sid:1;)\n", "f", {});
    return rules::compile_rules(parsed.rules, {}).blob;
}

class RuleLoaderTest : public ::testing::Test {
  protected:
    void adopt() {
        for (auto* worker : {&first_, &second_}) worker->pipeline.housekeep(now_ns_);
        loader_.collect();
    }
    void load(const std::string& content, std::uint32_t generation) {
        std::string error;
        ASSERT_TRUE(loader_.load(blob_of(content), generation, error)) << error;
    }
    void ask(testing::PipelineHarness& worker, const std::string& uri) {
        worker.feed(testing::PacketBuilder()
                        .ethernet()
                        .ipv4("10.0.0.1", "192.0.2.1")
                        .tcp(port_++, 80)
                        .payload("GET " + uri + " HTTP/1.1\r\nHost: h\r\n\r\n"),
                    now_ns_ += 1000);
        worker.run();
    }
    [[nodiscard]] const api::RuleCostArea& costs() {
        loader_.publish_costs(*area_);
        return *area_;
    }

    testing::PipelineHarness first_;
    testing::PipelineHarness second_;
    RuleLoader loader_{{&first_.pipeline, &second_.pipeline}};
    std::unique_ptr<api::RuleCostArea> area_ = std::make_unique<api::RuleCostArea>();
    std::uint64_t now_ns_ = 1'000'000'000;
    std::uint16_t port_ = 2000;
};

TEST_F(RuleLoaderTest, CostsOfAllWorkersAreAddedUp) {
    EXPECT_EQ(costs().generation, 0u) << "no rules yet";
    load("/evil.cgi", 7);
    EXPECT_EQ(costs().generation, 7u);
    EXPECT_EQ(costs().rules, 1u);
    EXPECT_EQ(costs().costs[0].candidates, 0u);
    adopt();
    ask(first_, "/evil.cgi");
    ask(first_, "/evil.cgi");
    ask(second_, "/evil.cgi");
    ask(second_, "/harmless");
    EXPECT_EQ(costs().costs[0].candidates, 3u);
    EXPECT_EQ(costs().costs[0].hits, 3u);
    EXPECT_GE(costs().costs[0].measured, 2u) << "each worker times its first judgement";
}

TEST_F(RuleLoaderTest, ANewGenerationBeginsAnew) {
    load("/evil.cgi", 1);
    adopt();
    ask(first_, "/evil.cgi");
    load("/other.cgi", 2);
    ask(first_, "/evil.cgi");  // with the old set, which is not told any more
    EXPECT_EQ(costs().generation, 2u);
    EXPECT_EQ(costs().costs[0].candidates, 0u);
    adopt();
    ask(first_, "/other.cgi");
    EXPECT_EQ(costs().costs[0].hits, 1u);
}

TEST_F(RuleLoaderTest, ABadBlobChangesNothing) {
    load("/evil.cgi", 1);
    adopt();
    auto blob = blob_of("/other.cgi");
    blob[blob.size() - 1] ^= std::byte{1};
    std::string error;
    EXPECT_FALSE(loader_.load(blob, 2, error));
    EXPECT_NE(error, "");
    ask(second_, "/evil.cgi");
    EXPECT_EQ(costs().generation, 1u);
    EXPECT_EQ(costs().costs[0].hits, 1u);
}

}  // namespace
}  // namespace picket::housekeeping
