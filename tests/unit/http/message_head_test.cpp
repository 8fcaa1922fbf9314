#include "dataplane/http/message_head.h"

#include <gtest/gtest.h>

namespace picket::http {
namespace {

TEST(RequestHead, WholeRequest) {
    const std::string_view text =
        "GET /b.cgi?alt&1&000000000000 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent:  probe/1 \r\n"
        "Referer: http://a/\r\nCookie: c=1\r\n\r\nrest";
    RequestHead head;
    ASSERT_EQ(parse_request_head(text, head), HeadStatus::complete);
    EXPECT_EQ(head.method, "GET");
    EXPECT_EQ(head.target, "/b.cgi?alt&1&000000000000");
    EXPECT_EQ(head.version, "HTTP/1.1");
    EXPECT_EQ(head.host, "www.example.com");
    EXPECT_EQ(head.user_agent, "probe/1");
    EXPECT_EQ(head.referer, "http://a/");
    EXPECT_EQ(head.cookie, "c=1");
    EXPECT_EQ(text.substr(head.length), "rest");
}

TEST(RequestHead, EveryCutIsIncompleteOrLessThanTheWhole) {
    const std::string_view text = "POST /upload HTTP/1.0\r\nContent-Length: 12\r\n\r\n";
    for (std::size_t length = 1; length < text.size(); ++length) {
        RequestHead head;
        EXPECT_EQ(parse_request_head(text.substr(0, length), head), HeadStatus::incomplete) << length;
    }
    RequestHead head;
    ASSERT_EQ(parse_request_head(text, head), HeadStatus::complete);
    EXPECT_EQ(head.framing.content_length, 12);
    EXPECT_EQ(head.referer.data(), nullptr);
}

TEST(RequestHead, OddButReal) {
    RequestHead head;
    EXPECT_EQ(parse_request_head("GET /\r\n", head), HeadStatus::complete);  // HTTP/0.9
    EXPECT_EQ(head.version.data(), nullptr);
    EXPECT_EQ(parse_request_head("\r\nGET / HTTP/1.1\nHost: a\n\n", head), HeadStatus::complete);
    EXPECT_EQ(head.host, "a");
    EXPECT_EQ(parse_request_head("BREW /pot HTCPCP/1.0\r\n\r\n", head), HeadStatus::not_a_message);
    EXPECT_EQ(parse_request_head("BREW /pot HTTP/1.0\r\n\r\n", head), HeadStatus::complete);
    EXPECT_EQ(parse_request_head("GET /a b c HTTP/1.1\r\n\r\n", head), HeadStatus::complete);
    EXPECT_EQ(head.target, "/a b c");
    EXPECT_EQ(parse_request_head("GET http://www.example.com/b.cgi HTTP/1.0\r\n\r\n", head),
              HeadStatus::complete);
    EXPECT_EQ(head.host, "www.example.com");
    EXPECT_EQ(parse_request_head("CONNECT a:443 HTTP/1.1\r\n\r\n", head), HeadStatus::complete);
    EXPECT_EQ(head.target, "a:443");
}

TEST(RequestHead, AnyTokenIsAMethod) {
    RequestHead head;
    EXPECT_EQ(parse_request_head("get / HTTP/1.0\r\n\r\n", head), HeadStatus::complete);
    EXPECT_EQ(head.method, "get");
    EXPECT_EQ(parse_request_head("M-SEARCH * HTTP/1.1\r\n\r\n", head), HeadStatus::complete);
    EXPECT_EQ(parse_request_head("x!~1 http://a/b HTTP/1.1\r\n\r\n", head), HeadStatus::complete);
    EXPECT_EQ(head.host, "a");
    EXPECT_EQ(parse_request_head("GET HTTP/1.1\r\n\r\n", head), HeadStatus::complete);
    EXPECT_EQ(head.target, "");
    EXPECT_EQ(head.version, "HTTP/1.1");
    EXPECT_EQ(parse_request_head("OPTIONS /HTTP/1.1\r\n", head), HeadStatus::complete);
    EXPECT_EQ(head.target, "/HTTP/1.1");
    EXPECT_EQ(
        parse_request_head("GET / HTTP/1.1\r\nUser-Agent: a\r\n b\r\n Host: c\r\nHost: d\r\n\r\n", head),
        HeadStatus::complete);
    EXPECT_EQ(head.user_agent, "a\r\n b\r\n Host: c");
    EXPECT_EQ(head.host, "d");
}

TEST(RequestHead, Framing) {
    RequestHead head;
    ASSERT_EQ(parse_request_head(
                  "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 7\r\n\r\n", head),
              HeadStatus::complete);
    EXPECT_TRUE(head.framing.chunked);
    EXPECT_EQ(head.framing.content_length, 7);
    ASSERT_EQ(parse_request_head("POST / HTTP/1.1\r\nContent-Length: -7\r\n\r\n", head),
              HeadStatus::complete);
    EXPECT_EQ(head.framing.content_length, -1);
}

TEST(RequestHead, OtherProtocolsAreNot) {
    for (const std::string_view text :
         {"USER anonymous\r\n", "EHLO mail.example.com\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\n",
          "get /\r\n", "GET nothing\r\n", " GET / HTTP/1.0\r\n", "\x16\x03\x01"}) {
        RequestHead head;
        EXPECT_EQ(parse_request_head(text, head), HeadStatus::not_a_message) << text;
    }
}

TEST(ResponseHead, StatusAndFields) {
    ResponseHead head;
    ASSERT_TRUE(parse_response_head(
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4096\r\n\r\n", head));
    EXPECT_EQ(head.status, 404);
    EXPECT_EQ(head.content_type, "text/html");
    EXPECT_EQ(head.content_length, 4096);
    EXPECT_TRUE(parse_response_head("HTTP/1.0 200", head));
    EXPECT_EQ(head.content_length, -1);
    EXPECT_FALSE(parse_response_head("HTTP/1.1 2x0 OK\r\n", head));
    EXPECT_FALSE(parse_response_head("HTTP/1.1", head));
    EXPECT_FALSE(parse_response_head("GET / HTTP/1.1\r\n", head));
}

}  // namespace
}  // namespace picket::http
