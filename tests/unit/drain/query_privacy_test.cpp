// What is kept of queries.
#include "controlplane/drain/query_privacy.h"

#include <gtest/gtest.h>

namespace picket::drain {
namespace {

TEST(QueryPrivacy, KeepsDropsOrHashesWhatFollowsTheMark) {
    const QueryPrivacy whole(QueryKept::whole);
    const QueryPrivacy nothing(QueryKept::nothing);
    const QueryPrivacy hash(QueryKept::hash, "key");
    EXPECT_EQ(whole.of_uri("/b.cgi?alt&174642967"), "/b.cgi?alt&174642967");
    EXPECT_EQ(nothing.of_uri("/b.cgi?alt&174642967"), "/b.cgi");
    EXPECT_EQ(nothing.of_uri("/b.cgi?"), "/b.cgi");
    EXPECT_EQ(nothing.of_uri("?"), "");
    for (const char* plain : {"", "/", "/index.html", "*"}) {
        EXPECT_EQ(nothing.of_uri(plain), plain);
        EXPECT_EQ(hash.of_uri(plain), plain);
    }
    const std::string one = hash.of_uri("/b.cgi?alt&174642967");
    ASSERT_EQ(one.size(), std::string_view("/b.cgi?").size() + 16);
    EXPECT_TRUE(one.starts_with("/b.cgi?"));
    EXPECT_EQ(one.find_first_not_of("0123456789abcdef", 7), std::string::npos);
    EXPECT_EQ(one.substr(7), hash.of_uri("/other?alt&174642967").substr(7)) << "of the query alone";
    EXPECT_NE(one, hash.of_uri("/b.cgi?alt&174642968"));
    EXPECT_NE(one, QueryPrivacy(QueryKept::hash, "other key").of_uri("/b.cgi?alt&174642967"));
}

TEST(QueryPrivacy, WithoutAKeyHasOneOfItsOwn) {
    const QueryPrivacy one(QueryKept::hash);
    const QueryPrivacy other(QueryKept::hash);
    EXPECT_EQ(one.of_uri("/?q"), one.of_uri("/?q"));
    EXPECT_NE(one.of_uri("/?q"), other.of_uri("/?q"));
}

TEST(QueryPrivacy, CoversAllTextsOfARequest) {
    store::StoredRequest request;
    request.uri = "/%61?name=x%20y";
    request.uri_normalized = "/a?name=x y";
    request.referer = "http://example.org/find?name=z";
    request.host = "example.org";
    QueryPrivacy(QueryKept::nothing).apply(request);
    EXPECT_EQ(request.uri, "/%61");
    EXPECT_EQ(request.uri_normalized, "/a");
    EXPECT_EQ(request.referer, "http://example.org/find");
    EXPECT_EQ(request.host, "example.org");
    request.version = "HTTP/1.1";
    QueryPrivacy(QueryKept::nothing).apply(request);
    EXPECT_EQ(request.version, "HTTP/1.1");
    request.version = "HTTP/2&user=joe";
    request.uri = "/a?name=x%20y";
    request.uri_normalized = "/a?name=x y";
    QueryPrivacy(QueryKept::nothing).apply(request);
    EXPECT_EQ(request.uri, "/a");
    EXPECT_EQ(request.uri_normalized, "") << "equal to the raw one";
    EXPECT_EQ(request.version, "");
}

store::StoredFlow flow_with(std::string_view payload) {
    store::StoredFlow flow;
    auto& direction = flow.directions[0];
    direction.payload_first_length = static_cast<std::uint8_t>(payload.size());
    std::copy(payload.begin(), payload.end(), direction.payload_first.begin());
    return flow;
}

std::string payload_of(const store::StoredFlow& flow) {
    const auto& direction = flow.directions[0];
    return {direction.payload_first.begin(),
            direction.payload_first.begin() + direction.payload_first_length};
}

TEST(QueryPrivacy, EndsFirstPayloadBytesOfRequestsBeforeTheQuery) {
    const QueryPrivacy nothing(QueryKept::nothing);
    auto flow = flow_with("GET /b.cgi?alt&1");
    nothing.apply(flow);
    EXPECT_EQ(payload_of(flow), "GET /b.cgi");
    EXPECT_EQ(flow.directions[0].payload_first[10], 0) << "nothing is left behind the end";
    for (const std::string_view other : {"\x16\x03\x01 ab?cd", "what? is this?", "GET /index.html "}) {
        flow = flow_with(other);
        nothing.apply(flow);
        EXPECT_EQ(payload_of(flow), other);
    }
    const auto kept = [&](std::string_view payload, std::uint32_t flags) {
        flow = flow_with(payload);
        flow.flags = flags;
        nothing.apply(flow);
        return payload_of(flow);
    };
    EXPECT_EQ(kept("\r\nGET /?key=secr", 0), "\r\nGET /");
    EXPECT_EQ(kept("get /a?pin=12345", 0), "get /a");
    EXPECT_EQ(kept("M-SEARCH /a?pin=", 0), "M-SEARCH /a");
    EXPECT_EQ(kept("x?pw=hunter2&a=1", api::flow_http), "") << "joined amid a request";
    EXPECT_EQ(kept("HTTP/1.1 200 OK\r", api::flow_http), "HTTP/1.1 200 OK\r");
    flow = flow_with("GET /b.cgi?alt&1");
    QueryPrivacy(QueryKept::whole).apply(flow);
    EXPECT_EQ(payload_of(flow), "GET /b.cgi?alt&1");
}

}  // namespace
}  // namespace picket::drain
