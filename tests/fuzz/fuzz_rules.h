// Rules of every kind, small enough to be compiled at the start of a fuzzer: texts of all buffers, relative
// and negated contents, patterns, lengths, address and port sets, payload rules of both protocols, flowbits.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "controlplane/rules/rule_compiler.h"
#include "dataplane/match/matcher.h"
#include "tests/fuzz/fuzz_input.h"

namespace picket::fuzz {

inline constexpr const char* rules_text =
    R"(alert http any any -> any any (flow:to_server; http.uri; content:"/cgi-bin/"; content:".."; distance:0; sid:1;)
alert http any any -> any any (flow:to_server; http.uri; content:"passwd"; nocase; http.method; content:"GET"; sid:2;)
alert http 10.0.0.0/8 any -> any [80,8000:8080] (flow:to_server,established; http.user_agent; content:"zgrab"; sid:3;)
alert http any any -> any any (flow:to_server; http.uri; pcre:"/\.(ida|idq)\?[a-z]{4,}/i"; sid:4;)
alert http any any -> any any (flow:to_server; urilen:>20; http.host; content:!"example"; sid:5;)
alert tcp any any -> any 80 (content:"GET "; depth:4; isdataat:10,relative; sid:6;)
alert udp any any <> ![192.0.2.0/24,2001:db8::/32] 53 (content:"|00 01|"; offset:2; content:"abc"; within:20; sid:7;)
alert http any any -> any any (flow:to_server; http.header; content:"X-Test: "; content:"a"; within:3; sid:8;)
alert http any any -> any any (flow:to_server; http.cookie; content:"id="; http.uri; content:"/"; endswith; sid:9;)
alert http any any -> any any (flow:to_server; http.request_body; content:"cmd="; content:!"x"; sid:10;)
alert http any any -> any any (flow:to_server; http.method; content:"POST"; http.request_body; pcre:"/a+$/"; sid:11;)
alert http any any -> any any (flow:to_client; http.stat_code; content:"404"; http.header; content:!"Server"; sid:12;)
alert http any any -> any any (http.header; content:"X-Both: "; http.cookie; content:"a, b"; sid:13;)
alert http any any -> any any (flow:to_client; http.response_header; content:"X: 1"; endswith; http.stat_msg; bsize:2; sid:14;)
alert http any any -> any any (flow:to_server; http.request_line; content:"HTTP/1."; http.start; content:"Host"; sid:15;)
alert http any any -> any any (flow:to_server; urilen:>1; flowbits:set,a&b; flowbits:toggle,c; noalert; sid:16;)
alert http any any -> any any (http.header_names; content:"Host"; flowbits:isset,a|c; flowbits:unset,b; sid:17;)
alert tcp any any -> any any (content:" "; flags:A+,12; dsize:>4; flowbits:isnotset,b; flowbits:set,c; sid:18;)
)";

inline rules::CompiledRules compile_fuzz_rules(api::Dialect dialect = api::Dialect::suricata) {
    const rules::RuleSettings settings{dialect, {}};
    const auto parsed = rules::parse_rules(rules_text, "fuzz.rules", settings);
    std::fputs(rules::list_rejects(parsed.rejects).c_str(), stderr);
    require(parsed.rejects.empty(), "the fuzzers' own rules are understood");
    rules::WatchListSource watched{"watched", {}};
    std::vector<rules::Reject> rejects;
    watched =
        rules::parse_watch_list("watched", "10.0.0.0/8\n2001:db8::/32\n203.0.113.80\n", "watched", rejects);
    return rules::compile_rules(parsed.rules, settings, {watched});
}

inline std::shared_ptr<const match::RuleSet> load_fuzz_rules() {
    std::string error;
    auto set = match::RuleSet::load(compile_fuzz_rules().blob, 1, error);
    require(set != nullptr, "the fuzzers' own rules load");
    return set;
}

}  // namespace picket::fuzz
