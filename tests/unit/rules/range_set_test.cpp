#include "controlplane/rules/range_set.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace picket::rules {
namespace {

std::string show(const api::Address& address) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, address.bytes.data(), text, sizeof(text));
    const std::string shown = text;
    return shown.starts_with("::ffff:") ? shown.substr(7) : shown;
}

std::string addresses(const std::string& text) {
    AddressSet set;
    const std::string fault = parse_addresses(text, {{"NET", "10.0.0.0/30"}}, set);
    if (!fault.empty()) {
        return "fault: " + fault;
    }
    std::string shown = set.any ? "any" : "";
    for (const api::AddressRange& range : set.ranges) {
        shown += (shown.empty() ? "" : " ") + show(range.first) + "-" + show(range.last);
    }
    return shown;
}

std::string ports(const std::string& text) {
    PortSet set;
    const std::string fault = parse_ports(text, {{"WEB", "80,8080"}}, set);
    if (!fault.empty()) {
        return "fault: " + fault;
    }
    std::string shown = set.any ? "any" : "";
    for (const api::PortRange& range : set.ranges) {
        shown += (shown.empty() ? "" : " ") + std::to_string(range.first) + "-" + std::to_string(range.last);
    }
    return shown;
}

TEST(RangeSet, Addresses) {
    EXPECT_EQ(addresses("any"), "any");
    EXPECT_EQ(addresses("1.2.3.4"), "1.2.3.4-1.2.3.4");
    EXPECT_EQ(addresses("1.2.3.4/24"), "1.2.3.0-1.2.3.255");
    EXPECT_EQ(addresses("0.0.0.0/0"), "0.0.0.0-255.255.255.255");
    EXPECT_EQ(addresses("2001:db8::/32"), "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(addresses("1.2.3.4-1.2.3.9"), "1.2.3.4-1.2.3.9");
    EXPECT_EQ(addresses("$NET"), "10.0.0.0-10.0.0.3");
    EXPECT_EQ(addresses("[1.0.0.0/8,2.0.0.0/8, 4.0.0.0/8]"), "1.0.0.0-2.255.255.255 4.0.0.0-4.255.255.255");
    EXPECT_EQ(addresses("[10.0.0.0/24,!$NET]"), "10.0.0.4-10.0.0.255");
    EXPECT_EQ(addresses("[10.0.0.0/30,![10.0.0.1,10.0.0.2]]"), "10.0.0.0-10.0.0.0 10.0.0.3-10.0.0.3");
    EXPECT_EQ(addresses("!::/1"), "8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(addresses("![10.0.0.0/30]"),
              "::-9.255.255.255 10.0.0.4-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(addresses("!any"), "fault: negates 'any', which leaves nothing; give the variable a value");
    EXPECT_EQ(addresses("[10.0.0.1,!10.0.0.0/8]"), "fault: excludes everything that it includes");
    EXPECT_EQ(addresses("[1.2.3.4"), "fault: has a '[' without its ']'");
    EXPECT_EQ(addresses("[1.2.3.4,]"), "fault: has an empty list element");
    EXPECT_EQ(addresses("1.2.3.4/33"), "fault: '1.2.3.4/33' is not a valid address");
    EXPECT_EQ(addresses("1.2.3.9-1.2.3.4"), "fault: '1.2.3.9-1.2.3.4' is not a valid address");
    EXPECT_EQ(addresses(std::string(100, '[')), "fault: has a '[' without its ']'");
    EXPECT_EQ(addresses(std::string(100, '!') + "1.2.3.4"),
              "fault: is nested too deeply, or its variable refers to itself");
}

TEST(RangeSet, Ports) {
    EXPECT_EQ(ports("any"), "any");
    EXPECT_EQ(ports("80"), "80-80");
    EXPECT_EQ(ports("1024:"), "1024-65535");
    EXPECT_EQ(ports(":1023"), "0-1023");
    EXPECT_EQ(ports("[80:90,91,!85]"), "80-84 86-91");
    EXPECT_EQ(ports("$WEB"), "80-80 8080-8080");
    EXPECT_EQ(ports("!$WEB"), "0-79 81-8079 8081-65535");
    EXPECT_EQ(ports("0:65535"), "any");
    EXPECT_EQ(ports("65536"), "fault: '65536' is not a valid port");
    EXPECT_EQ(ports(":"), "fault: ':' is not a valid port");
}

}  // namespace
}  // namespace picket::rules
