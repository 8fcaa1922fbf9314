// Flowbits from rule text to hit events: over packets, requests, bursts, reloads and the ends of flows.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/rule_worker.h"

namespace picket {
namespace {

using testing::Conversation;
using testing::PipelineHarness;
using testing::RuleWorker;
using testing::second_ns;

std::string request_rule(const std::string& token, const std::string& options, int sid) {
    return "alert http any any -> any any (flow:to_server; http.uri; content:\"" + token + "\"; " + options +
           " sid:" + std::to_string(sid) + ";)\n";
}

std::string payload_rule(const std::string& token, const std::string& options, int sid) {
    return "alert tcp any any -> any any (content:\"" + token + "\"; " + options +
           " sid:" + std::to_string(sid) + ";)\n";
}

std::string get(const std::string& uri) {
    return "GET " + uri + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

TEST(Flowbits, LiveAsLongAsTheirFlow) {
    RuleWorker sensor;
    sensor.load(request_rule("/test", "flowbits:isset,a;", 1) + request_rule("/set", "flowbits:set,a;", 2) +
                request_rule("/unset", "flowbits:isset,a; flowbits:unset,a; noalert;", 3) +
                request_rule("/toggle", "flowbits:toggle,a; flowbits:noalert;", 4) +
                request_rule("/none", "flowbits:isnotset,a;", 5));
    Conversation one(sensor.worker, 4000);
    Conversation other(sensor.worker, 4001);
    one.client(get("/test")).client(get("/set")).client(get("/test")).client(get("/none"));
    other.client(get("/test")).client(get("/none"));
    one.client(get("/unset")).client(get("/test")).client(get("/none"));
    other.client(get("/toggle")).client(get("/test")).client(get("/toggle")).client(get("/test"));
    sensor.worker.run();
    EXPECT_EQ(sensor.hits(), "1:2 1:1 1:5 1:5 1:1");
    one.client(get("/set"));
    sensor.worker.run();
    EXPECT_EQ(sensor.worker.area.counters.flowbit_records_active, 1u);
    sensor.worker.finish(100 * second_ns);
    EXPECT_EQ(sensor.worker.area.counters.flowbit_records_active, 0u);
    EXPECT_EQ(sensor.hits(), "1:2");
}

TEST(Flowbits, SetterOfTheSamePacketComesFirst) {
    RuleWorker sensor;
    sensor.load(request_rule("/x", "flowbits:isset,a;", 1) + request_rule("/x", "flowbits:set,a;", 2) +
                request_rule("/x", "flowbits:isset,p;", 3) + payload_rule("/x", "flowbits:set,p;", 4) +
                payload_rule("/x", "flowbits:isset,a;", 5));
    Conversation(sensor.worker).client(get("/x"));
    sensor.worker.run();
    // Payloads are judged before the requests of their packet.
    EXPECT_EQ(sensor.hits(), "1:4 1:2 1:1 1:3");
}

TEST(Flowbits, SurviveAReload) {
    RuleWorker sensor;
    Conversation flow(sensor.worker);
    sensor.load(request_rule("/other", "flowbits:set,b;", 7) + request_rule("/set", "flowbits:set,a;", 1) +
                request_rule("/test", "flowbits:isset,b;", 8));
    flow.client(get("/set"));
    sensor.worker.run();
    EXPECT_EQ(sensor.hits(), "1:1");
    sensor.load(request_rule("/test", "flowbits:isset,a;", 2) + request_rule("/none", "flowbits:set,b;", 3) +
                request_rule("/none", "flowbits:set,a;", 4));
    flow.client(get("/test"));
    sensor.worker.run();
    EXPECT_EQ(sensor.hits(), "2:2");
}

TEST(Flowbits, AreNotGuessedWhenTheyAreLost) {
    auto settings = PipelineHarness::replay_settings();
    settings.flowbit_records = 1;
    RuleWorker sensor(settings);
    sensor.load(request_rule("/set", "flowbits:set,a;", 1) + request_rule("/test", "flowbits:isset,a;", 2) +
                request_rule("/none", "flowbits:isnotset,a;", 3));
    Conversation one(sensor.worker, 4000);
    Conversation other(sensor.worker, 4001);
    one.client(get("/set")).client(get("/test"));
    other.client(get("/set")).client(get("/test")).client(get("/none"));
    sensor.worker.run();
    EXPECT_EQ(sensor.hits(), "1:1 1:2 1:1");
    EXPECT_EQ(sensor.worker.area.counters.flows_bits_lost, 1u);
    EXPECT_EQ(sensor.worker.area.counters.flowbit_hits_unjudged, 2u);
    sensor.worker.finish(100 * second_ns);
    const auto lost = std::ranges::count_if(sensor.worker.flows, [](const api::FlowRecord& flow) {
        return (flow.flags & api::flow_bits_lost) != 0;
    });
    EXPECT_EQ(lost, 1);
}

TEST(PacketSize, IsOfThePacketThatHoldsTheRequest) {
    const std::string request = get("/x");  // 28 bytes
    RuleWorker sensor;
    sensor.load(request_rule("/x", "dsize:28;", 1) + request_rule("/x", "dsize:>28;", 2) +
                request_rule("/x", "dsize:<28;", 3));
    Conversation(sensor.worker, 4000).client(request);
    Conversation(sensor.worker, 4001).client(request + request);
    Conversation(sensor.worker, 4002).in_segments(request, 14);
    sensor.worker.run();
    EXPECT_EQ(sensor.hits(), "1:1 1:2 1:2");
}

// ---- random rules and packets, against an evaluation that is written for clarity only

struct NaiveRule {
    std::uint32_t sid = 0;
    bool request = true;
    std::string token;
    bool alerts = true;
    std::vector<std::pair<std::string, std::string>> bits;  // action, name

    [[nodiscard]] bool uses(const std::string& bit, bool to_test) const {
        return std::ranges::any_of(bits, [&](const auto& entry) {
            return entry.second == bit && entry.first.starts_with("is") == to_test;
        });
    }
    [[nodiscard]] bool writes() const {
        return std::ranges::any_of(bits, [](const auto& entry) { return !entry.first.starts_with("is"); });
    }
    [[nodiscard]] std::string text() const {
        std::string options = alerts ? "" : "noalert; ";
        for (const auto& [action, bit] : bits) options += "flowbits:" + action + "," + bit + "; ";
        return request ? request_rule(token, options, static_cast<int>(sid))
                       : payload_rule(token, options, static_cast<int>(sid));
    }
};

constexpr const char* bit_names[] = {"a", "b", "c", "d"};

std::vector<NaiveRule> naive_order(std::vector<NaiveRule> left) {
    std::vector<NaiveRule> order;
    while (!left.empty()) {
        const auto waits = [&](const NaiveRule& rule) {
            return std::ranges::any_of(bit_names, [&](const char* bit) {
                return rule.uses(bit, true) && std::ranges::any_of(left, [&](const NaiveRule& writer) {
                           return writer.sid != rule.sid && writer.uses(bit, false);
                       });
            });
        };
        auto next = std::ranges::find_if_not(left, waits);
        if (next == left.end()) next = std::ranges::find_if(left, &NaiveRule::writes);
        order.push_back(*next);
        left.erase(next);
    }
    return order;
}

bool naive_judge(const NaiveRule& rule, std::set<std::string>& bits) {
    for (const auto& [action, bit] : rule.bits) {
        if (action == "isset" && !bits.contains(bit)) return false;
        if (action == "isnotset" && bits.contains(bit)) return false;
    }
    for (const auto& [action, bit] : rule.bits) {
        const bool was = bits.contains(bit);
        if (action == "set" || (action == "toggle" && !was)) bits.insert(bit);
        if (action == "unset" || (action == "toggle" && was)) bits.erase(bit);
    }
    return rule.alerts;
}

std::vector<NaiveRule> random_rules(std::mt19937& random) {
    static constexpr const char* actions[] = {"set", "unset", "toggle", "isset", "isnotset"};
    std::vector<NaiveRule> rules;
    for (std::uint32_t sid = 1; sid <= 14; ++sid) {
        NaiveRule rule;
        rule.sid = sid;
        rule.request = random() % 2 == 0;
        rule.token = "t" + std::to_string(random() % 6) + "!";
        rule.alerts = random() % 4 != 0;
        for (std::size_t i = random() % 4; i > 0; --i) {
            rule.bits.emplace_back(actions[random() % 5], bit_names[random() % 4]);
        }
        rules.push_back(rule);
    }
    return rules;
}

TEST(Flowbits, AgreeWithANaiveEvaluationWhateverTheBursts) {
    std::mt19937 random(11);
    std::size_t hits_total = 0;
    for (int round = 0; round < 60; ++round) {
        const auto rules = random_rules(random);
        const auto order = naive_order(rules);
        std::string text;
        for (const NaiveRule& rule : rules) text += rule.text();
        std::vector<std::pair<std::size_t, std::vector<std::string>>> packets;  // flow, pipelined requests
        for (int i = 0; i < 200; ++i) {
            std::vector<std::string> requests;
            for (std::size_t n = 1 + random() % 3; n > 0; --n) {
                requests.push_back(
                    get("/t" + std::to_string(random() % 6) + "!t" + std::to_string(random() % 6) + "!"));
            }
            packets.emplace_back(random() % 3, requests);
        }
        std::vector<std::set<std::string>> bits(3);
        std::multiset<std::string> expected;  // flow, packet, sid
        for (std::size_t i = 0; i < packets.size(); ++i) {
            const auto& [flow, requests] = packets[i];
            const auto judge = [&](const std::string& bytes, bool as_request) {
                for (const NaiveRule& rule : order) {
                    if (rule.request == as_request && bytes.find(rule.token) != std::string::npos &&
                        naive_judge(rule, bits[flow])) {
                        expected.insert(std::to_string(4000 + flow) + " " + std::to_string(rule.sid));
                    }
                }
            };
            std::string payload;
            for (const std::string& request : requests) payload += request;
            judge(payload, false);
            for (const std::string& request : requests) judge(request, true);
        }
        hits_total += expected.size();
        for (const std::size_t burst : {std::size_t{1}, std::size_t{7}, burst_max}) {
            RuleWorker sensor;
            sensor.load(text);
            std::vector<Conversation> flows;
            for (std::uint16_t port = 4000; port < 4003; ++port) flows.emplace_back(sensor.worker, port);
            for (const auto& [flow, requests] : packets) {
                std::string payload;
                for (const std::string& request : requests) payload += request;
                flows[flow].client(payload);
            }
            sensor.worker.run(burst);
            std::multiset<std::string> found;
            for (const api::HitEvent& hit : sensor.worker.hits) {
                found.insert(std::to_string(hit.ends.client_port) + " " +
                             std::to_string(sensor.sids().at(1).at(hit.rule)));
            }
            ASSERT_EQ(found, expected) << text << " bursts of " << burst;
        }
    }
    EXPECT_GT(hits_total, 5000u);
}

}  // namespace
}  // namespace picket
