#include "dataplane/match/head_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace picket::match {
namespace {

std::string headers(std::string_view raw) {
    std::vector<char> out(2 * raw.size() + 2);
    return {out.data(), normalize_headers(raw, "cookie", out)};
}

TEST(HeadText, NormalisesHeaders) {
    EXPECT_EQ(headers("Host: h\r\nA:b\r\n\r\nbody"), "Host: h\r\nA: b\r\n");
    EXPECT_EQ(headers("A:  b \t\nC :d\n"), "A: b\r\nC: d\r\n");
    EXPECT_EQ(headers("A: b\r\n c\r\n\td\r\nE: f\r\n"), "A: b c d\r\nE: f\r\n");
    EXPECT_EQ(headers("cOOkie: x\r\n more\r\nA: b\r\n"), "A: b\r\n");
    EXPECT_EQ(headers("A: b\r\nCookie: x\r\n"), "A: b\r\n");
    EXPECT_EQ(headers("no colon\r\n"), "no colon\r\n");
    EXPECT_EQ(headers("A:\r\n"), "A: \r\n");
    EXPECT_EQ(headers("A: cut"), "A: cut\r\n");
    EXPECT_EQ(headers(""), "");
    EXPECT_EQ(headers("\r\nA: b"), "");
}

TEST(HeadText, FindsValues) {
    const std::string_view raw = "Host: h\r\nACCEPT:  a/b \r\nAccept: c\r\n\r\nX: body";
    EXPECT_EQ(header_value(raw, "accept"), "a/b");
    EXPECT_EQ(header_value(raw, "x").data(), nullptr);
    EXPECT_NE(header_value("A:\r\n", "a").data(), nullptr);
    EXPECT_EQ(header_value("A:\r\n", "a"), "");
}

TEST(HeadText, NormalisesHosts) {
    std::vector<char> out(64);
    EXPECT_EQ(normalize_host(" WWW.Example.org:8080", out), "www.example.org");
    EXPECT_EQ(normalize_host("[2001:DB8::1]:80", out), "[2001:db8::1]");
    EXPECT_EQ(normalize_host("[2001:db8::1]", out), "[2001:db8::1]");
    EXPECT_EQ(normalize_host("h", out), "h");
    EXPECT_EQ(normalize_host({}, out).data(), nullptr);
    EXPECT_EQ(normalize_host(std::string(100, 'A'), out), std::string(64, 'a'));
}

TEST(HeadText, StaysWithinItsBound) {
    std::mt19937 random(5);
    for (int round = 0; round < 50000; ++round) {
        std::string raw(random() % 40, ' ');
        for (char& byte : raw) {
            byte = "a:\r\n \tCookie:"[random() % 13];
        }
        EXPECT_LE(headers(raw).size(), 2 * raw.size() + 2);
        std::vector<char> small(random() % 8);
        EXPECT_LE(normalize_headers(raw, "cookie", small), small.size());
    }
}

}  // namespace
}  // namespace picket::match
