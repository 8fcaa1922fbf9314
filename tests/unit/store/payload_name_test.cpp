// First payload bytes and their names.
#include "controlplane/store/payload_name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace picket::store {
namespace {

using namespace std::string_view_literals;

// The name of a flow's first bytes; direction 0 is to the server.
std::string_view name_of(std::string_view payload, std::uint8_t protocol, std::uint16_t port,
                         std::size_t direction = 0) {
    StoredFlow flow;
    flow.protocol = protocol;
    flow.destination_port = port;
    auto& side = flow.directions[direction];
    const std::size_t kept = std::min(payload.size(), side.payload_first.size());
    std::copy_n(payload.begin(), kept, side.payload_first.begin());
    side.payload_first_length = static_cast<std::uint8_t>(kept);
    return payload_kind_name(payload_kind(flow, direction));
}

TEST(PayloadName, TellsQueriesOfOneSizeApart) {
    EXPECT_EQ(name_of("\xff\xff\xff\xffinfo\0"sv, 17, 27015), "GoldSrc info");
    EXPECT_EQ(name_of("\xff\xff\xff\xffping\0"sv, 17, 27015), "GoldSrc ping");
    EXPECT_EQ(name_of("\xff\xff\xff\xff\x55info\0"sv.substr(0, 9), 17, 27015), "A2S_PLAYER");
    EXPECT_EQ(name_of("\xff\xff\xff\xff\x56\xff\xff\xff\xff"sv, 17, 27015), "A2S_RULES");
    EXPECT_EQ(name_of("\xff\xff\xff\xff\x54Source Engine Query\0"sv, 17, 27015), "A2S_INFO");
    EXPECT_EQ(name_of("\xff\xff\xff\xffgetchallenge\n"sv, 17, 27015), "GoldSrc getchallenge");
    EXPECT_EQ(name_of("\xff\xff\xff\xffrules\0"sv, 17, 1), "GoldSrc rules") << "whatever the port";
}

TEST(PayloadName, OtherLengthsAreOtherThings) {
    EXPECT_EQ(name_of("\xff\xff\xff\xffinfo"sv, 17, 27015), "other");
    EXPECT_EQ(name_of("\xff\xff\xff\xffinfo\0x"sv, 17, 27015), "other");
    EXPECT_EQ(name_of("\xff\xff\xff\xff\x55"sv, 17, 27015), "other");
    EXPECT_EQ(name_of("\xff\xff\xff\xffinfo\0"sv, 6, 27015), "other") << "not over TCP";
    EXPECT_EQ(name_of("", 17, 27015), "none");
}

TEST(PayloadName, ProtocolPortAndDirection) {
    EXPECT_EQ(name_of("GET /b.cgi HTTP/1.0\r\n", 6, 80), "HTTP GET");
    EXPECT_EQ(name_of("GET /b.cgi HTTP/1.0\r\n", 6, 80, 1), "other") << "a server does not ask";
    EXPECT_EQ(name_of("HTTP/1.1 404 Not Found", 6, 8080, 1), "HTTP response");
    EXPECT_EQ(name_of("\x16\x03\x01\x02\x00\x01\x00"sv, 6, 443), "TLS client hello");
    EXPECT_EQ(name_of("\x16\x03\x03\x00\x7a\x02\x00"sv, 6, 443, 1), "TLS server hello");
    EXPECT_EQ(name_of("220 mail.example ESMTP", 6, 25, 1), "SMTP greeting");
    EXPECT_EQ(name_of("220 mail.example ESMTP", 6, 587, 1), "SMTP greeting");
    EXPECT_EQ(name_of("220 mail.example ESMTP", 6, 21, 1), "FTP greeting");
    EXPECT_EQ(name_of("\xab\xcd\x01\x00\x00\x01\x00\x00"sv, 17, 53), "DNS query");
    EXPECT_EQ(name_of("\xab\xcd\x81\x80\x00\x01\x00\x01"sv, 17, 53, 1), "DNS answer");
    EXPECT_EQ(name_of("\xab\xcd\x01\x00\x00\x01\x00\x00"sv, 17, 54), "other")
        << "too short to tell elsewhere";
    EXPECT_EQ(name_of("\x23\x00\x00\x00"sv, 17, 123), "NTP request");
    EXPECT_EQ(name_of("\x17\x00\x03\x2a"sv, 17, 123), "NTP monlist") << "first that fits";
    EXPECT_EQ(name_of("\x5c\xbf\x01\x29\xca\x62\xeb\xf1"sv, 17, 8998), "SoBig.F master query");
}

}  // namespace
}  // namespace picket::store
