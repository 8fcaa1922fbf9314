// Every shipped rule loads, matches its example, and does not match what merely resembles it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "controlplane/rules/rule_files.h"
#include "tests/unit/match/match_harness.h"

namespace picket::rules {
namespace {

struct Example {
    std::uint32_t sid = 0;
    bool matches = false;
    match::TestRequest request;
};

std::string source_root() {
    const char* root = std::getenv("PICKET_SOURCE_ROOT");
    return root != nullptr ? root : ".";
}

// One file for each file of rules, by the same name.
void read_examples(const std::filesystem::path& path, std::vector<Example>& examples) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('#')) {
            continue;
        }
        std::stringstream cells(line);
        Example example;
        std::string sid;
        std::string sign;
        std::string header;
        std::getline(cells, sid, '\t');
        std::getline(cells, sign, '\t');
        std::getline(cells, example.request.method, '\t');
        std::getline(cells, example.request.uri, '\t');
        std::getline(cells, header, '\t');
        example.sid = static_cast<std::uint32_t>(std::stoul(sid));
        example.matches = sign == "+";
        example.request.headers = "Host: www.example.org\r\n" + (header.empty() ? "" : header + "\r\n");
        examples.push_back(example);
    }
}

std::vector<Example> read_examples() {
    std::vector<Example> examples;
    for (const auto& entry : std::filesystem::directory_iterator(source_root() + "/patterns/examples")) {
        read_examples(entry.path(), examples);
    }
    return examples;
}

ParsedRules shipped(api::Dialect dialect = api::Dialect::suricata) {
    RuleSettings settings;
    settings.dialect = dialect;
    return load_rule_files({source_root() + "/patterns/*.rules"}, settings);
}

TEST(ShippedRules, AllLoadAndAreComplete) {
    const ParsedRules parsed = shipped();
    EXPECT_GE(parsed.rules.size(), 250u);
    EXPECT_EQ(list_rejects(parsed.rejects), "");
    EXPECT_TRUE(parsed.duplicates.empty());
    for (const Rule& rule : parsed.rules) {
        EXPECT_GE(rule.sid, 9000001u);
        EXPECT_FALSE(rule.message.empty()) << rule.sid;
        EXPECT_FALSE(rule.class_type.empty()) << rule.sid;
        EXPECT_FALSE(rule.references.empty()) << rule.sid;
        EXPECT_GE(rule.rev, 1u) << rule.sid;
    }
}

TEST(ShippedRules, LoadWhateverTheDialect) {
    for (const api::Dialect dialect : {api::Dialect::snort3, api::Dialect::snort2}) {
        const ParsedRules parsed = shipped(dialect);
        EXPECT_EQ(list_rejects(parsed.rejects), "");
        EXPECT_EQ(parsed.rules.size(), shipped().rules.size());
    }
}

TEST(ShippedRules, EachMatchesItsExampleAndNotItsLookAlike) {
    const ParsedRules parsed = shipped();
    match::Harness harness(parsed.rules);
    EXPECT_EQ(harness.compiled.always_judged, 0u);
    std::map<std::uint32_t, std::pair<int, int>> seen;
    for (const Example& example : read_examples()) {
        EXPECT_EQ(harness.matches(example.request, example.sid), example.matches)
            << example.sid << " " << example.request.uri << " " << example.request.headers;
        ++(example.matches ? seen[example.sid].first : seen[example.sid].second);
    }
    for (const Rule& rule : parsed.rules) {
        if (rule.kind == api::RuleKind::request) {
            EXPECT_GT(seen[rule.sid].first, 0) << rule.sid << " has no example";
            EXPECT_GT(seen[rule.sid].second, 0) << rule.sid << " has no counter-example";
        }
    }
}

match::PayloadView udp(std::uint16_t port, const std::vector<std::uint8_t>& payload) {
    match::PayloadView view;
    view.ends.protocol = 17;
    view.ends.established = false;
    view.ends.source_port = 1033;
    view.ends.destination_port = port;
    view.payload = payload;
    view.packet_size = static_cast<std::uint32_t>(payload.size());
    return view;
}

TEST(ShippedRules, FindSobigsProbeAndNothingOfTheFlood) {
    const ParsedRules parsed = shipped();
    match::Harness harness(parsed.rules);
    const std::vector<std::uint8_t> probe{0x5c, 0xbf, 0x01, 0x29, 0xca, 0x62, 0xeb, 0xf1};
    const std::vector<std::uint8_t> info{0xff, 0xff, 0xff, 0xff, 'i', 'n', 'f', 'o', 0};
    std::vector<std::uint8_t> longer = probe;
    longer.push_back(0);
    const std::vector<match::PayloadView> packets{udp(8998, probe), udp(27015, info), udp(27015, probe),
                                                  udp(8998, longer), udp(8998, info)};
    EXPECT_EQ(harness.payloads(packets), (match::Hits{{0, 9001001}}));
}

}  // namespace
}  // namespace picket::rules
