// What rule options mean, checked through the whole way from text to hit. The expectations of the raw URI
// cases are those of Suricata's own tests of its http_raw_uri keyword.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/match/match_harness.h"

namespace picket::match {
namespace {

bool uri_matches(const std::string& options, const std::string& uri) {
    Harness harness(http_rule(options));
    EXPECT_EQ(harness.rejects, "") << options;
    return harness.matches_uri(uri);
}

struct UriCase {
    const char* options;
    bool matches;
};

TEST(RuleSemantics, RawUriAsSuricataTestsIt) {
    const std::string uri = "/../a/b/../c/./d.html";
    const UriCase cases[] = {
        {R"(content:"../c/./d"; http_raw_uri;)", true},
        {R"(content:"/c/./d"; http_raw_uri; offset:5;)", true},
        {R"(content:"/a/b"; http_raw_uri; offset:10;)", false},
        {R"(content:!"/a/b"; http_raw_uri; offset:10;)", true},
        {R"(content:"a/b"; http_raw_uri; depth:10;)", true},
        {R"(content:!"/a/b"; http_raw_uri; depth:25;)", false},
        {R"(content:!"/c/./d"; http_raw_uri; depth:12;)", true},
        {R"(content:!"/c/./d"; http_raw_uri; depth:18;)", false},
        {R"(content:"/a"; http_raw_uri; content:"./c/."; http_raw_uri; within:9;)", true},
        {R"(content:"/a"; http_raw_uri; content:!"boom"; http_raw_uri; within:5;)", true},
        {R"(content:"./a"; http_raw_uri; content:"boom"; http_raw_uri; within:5;)", false},
        {R"(content:"./a"; http_raw_uri; content:!"/b/.."; http_raw_uri; within:5;)", false},
        {R"(content:"./a"; http_raw_uri; content:"/c/."; http_raw_uri; distance:5;)", true},
        {R"(content:"./a"; http_raw_uri; content:!"b/.."; http_raw_uri; distance:5;)", true},
        {R"(content:"./a"; http_raw_uri; content:"/c/"; http_raw_uri; distance:7;)", false},
        {R"(content:"./a"; http_raw_uri; content:!"/c/"; http_raw_uri; distance:4;)", false},
        {R"(pcre:/\.\/a/I; content:!"/c/"; http_raw_uri; within:5;)", true},
        {R"(pcre:/\.\/a/I; content:!"/c/"; distance:3; http_raw_uri;)", false},
        {R"(pcre:/\.\/a/I; content:!"/c/"; distance:10; http_raw_uri;)", true},
        {R"(pcre:/\.\/a/I; content:"/c/"; within:10; http_raw_uri;)", true},
        {R"(pcre:/\.\/a/I; content:"/c/"; within:5; http_raw_uri;)", false},
        {R"(pcre:/\.\/a/I; content:"/c/"; distance:5; http_raw_uri;)", true},
        {R"(pcre:/\.\/a/I; content:"/c/"; distance:10; http_raw_uri;)", false},
    };
    for (const UriCase& test : cases) {
        EXPECT_EQ(uri_matches(test.options, uri), test.matches) << test.options;
    }
}

TEST(RuleSemantics, InterleavedBuffersCountEachFromItsOwnMatches) {
    // Suricata's uricontent test 03.
    Harness harness(
        R"(alert tcp any any -> any any (content:"one"; http_uri; offset:1; depth:10; content:"one"; offset:1; )"
        R"(depth:10; content:"two"; http_uri; distance:3; within: 4; content:"two"; distance:1; within: 6; sid:1;))");
    EXPECT_EQ(harness.rejects, "");
    EXPECT_TRUE(harness.matches_uri("/oneabctwo"));  // the request begins "GET /oneabctwo"
    EXPECT_FALSE(harness.matches_uri("/onetwo"));
}

TEST(RuleSemantics, LaterOccurrencesAreTried) {
    const std::string near = R"(http.uri; content:"a"; content:"b"; distance:0; within:1;)";
    EXPECT_TRUE(uri_matches(near, "/a.a.a.ab"));
    EXPECT_FALSE(uri_matches(near, "/a.a.a.a.b"));
    const std::string three =
        R"(http.uri; content:"a"; content:"b"; distance:1; within:2; content:"c"; distance:0; within:1;)";
    EXPECT_TRUE(uri_matches(three, "/a-b-a-b-a-bc"));
    EXPECT_TRUE(uri_matches(three, "/a-bbbc-a-bc"));
    EXPECT_FALSE(uri_matches(three, "/a---bc"));
    EXPECT_TRUE(uri_matches(R"(http.uri; pcre:"/x\d/"; content:"z"; distance:0; within:1;)", "/x1x2x3z"));
}

TEST(RuleSemantics, WithinCountsFromDistance) {
    const std::string rule = R"(http.uri; content:"ab"; content:"cd"; distance:2; within:4;)";
    EXPECT_FALSE(uri_matches(rule, "/ab.cd"));
    EXPECT_TRUE(uri_matches(rule, "/ab..cd"));
    EXPECT_TRUE(uri_matches(rule, "/ab....cd"));
    EXPECT_FALSE(uri_matches(rule, "/ab.....cd"));
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"cd"; content:"ab"; distance:-6;)", "/ab..cd"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"cd"; content:"ab"; distance:-5;)", "/ab..cd"));
}

TEST(RuleSemantics, NegationIsConfinedToItsRange) {
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"/x"; content:!"evil"; within:6;)", "/x......evil"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"/x"; content:!"evil"; within:6;)", "/x..evil"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"/x"; content:!"evil";)", "/x......evil"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"/x"; pcre:!"/ev[ij]l/";)", "/x/evil"));
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"/x"; pcre:!"/ev[ij]l/";)", "/x/evol"));
}

TEST(RuleSemantics, EndsAndStarts) {
    EXPECT_TRUE(uri_matches(R"(http.uri; content:".exe"; endswith;)", "/a.exe.exe"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:".exe"; endswith;)", "/a.exe?x"));
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"/a"; startswith;)", "/a/a"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"/a"; startswith;)", "/b/a"));
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"/a"; content:!".gif"; endswith;)", "/a.gif.png"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"/a"; content:!".gif"; endswith;)", "/a.png.gif"));
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"/a"; startswith; endswith;)", "/a"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"/a"; startswith; endswith;)", "/a/a"));
}

TEST(RuleSemantics, Case) {
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"/B.cGi"; nocase;)", "/b.CGI"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"/B.cGi";)", "/b.cgi"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"@"; nocase;)", "/`"));
}

TEST(RuleSemantics, BothUrisAreMatched) {
    EXPECT_TRUE(uri_matches(R"(content:"/etc/passwd"; http_uri;)", "/x/..%2fetc%2fpasswd"));
    EXPECT_FALSE(uri_matches(R"(content:"%2f"; http_uri;)", "/x/..%2fetc"));
    EXPECT_TRUE(uri_matches(R"(content:"%2f"; http_raw_uri;)", "/x/..%2fetc"));
    EXPECT_TRUE(uri_matches(R"(uricontent:"/b.cgi";)", "http://h//x/../%62.cgi"));
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"a|0a|b";)", "/a%0ab"));  // a decoded newline
    EXPECT_TRUE(uri_matches(R"(http.uri; pcre:"/^b$/m";)", "/a%0ab"));
    EXPECT_FALSE(uri_matches(R"(http.uri; pcre:"/^b$/";)", "/a%0ab"));
}

TEST(RuleSemantics, LengthsFollowTheDialect) {
    const auto length_matches = [](api::Dialect dialect, const std::string& options, const std::string& uri) {
        rules::RuleSettings settings;
        settings.dialect = dialect;
        Harness harness(http_rule("uricontent:\"/\"; " + options), settings);
        EXPECT_EQ(harness.rejects, "");
        return harness.matches_uri(uri);
    };
    using api::Dialect;
    EXPECT_TRUE(length_matches(Dialect::suricata, "urilen:4;", "/%61bc"));  // normalised
    EXPECT_FALSE(length_matches(Dialect::suricata, "urilen:4,raw;", "/%61bc"));
    EXPECT_FALSE(length_matches(Dialect::suricata, "urilen:4<>8;", "/abc"));  // exclusive
    EXPECT_TRUE(length_matches(Dialect::snort2, "urilen:6;", "/%61bc"));      // raw
    EXPECT_TRUE(length_matches(Dialect::snort2, "urilen:4<>8;", "/abc"));     // inclusive
    EXPECT_TRUE(length_matches(Dialect::suricata, "urilen:<5;", "/abc"));
    EXPECT_FALSE(length_matches(Dialect::suricata, "urilen:<4;", "/abc"));
    EXPECT_TRUE(length_matches(Dialect::suricata, "urilen:>3;", "/abc"));
    EXPECT_TRUE(uri_matches(R"(http.uri; bsize:4; content:"/";)", "/abc"));
    EXPECT_FALSE(uri_matches(R"(http.uri; bsize:<4; content:"/";)", "/abc"));
}

TEST(RuleSemantics, DataAt) {
    EXPECT_TRUE(uri_matches(R"(content:"/c/"; http_raw_uri; isdataat:4,relative;)", "/c/1234"));
    EXPECT_FALSE(uri_matches(R"(content:"/c/"; http_raw_uri; isdataat:4,relative;)", "/c/123"));
    EXPECT_TRUE(uri_matches(R"(uricontent:"/c/"; isdataat:!10,relative;)", "/c/123"));
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"end"; isdataat:!1,relative;)", "/end-end"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"end"; isdataat:!1,relative;)", "/end-"));
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"/"; isdataat:3;)", "/abc"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"/"; isdataat:4;)", "/abc"));
}

TEST(RuleSemantics, HeadersAndTheirParts) {
    const TestRequest request{"POST", "/x",
                              "Host: WWW.Example.org:8080\r\nUser-Agent:  Mozilla/5.0 X\r\n"
                              "Cookie: id=7; secret=1\r\nReferer: http://a/b\r\nAccept: */*\r\n",
                              ""};
    const auto matches = [&](const std::string& options) {
        Harness harness(http_rule(options));
        EXPECT_EQ(harness.rejects, "") << options;
        return harness.matches(request);
    };
    EXPECT_TRUE(matches(R"(http.host; content:"www.example.org"; bsize:15;)"));
    EXPECT_TRUE(matches(R"(http.user_agent; content:"Mozilla/5.0 X"; startswith;)"));
    EXPECT_TRUE(matches(R"(content:"User-Agent|3a| Mozilla"; http_header;)"));  // white space normalised
    EXPECT_FALSE(matches(R"(content:"secret"; http_header;)"));
    EXPECT_TRUE(matches(R"(content:"secret"; http_cookie;)"));
    EXPECT_TRUE(matches(R"(content:"Cookie|3a| id"; http_raw_header;)"));
    EXPECT_TRUE(matches(R"(http.referer; content:"http://a/b"; bsize:10;)"));
    EXPECT_TRUE(matches(R"(http.accept; content:"*/*"; bsize:3;)"));
    EXPECT_TRUE(matches(R"(content:"/x"; http_uri; http_accept; content:"*/*"; depth:3;)"));
    EXPECT_TRUE(matches(R"(http.method; content:"POST"; http.uri; content:"/x";)"));
    EXPECT_FALSE(matches(R"(http.method; content:"GET"; http.uri; content:"/x";)"));
    EXPECT_TRUE(matches(R"(http.method; content:"POST";)"));
    EXPECT_FALSE(matches(R"(http.connection; content:!"close";)"));  // absent: nothing holds
    EXPECT_TRUE(matches(R"(pcre:"/^User-Agent: Moz/Hm";)"));
    EXPECT_TRUE(matches(R"(uricontent:"/x"; content:"HTTP/1.1|0d 0a|Host";)"));  // plain: the bytes
}

TEST(RuleSemantics, PatternAnchorsHoldInABatch) {
    const std::string text =
        http_rule(R"(http.uri; pcre:"/^\/a$/";)", 1) + http_rule(R"(http.uri; pcre:"/\A\/b\z/";)", 2) +
        http_rule(R"(http.uri; pcre:"/\/c\Z/";)", 3) + http_rule(R"(http.uri; pcre:"/(?<!x)\/d\b/";)", 4) +
        http_rule(R"(http.uri; pcre:"/^(\/\w)\1$/";)", 5) +
        http_rule(R"(http.uri; pcre:"/ \/E # comment/xi";)", 6) +
        http_rule(R"(http.uri; pcre:"/(?-m)^\/f/";)", 7) +
        http_rule(R"(http.uri; pcre:"/x?/"; content:"/g"; distance:0;)", 8);
    Harness harness(text);
    EXPECT_EQ(harness.rejects, "");
    std::vector<TestRequest> requests;
    for (const char* uri : {"/a", "/b", "/c", "/d", "/e/e", "/e", "/f", "/g", "/ab", "/a", "/bb", "/cc"}) {
        requests.push_back({"GET", uri, "", ""});
    }
    const Hits expected{{0, 1}, {9, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {4, 6}, {5, 6}, {6, 7}, {7, 8}};
    EXPECT_EQ(harness.requests(requests), expected);
}

TEST(RuleSemantics, RelativePatternsSeeTheRest) {
    EXPECT_TRUE(uri_matches(R"(http.uri; content:"id="; pcre:"/^[0-9]+$/R";)", "/x?id=a&id=42"));
    EXPECT_FALSE(uri_matches(R"(http.uri; content:"id="; pcre:"/^[0-9]+$/R";)", "/x?id=42&id=a"));
}

TEST(RuleSemantics, SnortThreeSyntax) {
    Harness harness(
        "alert tcp any any -> any 8080 ( msg:\"a\"; flow:to_server,established; http_uri; "
        "content:\"/A/\",fast_pattern,nocase; content:\"b\",distance 1,within 2; service:http; sid:1; )\n"
        "alert http (http_header:field user-agent; content:\"Evil\"; http_uri; content:\"/x\"; sid:2;)\n"
        "alert http (\n  http_uri;\n  content:\"/two\";\n  bufferlen:<=5;\n  sid:3;\n)\n");
    EXPECT_EQ(harness.rejects, "");
    EXPECT_TRUE(harness.matches_uri("/a/.b"));
    EXPECT_FALSE(harness.matches_uri("/a/b"));
    EXPECT_TRUE(harness.matches({"GET", "/x", "User-Agent: Evil\r\n", ""}, 2));
    EXPECT_FALSE(harness.matches({"GET", "/x", "User-Agent: Good\r\n", ""}, 2));
    EXPECT_TRUE(harness.matches_uri("/two1", 3));
    EXPECT_FALSE(harness.matches_uri("/two12", 3));
}

TEST(RuleSemantics, SnortThreeCountsFromTheBufferChosenLast) {
    // Choosing http_uri again starts again at its beginning.
    Harness harness(
        "alert http (http_uri; content:\"b\"; http_header; content:\"Host\"; http_uri; content:\"a\",within "
        "2; "
        "sid:1;)");
    EXPECT_EQ(harness.rejects, "");
    EXPECT_TRUE(harness.matches_uri("/a.b"));
}

TEST(RuleSemantics, AddressesAndPortsFollowTheRequest) {
    rules::RuleSettings settings;
    settings.variables = {{"HOME_NET", "10.0.0.0/8,192.168.0.0/16"}, {"HTTP_PORTS", "[80,8000:8100]"}};
    const auto matches = [&](const std::string& header) {
        Harness harness("alert " + header + " (uricontent:\"/x\"; sid:1;)", settings);
        EXPECT_EQ(harness.rejects, "") << header;
        return harness.matches_uri("/x");  // 10.0.0.1:40000 to 192.0.2.80:80
    };
    EXPECT_TRUE(matches("tcp $HOME_NET any -> $EXTERNAL_NET $HTTP_PORTS"));
    EXPECT_TRUE(matches("tcp $HOME_NET any -> !$HOME_NET 80"));
    EXPECT_FALSE(matches("tcp !$HOME_NET any -> any any"));
    EXPECT_FALSE(matches("tcp any any -> $HOME_NET any"));
    EXPECT_TRUE(matches("tcp any any <> $HOME_NET any"));
    EXPECT_TRUE(matches("tcp [10.0.0.0/8,!10.1.0.0/16] any -> 192.0.2.80 [1:1023,!25]"));
    EXPECT_FALSE(matches("tcp [10.0.0.0/8,![10.0.0.0/24,10.1.0.0/16]] any -> any any"));
    EXPECT_FALSE(matches("tcp any any -> any !80"));
    EXPECT_FALSE(matches("tcp any :1024 -> any any"));
    EXPECT_TRUE(matches("http any any -> any any"));
    EXPECT_FALSE(matches("http ::/0 any -> 2001:db8::/32 any"));
}

TEST(RuleSemantics, PayloadRules) {
    Harness harness(
        "alert udp any any -> any 53 (content:\"|00 01|abc\"; offset:2; sid:1;)\n"
        "alert tcp any 21 -> any any (flow:to_client,established; content:\"530 \"; depth:4; sid:2;)\n"
        "alert udp any any -> any any (dsize:3; content:\"xyz\"; sid:3;)\n"
        "alert ip any any -> any any (content:\"both\"; sid:4;)\n");
    EXPECT_EQ(harness.rejects, "");
    const auto hits = [&](std::uint8_t protocol, std::uint16_t from, std::uint16_t to, bool to_server,
                          const std::string& payload) {
        PayloadView view;
        view.ends.protocol = protocol;
        view.ends.source_port = from;
        view.ends.destination_port = to;
        view.ends.to_server = to_server;
        view.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
        view.packet_size = static_cast<std::uint32_t>(payload.size());
        std::set<std::uint32_t> sids;
        for (const auto& [index, sid] : harness.payloads({&view, 1})) {
            sids.insert(sid);
        }
        return sids;
    };
    using Sids = std::set<std::uint32_t>;
    const std::string dns("..\0\1abc", 7);
    EXPECT_EQ(hits(17, 1000, 53, true, dns), Sids{1});
    EXPECT_EQ(hits(17, 1000, 54, true, dns), Sids{});
    EXPECT_EQ(hits(6, 1000, 53, true, dns), Sids{});
    EXPECT_EQ(hits(6, 21, 1000, false, "530 no"), Sids{2});
    EXPECT_EQ(hits(6, 21, 1000, true, "530 no"), Sids{});
    EXPECT_EQ(hits(17, 1, 2, true, "xyz"), Sids{3});
    EXPECT_EQ(hits(17, 1, 2, true, "xyzz"), Sids{});
    EXPECT_EQ(hits(6, 1, 2, true, "both"), Sids{4});
    EXPECT_EQ(hits(17, 1, 2, true, "both"), Sids{4});
    EXPECT_EQ(hits(17, 1, 2, true, ""), Sids{});
}

TEST(RuleSemantics, TcpFlags) {
    // FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128
    const auto holds = [](const std::string& flags, std::uint8_t seen) {
        Harness harness("alert tcp any any -> any any (content:\"x\"; flags:" + flags + "; sid:1;)");
        EXPECT_EQ(harness.rejects, "");
        const std::uint8_t byte = 'x';
        PayloadView view;
        view.payload = {&byte, 1};
        view.packet_size = 1;
        view.tcp_flags = seen;
        return !harness.payloads({&view, 1}).empty();
    };
    EXPECT_TRUE(holds("S", 2));
    EXPECT_FALSE(holds("S", 2 | 16));
    EXPECT_FALSE(holds("S", 2 | 64 | 128));
    EXPECT_TRUE(holds("S,12", 2 | 64 | 128));
    EXPECT_TRUE(holds("S,CE", 2 | 64));
    EXPECT_TRUE(holds("PA", 8 | 16));
    EXPECT_TRUE(holds("A+", 8 | 16));
    EXPECT_TRUE(holds("+AP", 8 | 16 | 1));
    EXPECT_FALSE(holds("AP+", 16));
    EXPECT_TRUE(holds("SF*", 1));
    EXPECT_FALSE(holds("SF*", 16));
    EXPECT_TRUE(holds("0", 0));
    EXPECT_FALSE(holds("0", 1));
}

TEST(RuleSemantics, HeaderNames) {
    Harness harness(
        http_rule(R"(http.header_names; content:"|0d 0a|Host|0d 0a|Cookie|0d 0a 0d 0a|"; bsize:18;)", 1) +
        http_rule(R"(http.uri; content:"/"; http_header_names; content:!"Referer";)", 2));
    EXPECT_EQ(harness.rejects, "");
    const auto hits = [&](const std::string& headers) {
        return harness.requests({{"GET", "/", headers, ""}});
    };
    EXPECT_EQ(hits("Host: h\r\nCookie: a:b\r\n"), (Hits{{0, 1}, {0, 2}}));
    EXPECT_EQ(hits("Host: h\r\n x: y\r\nCookie: a\r\n"), (Hits{{0, 1}, {0, 2}}));
    EXPECT_EQ(hits("Cookie: a\r\nHost: h\r\n"), (Hits{{0, 2}}));
    EXPECT_EQ(hits("Host: h\r\nReferer: a\r\n"), Hits{});
    EXPECT_EQ(hits("Host: Referer\r\n"), (Hits{{0, 2}}));
    EXPECT_EQ(hits(""), Hits{});  // no header, no buffer
}

TEST(RuleSemantics, CatastrophesAreCutOffAndCounted) {
    std::string options = "http.uri; ";
    for (int i = 0; i < 12; ++i) {
        options += i == 0 ? "content:\"a\"; " : "content:\"a\"; distance:0; ";
    }
    Harness harness(http_rule(options + "content:\"b\"; distance:0;"));
    EXPECT_FALSE(harness.matches_uri("/b" + std::string(2000, 'a')));  // the filter sees the 'b'
    Harness patterns(http_rule(R"(http.uri; pcre:"/^\/(a+)+\x24/"; content:"a"; distance:0;)"));
    EXPECT_FALSE(patterns.matches_uri("/" + std::string(5000, 'a') + "$$" + std::string(60, 'b')));
    EXPECT_GT(harness.matcher->counters().limits_exceeded, 0u);
}

}  // namespace
}  // namespace picket::match
