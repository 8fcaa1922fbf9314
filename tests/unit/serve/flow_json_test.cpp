// Flows as rows of the contract.
#include "controlplane/serve/flow_json.h"

#include <gtest/gtest.h>

#include "tests/unit/store/store_fixtures.h"

namespace picket::serve {
namespace {

TEST(FlowJson, TheTunnelAroundAFlow) {
    const store::RequestStore requests(1, 1024);
    const tests::FixedRules rules;
    const store::QueryJoin join{requests, rules};
    auto flow = tests::flow(42);
    flow.tunnel = {*store::parse_address("2001:db8::1"), *store::parse_address("2001:db8::2"), 77,
                   api::TunnelKind::gre, 1};
    const Json expected{
        {"kind", "gre"}, {"id", 77}, {"depth", 1}, {"src_ip", "2001:db8::1"}, {"dest_ip", "2001:db8::2"},
        {"proto", "GRE"}};
    EXPECT_EQ(flow_row(flow, join, false)["tunnel"], expected);
    EXPECT_EQ(flow_detail(flow, join, {})["tunnel"], expected);

    auto labelled = tests::flow(43);
    labelled.tunnel.id = 16;
    labelled.tunnel.kind = api::TunnelKind::mpls;
    const Json label{{"kind", "mpls"}, {"id", 16}, {"depth", 0}};
    EXPECT_EQ(flow_row(labelled, join, false)["tunnel"], label);

    EXPECT_FALSE(flow_row(tests::flow(44), join, false).contains("tunnel"));
}

}  // namespace
}  // namespace picket::serve
