// Requests by flow, their responses, and the bounds.
#include "controlplane/store/request_store.h"

#include <gtest/gtest.h>

namespace picket::store {
namespace {

StoredRequest request(std::uint64_t flow, std::uint32_t number, std::string uri) {
    StoredRequest result;
    result.flow = {flow, 1};
    result.request = number;
    result.uri = std::move(uri);
    return result;
}

TEST(RequestStore, JoinsResponsesByFlowAndNumber) {
    RequestStore store(100, 1 << 20);
    store.add(request(1, 0, "/a"));
    store.add(request(2, 0, "/other"));
    store.add(request(1, 1, "/b"));
    store.add_response({1, 1}, 1, {404, "text/html", 12, 5});
    store.add_response({9, 1}, 0, {200, "", -1, 5});  // of a flow that nobody knows
    const auto requests = store.of_flow({1, 1});
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].uri, "/a");
    EXPECT_EQ(requests[0].status, 0);
    EXPECT_EQ(requests[1].status, 404);
    EXPECT_TRUE(store.of_flow({1, 2}).empty()) << "another run's flow has the same id";
}

TEST(RequestStore, ThrowsTheOldestAway) {
    RequestStore store(3, 1 << 20);
    for (std::uint32_t i = 0; i < 5; ++i) store.add(request(1, i, "/" + std::to_string(i)));
    ASSERT_EQ(store.of_flow({1, 1}).size(), 3U);
    EXPECT_EQ(store.of_flow({1, 1}).front().uri, "/2");
    store.add(request(2, 0, "/x"));
    store.add(request(2, 1, "/y"));
    store.add(request(2, 2, "/z"));
    EXPECT_TRUE(store.of_flow({1, 1}).empty());
    EXPECT_EQ(store.last(2).front().uri, "/y");
}

TEST(RequestStore, TellsWhenThoseItLacksCame) {
    RequestStore store(2, 1 << 20);
    for (std::uint64_t time : {100, 300, 200}) {
        StoredRequest one = request(1, static_cast<std::uint32_t>(time), "/");
        one.time_ns = time;
        store.add(one);
        EXPECT_EQ(store.horizon_ns(), time == 200 ? 100U : 0U) << "the third one takes the first one's place";
    }
    StoredRequest late = request(2, 0, "/");
    late.time_ns = 250;
    store.add(late);
    EXPECT_EQ(store.horizon_ns(), 300U);
}

TEST(RequestStore, BytesAreBoundedToo) {
    RequestStore store(1000, 100'000);
    for (std::uint32_t i = 0; i < 100; ++i) store.add(request(i, 0, std::string(10'000, 'a')));
    EXPECT_LT(store.last(1000).size(), 11U);
}

}  // namespace
}  // namespace picket::store
