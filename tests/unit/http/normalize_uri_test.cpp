#include "dataplane/http/normalize_uri.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace picket::http {
namespace {

using api::Dialect;

std::string normalized(std::string_view raw, Dialect dialect = Dialect::suricata) {
    std::vector<char> out(raw.size());
    const std::size_t length = normalize_uri(raw, dialect, out);
    EXPECT_LE(length, raw.size());
    return {out.data(), length};
}

TEST(NormalizeUri, WritesOneProbeInManyWays) {
    for (const Dialect dialect : {Dialect::suricata, Dialect::snort3, Dialect::snort2}) {
        for (const char* raw : {"/b.cgi", "/%62.cgi", "//b.cgi", "/x/../b.cgi", "http://h/b.cgi", "/./b.cgi",
                                "/x/y/../../b.cgi", "/%2e/b.cgi", "/x/%2E%2e/b.cgi", "/%2fb.cgi", "\\b.cgi",
                                "HTTP://user@h:80//b.cgi", "/..%c0%af/b.cgi", "/x/..\\b.cgi"}) {
            EXPECT_EQ(normalized(raw, dialect), "/b.cgi") << raw;
        }
    }
}

TEST(NormalizeUri, SimplifiesThePathOnly) {
    EXPECT_EQ(normalized("/a//b?x=//y/../z"), "/a/b?x=//y/../z");
    EXPECT_EQ(normalized("/a?u=http://h//x/./y"), "/a?u=http://h//x/./y");
    EXPECT_EQ(normalized("/a%3f/../b"), "/b");
    EXPECT_EQ(normalized("/a?x=%2e%2E"), "/a?x=..");
}

TEST(NormalizeUri, RemovesDotSegmentsAsTheRfcDoes) {
    EXPECT_EQ(normalized("/a/b/c/./../../g"), "/a/g");  // RFC 3986 §5.2.4
    EXPECT_EQ(normalized("mid/content=5/../6"), "mid/6");
    EXPECT_EQ(normalized("/a/b/.."), "/a/");
    EXPECT_EQ(normalized("/a/."), "/a/");
    EXPECT_EQ(normalized("/.."), "/");
    EXPECT_EQ(normalized("/../../a"), "/a");
    EXPECT_EQ(normalized("../a"), "a");
    EXPECT_EQ(normalized(".."), "");
    EXPECT_EQ(normalized("/a/..b/...c"), "/a/..b/...c");
}

TEST(NormalizeUri, RemovesSchemeAndAuthority) {
    EXPECT_EQ(normalized("http://h"), "/");
    EXPECT_EQ(normalized("http://h?q"), "/?q");
    EXPECT_EQ(normalized("http://h/?q"), "/?q");
    EXPECT_EQ(normalized("h:443"), "h:443");
    EXPECT_EQ(normalized("/http://h/"), "/http:/h/");
    EXPECT_EQ(normalized("*"), "*");
    EXPECT_EQ(normalized(""), "");
}

TEST(NormalizeUri, KeepsInvalidEscapes) {
    EXPECT_EQ(normalized("/%"), "/%");
    EXPECT_EQ(normalized("/%4"), "/%4");
    EXPECT_EQ(normalized("/%zz%41"), "/%zzA");
    EXPECT_EQ(normalized("/%u00"), "/%u00");
}

TEST(NormalizeUri, FollowsTheDialect) {
    EXPECT_EQ(normalized("/%252e%252e/a"), "/%2e%2e/a");
    EXPECT_EQ(normalized("/x/%252e%252e/a", Dialect::snort3), "/a");
    EXPECT_EQ(normalized("/a+b?c+d"), "/a+b?c+d");
    EXPECT_EQ(normalized("/a+b?c+d", Dialect::snort3), "/a b?c d");
    EXPECT_EQ(normalized("/a?b\\c"), "/a?b\\c");
    EXPECT_EQ(normalized("/a?b\\c", Dialect::snort2), "/a?b/c");
    EXPECT_EQ(normalized("/x/%u002e%u002e/a"), "/a");
    EXPECT_EQ(normalized("/x/%uff0e%uff0e/a"), "/a");
    EXPECT_EQ(normalized("/%u002e/a", Dialect::snort3), "/%u002e/a");
}

TEST(NormalizeUri, NeverWritesMoreThanItReads) {
    std::mt19937 random(7);
    const std::string alphabet = "/.%25eEuUcC0aAfF\\?+:hH#x";
    for (int round = 0; round < 200000; ++round) {
        std::string raw(random() % 24, ' ');
        for (char& byte : raw) {
            byte = random() % 16 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
        }
        for (const Dialect dialect : {Dialect::suricata, Dialect::snort3}) {
            const std::string once = normalized(raw, dialect);
            EXPECT_EQ(normalized(raw, dialect), once);
        }
    }
}

}  // namespace
}  // namespace picket::http
