#include "dataplane/match/rule_guard.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <gtest/gtest.h>
#include <pcre2.h>

namespace picket::match {
namespace {

RequestView with_headers(std::string_view headers, bool plain = true) {
    RequestView request;
    request.headers = headers;
    request.plain_headers = plain;
    return request;
}

TEST(HeaderStart, TakesPlainCharactersBehindTheAnchor) {
    EXPECT_EQ(HeaderStart(R"(^User\x2dAgent\x3a[^\r\n]*iPhone)", 0).text(), "user-agent:");
    EXPECT_EQ(HeaderStart(R"(^Host: a\.b\d)", 0).text(), "host:");
    EXPECT_EQ(HeaderStart("^AAAAAAAAAAAAAAAAAAAAAAAA", 0).text().size(), HeaderStart::length_max);
}

TEST(HeaderStart, LeavesOutWhatNeedNotBeThere) {
    EXPECT_EQ(HeaderStart("^ab?c", 0).text(), "a");
    EXPECT_EQ(HeaderStart("^ab{0,2}c", 0).text(), "a");
    EXPECT_EQ(HeaderStart("^ab+c", 0).text(), "ab");
    for (const char* pattern : {"Host", "^a|b", "^", "^\\d", "^\\", "^\\x4", "(?i)^Host", "^[H]ost"}) {
        EXPECT_EQ(HeaderStart(pattern, 0).text(), "") << pattern;
    }
    EXPECT_EQ(HeaderStart("^Host", PCRE2_MULTILINE).text(), "");
    EXPECT_EQ(HeaderStart("^Host", PCRE2_EXTENDED).text(), "");
}

TEST(HeaderStart, AdmitsWhatMayMatch) {
    const HeaderStart start("^User-Agent: ", 0);
    EXPECT_TRUE(start.admits(with_headers("User-Agent: x\r\n\r\n")));
    EXPECT_TRUE(start.admits(with_headers("USER-AGENT:\r\n\r\n", false)));
    EXPECT_FALSE(start.admits(with_headers("Host: a\r\nUser-Agent: x\r\n\r\n")));
    EXPECT_FALSE(start.admits(with_headers("User")));
    EXPECT_TRUE(start.admits(with_headers("Cookie: a\r\nUser-Agent: x\r\n\r\n")));
    EXPECT_TRUE(start.admits(with_headers("Host: a\r\n\r\n", false)));
    EXPECT_TRUE(HeaderStart().admits(with_headers("")));
}

}  // namespace
}  // namespace picket::match
