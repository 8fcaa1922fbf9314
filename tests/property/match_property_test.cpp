// The filter cannot miss: on every rule of the corpus and requests that visitors, intruders and the rules
// themselves suggest, the matcher finds exactly what the judge finds when it is asked about every rule.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_files.h"
#include "dataplane/http/message_head.h"
#include "dataplane/http/normalize_uri.h"
#include "dataplane/match/judge.h"
#include "dataplane/match/matcher.h"
#include "dataplane/match/rule_tables.h"

namespace picket::match {
namespace {

using Hits = std::set<std::pair<std::uint32_t, std::uint32_t>>;

// Requests and responses as the http stage hands them over, from their texts.
struct Parsed {
    Parsed(std::vector<std::string> heads, api::Dialect dialect) : texts(std::move(heads)) {
        for (const std::string& text : texts) {
            http::ResponseHead answer;
            if (http::parse_response_head(text, answer)) {
                RequestView view;
                view.phases = api::rule_at_response;
                view.request = answer.text;
                view.headers = answer.headers;
                views.push_back(view);
                continue;
            }
            http::RequestHead head;
            if (http::parse_request_head(text, head) == http::HeadStatus::not_a_message) {
                continue;
            }
            RequestView view;
            view.method = head.method;
            view.raw_uri = head.target;
            view.host = head.host;
            view.user_agent = head.user_agent;
            view.referer = head.referer;
            view.cookie = head.cookie;
            view.headers = head.headers;
            view.plain_headers = head.plain_headers;
            view.request = std::string_view(text).substr(0, head.length);
            view.raw_body = std::string_view(text).substr(head.length);
            if (!view.raw_body.empty()) {
                rooms.push_back(std::make_unique<char[]>(view.raw_body.size()));
                view.body = {
                    rooms.back().get(),
                    http::normalize_body(view.raw_body, dialect, {rooms.back().get(), view.raw_body.size()})};
                view.phases |= api::rule_at_body;
            }
            view.ends.source_port = 40000;
            view.ends.destination_port = 80;
            if (http::is_normal_uri(head.target, dialect)) {
                view.normalized_uri = head.target;
            } else {
                rooms.push_back(std::make_unique<char[]>(head.target.size() + 1));
                view.normalized_uri = {
                    rooms.back().get(),
                    http::normalize_uri(head.target, dialect, {rooms.back().get(), head.target.size()})};
            }
            plain += head.plain_headers ? 1 : 0;
            views.push_back(view);
        }
    }

    std::vector<std::string> texts;
    std::vector<std::unique_ptr<char[]>> rooms;
    std::vector<RequestView> views;
    std::size_t plain = 0;
};

Hits matched(const std::shared_ptr<const RuleSet>& set, std::span<const RequestView> views,
             std::size_t batch) {
    std::string error;
    const auto matcher = Matcher::create(set, error);
    struct Collector {
        Hits hits;
        std::uint32_t base = 0;
    } collector;
    for (std::size_t at = 0; at < views.size(); at += batch) {
        collector.base = static_cast<std::uint32_t>(at);
        matcher->match_requests(views.subspan(at, std::min(batch, views.size() - at)),
                                {[](void* self, std::uint32_t index, std::uint32_t rule) noexcept {
                                     auto* into = static_cast<Collector*>(self);
                                     into->hits.insert({into->base + index, rule});
                                 },
                                 &collector});
    }
    EXPECT_EQ(matcher->counters().scan_failures, 0u);
    return collector.hits;
}

Hits judged(const RuleSet& set, std::span<const RequestView> views) {
    Judge judge(set.tables());
    Hits hits;
    for (std::uint32_t index = 0; index < views.size(); ++index) {
        judge.set_request(views[index]);
        for (std::uint32_t rule = 0; rule < set.rule_count(); ++rule) {
            const api::RuleEntry& entry = set.tables().view.rules[rule];
            if ((entry.flags & views[index].phases) != 0 && judge.rule_holds(entry)) {
                hits.insert({index, rule});
            }
        }
    }
    return hits;
}

const char* corpus_folder() {
    const char* captures = std::getenv("PICKET_CAPTURES");
    return captures != nullptr && std::filesystem::exists(captures) ? captures : nullptr;
}

void add_lines(const std::string& path, std::size_t step, std::vector<std::string>& heads) {
    std::ifstream file(path);
    std::size_t number = 0;
    for (std::string line; std::getline(file, line);) {
        if (number++ % step != 0) {
            continue;
        }
        const std::size_t open = line.find('"');
        const std::string request = open == std::string::npos
                                        ? "GET /" + line
                                        : line.substr(open + 1, line.find('"', open + 1) - open - 1);
        const std::size_t version = request.rfind(" HTTP/");
        heads.push_back((version == std::string::npos ? request + " HTTP/1.1" : request) +
                        "\r\nHost: www.example.org\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0)\r\n"
                        "Accept: */*\r\n\r\n");
    }
}

std::string one_line(std::string text) {
    std::erase_if(text, [](char byte) { return byte == '\n' || byte == '\r' || byte == '\0'; });
    return text;
}

// A request that holds all contents of the rule where it looks for them; how its head is laid out varies.
std::string request_for(const rules::Rule& rule, std::size_t variant) {
    static const char* const colons[] = {": ", ":", ":  ", ": "};
    static const char* const ends[] = {"\r\n", "\r\n", " \r\n", "\n"};
    std::string status = "200", reason = "OK";
    std::string method = "GET", uri = "/", host = "h", agent, referer, cookie, lines, body;
    for (const rules::OptionChain& chain : rule.chains) {
        std::string text;
        for (const rules::BufferOption& option : chain.options) {
            const bool positive = (option.flags & api::option_negated) == 0;
            text += option.kind == api::RuleOptionKind::content && positive ? option.bytes : "";
        }
        switch (chain.buffer) {
            case api::RuleBuffer::method:
                method = text.empty() ? method : text;
                break;
            case api::RuleBuffer::uri:
            case api::RuleBuffer::raw_uri:
                uri += one_line(text);
                break;
            case api::RuleBuffer::host:
                host = one_line(text);
                break;
            case api::RuleBuffer::user_agent:
                agent = one_line(text);
                break;
            case api::RuleBuffer::referer:
                referer = one_line(text);
                break;
            case api::RuleBuffer::cookie:
                cookie = one_line(text);
                break;
            case api::RuleBuffer::field:
                lines += chain.field + ": " + one_line(text) + "\r\n";
                break;
            case api::RuleBuffer::stat_code:
                status = text.size() == 3 ? text : status;
                break;
            case api::RuleBuffer::stat_msg:
                reason = one_line(text);
                break;
            case api::RuleBuffer::body:
            case api::RuleBuffer::raw_body:
                body += text;
                break;
            default:
                lines += text + (text.ends_with("\n") ? "" : "\r\n");
                break;
        }
    }
    const std::string colon = colons[variant % 4];
    const std::string end = ends[variant % 4];
    if (rule.phases == api::rule_at_response) {
        return "HTTP/1.1 " + status + " " + reason + "\r\nServer" + colon + "x" + end +
               (cookie.empty() ? ""
                               : "Set-Cookie" + colon + "a=b" + end + "Set-Cookie" + colon + cookie + end) +
               lines + "\r\n";
    }
    std::string head = method + " " + uri + " HTTP/1.1\r\nHost" + colon + host + end;
    head += cookie.empty() && variant % 3 != 0 ? "" : "Cookie" + colon + "a=b" + cookie + end;
    head += agent.empty() ? "" : "User-Agent" + colon + agent + end;
    head += referer.empty() ? "" : "Referer" + colon + referer + end;
    return head + lines + "\r\n" + body;
}

TEST(MatchProperty, FilterMissesNothingOnTheCorpus) {
    const char* captures = corpus_folder();
    if (captures == nullptr) {
        GTEST_SKIP() << "no corpus: PICKET_CAPTURES names no folder";
    }
    const std::string folder(captures);
    for (const char* dialect_of : {"/rules/Resistine+SnortRules/*.rules", "/rules/*/rules/*.rules"}) {
        rules::RuleSettings settings;
        settings.dialect = std::string(dialect_of).find("Snort") != std::string::npos
                               ? api::Dialect::snort3
                               : api::Dialect::suricata;
        auto parsed = rules::load_rule_files({folder + dialect_of}, settings);
        ASSERT_GT(parsed.rules.size(), 2000u);
        std::vector<std::string> heads;
        add_lines(folder + "/uris/elastic+examples/Common Data Formats/apache_logs/apache_logs", 50, heads);
        add_lines(folder + "/uris/nielsbasjes+logparser/examples/demolog/hackers-access.log", 50, heads);
        add_lines(folder + "/uris/Bo0oM+fuzz.txt/fuzz.txt", 40, heads);
        add_lines(folder + "/uris/fuzzdb-project+fuzzdb/attack/lfi/JHADDIX_LFI.txt", 10, heads);
        for (std::size_t i = 0; i < parsed.rules.size(); ++i) {
            heads.push_back(request_for(parsed.rules[i], i));
        }
        const Parsed requests(std::move(heads), settings.dialect);
        EXPECT_GT(requests.plain, 1000u);
        EXPECT_LT(requests.plain, requests.views.size() - 1000);

        for (auto& rule : parsed.rules) rule.alerts = true;  // so that each is judged
        const auto compiled = rules::compile_rules(parsed.rules, settings);
        std::string error;
        const auto set = RuleSet::load(compiled.blob, 1, error);
        ASSERT_TRUE(set) << error;
        const Hits expected = judged(*set, requests.views);
        EXPECT_GT(expected.size(), 1000u);
        for (const std::size_t batch : {1u, 63u, 1000u}) {
            const Hits hits = matched(set, requests.views, batch);
            for (const auto& [index, rule] : expected) {
                EXPECT_TRUE(hits.contains({index, rule}))
                    << compiled.rules[rule].text << "\n missed " << requests.views[index].request;
            }
            EXPECT_EQ(hits.size(), expected.size());
        }
    }
}

TEST(MatchProperty, NormalUrisAreTheirOwnNormalForm) {
    std::mt19937 random(7);
    const std::string alphabet = "//..ab?%2fF+\\\xc0\xaf-";
    std::size_t normal = 0;
    std::vector<char> room(128);
    for (int i = 0; i < 400'000; ++i) {
        std::string uri = i % 16 == 0 ? "" : "/";
        const std::size_t length = random() % 70;
        while (uri.size() < length) {
            uri += random() % 8 == 0 ? alphabet[random() % alphabet.size()]
                                     : static_cast<char>('a' + random() % 26);
        }
        for (const api::Dialect dialect : {api::Dialect::suricata, api::Dialect::snort3}) {
            if (http::is_normal_uri(uri, dialect)) {
                ++normal;
                ASSERT_EQ(std::string_view(room.data(), http::normalize_uri(uri, dialect, room)), uri);
            }
        }
    }
    EXPECT_GT(normal, 50'000u);
}

}  // namespace
}  // namespace picket::match
