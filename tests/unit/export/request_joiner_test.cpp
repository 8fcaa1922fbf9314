// Requests wait for their response, but not for ever.
#include "controlplane/export/request_joiner.h"

#include <gtest/gtest.h>

namespace picket::exporter {
namespace {

store::StoredRequest request(std::uint64_t flow, std::uint32_t number) {
    store::StoredRequest result;
    result.flow = {flow, 1};
    result.request = number;
    return result;
}

TEST(RequestJoiner, GoesOnWithTheResponseOrAtTheFlowsEnd) {
    std::vector<store::StoredRequest> done;
    RequestJoiner joiner([&](const store::StoredRequest& complete) { done.push_back(complete); });
    joiner.add(request(1, 0));
    joiner.add(request(1, 1));
    joiner.add(request(2, 0));
    EXPECT_TRUE(done.empty());
    joiner.add_response({1, 1}, 1, {200, "text/html", 5, 9});
    ASSERT_EQ(done.size(), 1U);
    EXPECT_EQ(done[0].request, 1U);
    EXPECT_EQ(done[0].status, 200);
    joiner.flow_ended({1, 1});
    ASSERT_EQ(done.size(), 2U);
    EXPECT_EQ(done[1].status, 0);
    joiner.finish();
    EXPECT_EQ(done.size(), 3U);
    joiner.finish();
    EXPECT_EQ(done.size(), 3U);
}

TEST(RequestJoiner, WaitsForTheEndOfABodyThatGoesOn) {
    std::vector<store::StoredRequest> done;
    RequestJoiner joiner([&](const store::StoredRequest& complete) { done.push_back(complete); });
    joiner.add(request(1, 0));
    joiner.add_response({1, 1}, 0, {200, "text/html", -1, 9, 100, true});
    EXPECT_TRUE(done.empty());
    joiner.add_response_end({1, 1}, 0, 5000);
    ASSERT_EQ(done.size(), 1U);
    EXPECT_EQ(done[0].status, 200);
    EXPECT_EQ(done[0].body_bytes, 5000);
}

TEST(RequestJoiner, OneFlowCannotHoldTooMany) {
    std::size_t done = 0;
    RequestJoiner joiner([&](const store::StoredRequest&) { ++done; });
    for (std::uint32_t i = 0; i < 1000; ++i) joiner.add(request(1, i));
    EXPECT_EQ(done, 1000 - RequestJoiner::waiting_in_flow_max);
}

}  // namespace
}  // namespace picket::exporter
