#include "controlplane/rules/rule_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace picket::rules {
namespace {

ParsedRules parse(const std::string& text, const RuleSettings& settings = {}) {
    return parse_rules(text, "f.rules", settings);
}

// The reject of one rule, as `option: reason`; empty if it loads.
std::string reject_of(const std::string& rule, const RuleSettings& settings = {}) {
    const ParsedRules parsed = parse(rule, settings);
    return parsed.rejects.empty() ? "" : parsed.rejects[0].option + ": " + parsed.rejects[0].reason;
}

std::string with_options(const std::string& options) {
    return "alert http any any -> any any (flow:to_server; " + options + " sid:1;)";
}

TEST(RuleParser, RejectsAnOptionWithoutAName) {
    EXPECT_EQ(reject_of(with_options("content:\"a\"; : b;")), "rule: an option has no name before its ':'");
}

TEST(RuleParser, ReadsIdentity) {
    const ParsedRules parsed = parse(
        "# a comment\n\nalert tcp any any -> any any (msg:\"one \\\"two\\\" three\\; four\"; "
        "uricontent:\"/a\"; "
        "classtype:trojan-activity; reference:cve,2001-0500; reference:url,example.org/x; gid:3; sid:42; "
        "rev:7; metadata:a b, c d;)\n");
    ASSERT_EQ(parsed.rules.size(), 1u);
    const Rule& rule = parsed.rules[0];
    EXPECT_EQ(rule.message, "one \"two\" three; four");
    EXPECT_EQ(rule.gid, 3u);
    EXPECT_EQ(rule.sid, 42u);
    EXPECT_EQ(rule.rev, 7u);
    EXPECT_EQ(rule.line, 3u);
    EXPECT_EQ(rule.file, "f.rules");
    EXPECT_EQ(rule.severity, 1u);
    EXPECT_EQ(rule.references, (std::vector<std::string>{"cve,2001-0500", "url,example.org/x"}));
    EXPECT_EQ(rule.kind, api::RuleKind::request);
    EXPECT_EQ(parse("alert tcp any any -> any any (uricontent:\"/a\"; classtype:trojan-activity; priority:4; "
                    "sid:1;)")
                  .rules.at(0)
                  .severity,
              4u);
}

TEST(RuleParser, DecodesContents) {
    const auto bytes = [](const std::string& content) {
        const ParsedRules parsed = parse(with_options("http.uri; content:\"" + content + "\";"));
        return parsed.rules.empty() ? "(rejected)" : parsed.rules[0].chains[0].options[0].bytes;
    };
    EXPECT_EQ(bytes("abc"), "abc");
    EXPECT_EQ(bytes("|41 42|c|44|"), "ABcD");
    EXPECT_EQ(bytes("|4142|"), "AB");
    EXPECT_EQ(bytes(R"(a\;b\"c\\d\:e)"), R"(a;b"c\d:e)");
    EXPECT_EQ(bytes("a;b:c"), "a;b:c");
    EXPECT_EQ(bytes("|0|"), "(rejected)");
    EXPECT_EQ(bytes("|41"), "(rejected)");
    EXPECT_EQ(bytes("|zz|"), "(rejected)");
    EXPECT_EQ(bytes(""), "(rejected)");
}

TEST(RuleParser, JoinsContinuedLinesAndKeepsTheirNumbers) {
    const ParsedRules parsed = parse(
        "alert tcp any any -> any any ( \\\n  uricontent:\"/a\"; \\\n  sid:1;)\n"
        "alert http (\n  # not a comment inside of a rule of Snort 3? It is one.\n  http_uri;\n  "
        "content:\"/b\";\n  "
        "sid:2;\n)\nalert tcp any any -> any any (uricontent:\"/c\"; sid:3;\n"
        "alert tcp any any -> any any (uricontent:\"/d\"; sid:4;)\n");
    EXPECT_EQ(list_rejects(parsed.rejects), "f.rules:10: rule: the rule does not end with ')'\n");
    ASSERT_EQ(parsed.rules.size(), 3u);
    EXPECT_EQ(parsed.rules[0].line, 1u);
    EXPECT_EQ(parsed.rules[1].line, 4u);
    EXPECT_EQ(parsed.rules[2].line, 11u);
}

TEST(RuleParser, KeepsTheHigherRevision) {
    const ParsedRules parsed = parse(
        "alert tcp any any -> any any (uricontent:\"/old\"; sid:1; rev:1;)\n"
        "alert tcp any any -> any any (uricontent:\"/new\"; sid:1; rev:2;)\n"
        "alert tcp any any -> any any (uricontent:\"/same\"; sid:1; rev:2;)\n"
        "alert tcp any any -> any any (uricontent:\"/other\"; gid:2; sid:1; rev:1;)\n");
    EXPECT_TRUE(parsed.rejects.empty());
    ASSERT_EQ(parsed.rules.size(), 2u);
    EXPECT_EQ(parsed.rules[0].chains[0].options[0].bytes, "/new");
    ASSERT_EQ(parsed.duplicates.size(), 2u);
    EXPECT_EQ(parsed.duplicates[0].kept_line, 2u);
    EXPECT_EQ(parsed.duplicates[0].dropped_line, 1u);
    EXPECT_EQ(parsed.duplicates[1].dropped_line, 3u);
}

TEST(RuleParser, ListsRejectsWithPlaceAndReason) {
    const ParsedRules parsed = parse(
        "alert tcp any any -> any any (uricontent:\"/a\"; byte_test:1,>,2,3; sid:7;)\n"
        "nonsense\n"
        "alert tcp any any -> any any (uricontent:\"/ok\"; sid:8;)\n");
    EXPECT_EQ(parsed.rules.size(), 1u);
    EXPECT_EQ(list_rejects(parsed.rejects),
              "f.rules:1: sid 7: byte_test: not supported\n"
              "f.rules:2: rule: the rule has no options in parentheses\n");
}

TEST(RuleParser, RejectsWhatItCannotHonour) {
    const auto rejected = [](const std::string& options, const std::string& beginning) {
        const std::string reject = reject_of(with_options(options));
        EXPECT_TRUE(reject.starts_with(beginning)) << options << " -> " << reject;
    };
    const std::string uri = "http.uri; content:\"/abc\"; ";
    rejected(uri + "xbits:set,x,track ip_src;", "xbits: only flowbits are kept");
    rejected(uri + "lua:x.lua;", "lua: not supported");
    rejected(uri + "file_data; content:\"x\";", "file_data: bodies of responses are not assembled");
    rejected(uri + "http.stat_code; content:\"200\";", "flow: the rule mixes what only requests have");
    rejected(uri + "tag:session;", "tag: packets are not logged");
    rejected(uri + "offset:1; distance:2;", "content: mixes distance or within");
    rejected(uri + "depth:2;", "depth: is shorter than its content");
    rejected(uri + "within:2;", "within: is shorter than its content");
    rejected(uri + "depth:x;", "depth: needs a number");
    rejected(uri + "offset:99999;", "offset: must be between 0 and 65535");
    rejected(uri + "offset:1; offset:2;", "offset: is given twice");
    rejected("nocase; " + uri, "nocase: follows no content");
    rejected("http_uri; nocase; " + uri, "http_uri: follows no content");
    rejected(uri + "http_header;", "http_header: changes a buffer that was already chosen");
    rejected(uri + "pcre:\"/a/H\";", "pcre: names a buffer by a flag and by a keyword");
    rejected(uri + "pcre:\"/(a/\";", "pcre: missing closing parenthesis at character");
    rejected(uri + "pcre:\"/a/Q\";", "pcre: has the flag 'Q'");
    rejected(uri + "pcre:\"a\";", "pcre: needs /pattern/flags");
    rejected(uri + "urilen:a;", "urilen: needs n, <n, >n or a<>b");
    rejected("bsize:4; " + uri, "bsize: needs a buffer keyword before it");
    rejected("http.host; content:\"WWW\";", "content: has upper case letters");
    rejected("uricontent:\"/a\"; content:!\"x\";", "content: negated or bound to the end, without a buffer");
    rejected("msg:\"x\";", "header: the rule tests nothing but addresses and ports");
    rejected(uri + "content:\"unterminated; ", "rule: a quoted string does not end");
}

TEST(RuleParser, RejectsGlobalFilters) {
    EXPECT_EQ(reject_of("suppress gen_id 1, sig_id 7, track by_src, ip 10.0.0.1"),
              "suppress: is a filter outside of rules, which is not supported; give the rule a threshold");
    EXPECT_TRUE(reject_of("threshold gen_id 1, sig_id 7, type limit").starts_with("threshold: is a filter"));
    EXPECT_TRUE(reject_of("rate_filter gen_id 1, sig_id 7").starts_with("rate_filter: is a filter"));
    EXPECT_TRUE(reject_of("event_filter gen_id 1, sig_id 7").starts_with("event_filter: is a filter"));
}

TEST(RuleParser, RejectsPayloadRulesThatNeedNoPayload) {
    const auto reject = [](const std::string& options) {
        return reject_of("alert tcp any any -> any any (" + options + " sid:1;)");
    };
    const std::string reason =
        "header: the rule may hold for packets without payload, which are not looked at";
    EXPECT_EQ(reject("flags:S;"), reason);
    EXPECT_EQ(reject("dsize:<5;"), reason);
    EXPECT_EQ(reject("content:!\"x\"; flags:PA;"), reason);
    EXPECT_EQ(reject("dsize:>0; flags:S;"), "");
    EXPECT_EQ(reject("content:\"x\"; flags:A+,12;"), "");
    EXPECT_TRUE(reject("content:\"x\"; flags:X;").starts_with("flags: needs letters"));
    EXPECT_TRUE(reject("content:\"x\"; flags:!S;").starts_with("flags: needs letters"));
    EXPECT_EQ(reject_of("alert udp any any -> any any (content:\"x\"; flags:S; sid:1;)"),
              "flags: needs protocol tcp");
    EXPECT_EQ(reject_of("alert http any any -> any any (http.uri; content:\"x\"; flags:S; sid:1;)"),
              "flags: are a packet's, and requests are matched as a stream");
}

TEST(RuleParser, RejectsHeaders) {
    const auto rejected = [](const std::string& header, const std::string& reason) {
        EXPECT_EQ(reject_of("alert " + header + " (uricontent:\"/a\"; sid:1;)"), "header: " + reason);
    };
    rejected("icmp any any -> any any", "protocol 'icmp' is not supported");
    rejected("tcp any any -> any", "needs action, protocol, source, port, direction, destination, port");
    rejected("tcp any any <- any any", "direction '<-' is neither -> nor <>");
    rejected("tcp $NOWHERE any -> any any", "source address variable $NOWHERE is not defined");
    rejected("tcp any $NO_PORTS -> any any", "source port variable $NO_PORTS is not defined");
    rejected("tcp any any -> 1.2.3.400 any", "destination address '1.2.3.400' is not a valid address");
    rejected("tcp any any -> any 80:79", "destination port '80:79' is not a valid port");
    rejected("udp any any -> any any", "protocol udp carries no HTTP requests here");
    EXPECT_EQ(reject_of("drop tcp any any -> any any (uricontent:\"/a\"; sid:1;)"),
              "header: action 'drop' is not supported; Picket only alerts");
    EXPECT_EQ(reject_of("alert tcp any any -> any any (uricontent:\"/a\";)"), "sid: is missing");
    EXPECT_EQ(
        reject_of("alert tcp any any -> any any (flow:to_server,only_stream; uricontent:\"/a\"; sid:1;)"),
        "");
    EXPECT_EQ(reject_of("alert tcp any any -> any any (flow:only_stream; content:\"a\"; sid:1;)"),
              "flow: only_stream: packets are matched one by one, not as a stream");
    EXPECT_EQ(reject_of("alert tcp any any -> any any (flow:no_stream; uricontent:\"/a\"; sid:1;)"),
              "flow: no_stream: requests are matched as a stream");
    EXPECT_EQ(reject_of("alert http any any -> any any (flow:to_client; http.header; content:\"x\"; sid:1;)"),
              "");
    EXPECT_TRUE(reject_of("alert http any any -> any any (flow:to_client; uricontent:\"/a\"; sid:1;)")
                    .starts_with("flow: the rule mixes"));
    EXPECT_TRUE(reject_of("alert http any any -> any any (http.stat_code; content:\"200\"; pkt_data; "
                          "content:\"x\"; sid:1;)")
                    .starts_with("content: without a buffer, in a rule about responses"));
}

TEST(RuleParser, UsesVariablesOfTheConfiguration) {
    RuleSettings settings;
    settings.variables = {
        {"HOME_NET", "$OFFICE"}, {"OFFICE", "[10.0.0.0/8, !10.1.0.0/16]"}, {"LOOP", "$LOOP"}};
    const auto parsed =
        parse("alert tcp $HOME_NET any -> $EXTERNAL_NET any (uricontent:\"/a\"; sid:1;)", settings);
    ASSERT_EQ(parsed.rules.size(), 1u);
    EXPECT_EQ(parsed.rules[0].source_addresses.ranges.size(), 2u);
    EXPECT_TRUE(parsed.rules[0].destination_addresses.any);
    EXPECT_EQ(reject_of("alert tcp $LOOP any -> any any (uricontent:\"/a\"; sid:1;)", settings),
              "header: source address is nested too deeply, or its variable refers to itself");
}

TEST(RuleParser, SurvivesAnyBytes) {
    const std::string rule =
        "alert http $HOME_NET any -> [10.0.0.0/8,!10.1.1.1] 80 (msg:\"m\"; flow:to_server; http.uri; "
        "content:\"/a|41|\"; nocase; distance:1; within:9; pcre:\"/^a[b]+$/Ri\"; urilen:<9; "
        "isdataat:!1,relative; "
        "sid:1; rev:2;)\n";
    unsigned state = 1;
    for (int round = 0; round < 20000; ++round) {
        std::string text = rule + rule;
        for (int change = 0; change < 3; ++change) {
            state = state * 1664525 + 1013904223;
            const std::size_t at = (state >> 8) % text.size();
            if (state % 3 == 0) {
                text.erase(at, 1 + state % 7);
            } else {
                text[at] = "\"\\;:()[]|!,/$\n\0x"[(state >> 4) % 16];
            }
        }
        const ParsedRules parsed = parse(text);
        EXPECT_LE(parsed.rules.size() + parsed.rejects.size(), 8u);
    }
}

}  // namespace
}  // namespace picket::rules
