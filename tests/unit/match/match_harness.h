// Rules as text and requests as texts to hits, through the whole way: parser, compiler, blob, matcher.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_parser.h"
#include "dataplane/http/normalize_uri.h"
#include "dataplane/match/matcher.h"

namespace picket::match {

// A request that owns its texts. Empty optional parts are absent.
struct TestRequest {
    std::string method = "GET";
    std::string uri = "/";
    std::string headers;  // "Name: value\r\n" lines
    std::string body;
    bool body_cut = false;
    std::string status = "";  // "200 OK": this is a response, and method, uri and body do not count
};

class RequestTexts {
  public:
    RequestTexts(const TestRequest& request, api::Dialect dialect)
        : raw_((request.status.empty() ? request.method + " " + request.uri + " HTTP/1.1"
                                       : "HTTP/1.1 " + request.status) +
               "\r\n" + request.headers + "\r\n" + (request.status.empty() ? request.body : "")),
          is_response_(!request.status.empty()),
          body_(request.body.size()),
          body_cut_(request.body_cut),
          normal_body_(request.body),
          line_(raw_.find("\r\n")),
          method_(request.method.size()),
          uri_(request.uri.size()),
          headers_(request.headers.size()) {
        normalized_.resize(request.uri.size());
        normalized_.resize(http::normalize_uri(request.uri, dialect, normalized_));
        normal_body_.resize(http::normalize_body(request.body, dialect, normal_body_));
    }

    [[nodiscard]] RequestView view() const {
        RequestView view;
        const std::string_view raw = raw_;
        view.request = raw;
        view.headers = raw.substr(line_ + 2, headers_ + 2);
        if (is_response_) {
            view.phases = api::rule_at_response;
            view.ends.to_server = false;
            return view;
        }
        if (body_ != 0) {
            view.raw_body = raw.substr(raw.size() - body_);
            view.body = normal_body_;
            view.body_cut = body_cut_;
            view.phases |= api::rule_at_body;
        }
        view.method = raw.substr(0, method_);
        view.raw_uri = raw.substr(method_ + 1, uri_);
        view.normalized_uri = normalized_;
        view.host = value("host");
        view.user_agent = value("user-agent");
        view.referer = value("referer");
        view.cookie = value("cookie");
        view.ends.source_port = 40000;
        view.ends.destination_port = 80;
        const std::uint8_t client[] = {10, 0, 0, 1};
        const std::uint8_t server[] = {192, 0, 2, 80};
        view.ends.source = api::ipv4_mapped(client);
        view.ends.destination = api::ipv4_mapped(server);
        return view;
    }

  private:
    [[nodiscard]] std::string_view value(std::string_view name) const {
        std::string_view rest = std::string_view(raw_).substr(method_ + 1 + uri_ + 11, headers_);
        while (!rest.empty()) {
            const std::size_t end = rest.find("\r\n");
            const std::string_view line = rest.substr(0, end);
            rest.remove_prefix(std::min(rest.size(), end + 2));
            const std::size_t colon = line.find(": ");
            if (colon == name.size() && std::ranges::equal(line.substr(0, colon), name,
                                                           [](char a, char b) { return (a | 0x20) == b; })) {
                return line.substr(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
            }
        }
        return {};
    }

    std::string raw_;
    bool is_response_;
    std::size_t body_;
    bool body_cut_;
    std::string normal_body_;
    std::size_t line_;
    std::string normalized_;
    std::size_t method_;
    std::size_t uri_;
    std::size_t headers_;
};

using Hits = std::set<std::pair<std::uint32_t, std::uint32_t>>;  // index, sid

class Harness {
  public:
    explicit Harness(const std::string& text, rules::RuleSettings settings = {},
                     const std::vector<rules::WatchListSource>& watch = {})
        : settings_(std::move(settings)) {
        const rules::ParsedRules parsed = rules::parse_rules(text, "test.rules", settings_);
        rejects = rules::list_rejects(parsed.rejects);
        build(parsed.rules, watch);
    }

    explicit Harness(const std::vector<rules::Rule>& parsed, rules::RuleSettings settings = {})
        : settings_(std::move(settings)) {
        build(parsed, {});
    }

    Hits requests(const std::vector<TestRequest>& requests, std::size_t batch = 32) {
        std::vector<RequestTexts> texts;
        texts.reserve(requests.size());
        std::vector<RequestView> views;
        for (const TestRequest& request : requests) {
            texts.emplace_back(request, settings_.dialect);
        }
        for (const RequestTexts& text : texts) {
            views.push_back(text.view());
        }
        return match_views(views, batch);
    }

    Hits match_views(std::span<const RequestView> views, std::size_t batch) {
        Collector collector{this, {}, 0, 0};
        for (std::size_t at = 0; at < views.size(); at += batch) {
            collector.base = static_cast<std::uint32_t>(at);
            matcher->match_requests(views.subspan(at, std::min(batch, views.size() - at)),
                                    {&Collector::add, &collector});
        }
        EXPECT_EQ(collector.calls, collector.hits.size()) << "a rule hit twice for one request";
        return collector.hits;
    }

    // True if the rule with this sid (default: 1) matches the request.
    bool matches(const TestRequest& request, std::uint32_t sid = 1) {
        return requests({request}).contains({0, sid});
    }
    bool matches_uri(const std::string& uri, std::uint32_t sid = 1) {
        return matches({"GET", uri, "Host: h\r\n", ""}, sid);
    }

    Hits payloads(std::span<const PayloadView> payloads) {
        Collector collector{this, {}, 0, 0};
        matcher->match_payloads(payloads, {&Collector::add, &collector});
        EXPECT_EQ(collector.calls, collector.hits.size());
        return collector.hits;
    }

    std::string rejects;
    rules::CompiledRules compiled;
    std::shared_ptr<const RuleSet> set;
    std::unique_ptr<Matcher> matcher;

  private:
    struct Collector {
        Harness* harness;
        Hits hits;
        std::uint32_t base;
        std::size_t calls;

        static void add(void* context, std::uint32_t index, std::uint32_t rule) noexcept {
            auto* self = static_cast<Collector*>(context);
            ++self->calls;
            self->hits.insert({self->base + index, self->harness->compiled.rules[rule].sid});
        }
    };

    void build(const std::vector<rules::Rule>& parsed, const std::vector<rules::WatchListSource>& watch) {
        compiled = rules::compile_rules(parsed, settings_, watch);
        std::string error;
        set = RuleSet::load(compiled.blob, 1, error);
        EXPECT_TRUE(set) << error;
        if (set) {
            matcher = Matcher::create(set, error);
            EXPECT_TRUE(matcher) << error;
        }
    }

    rules::RuleSettings settings_;
};

// One rule about requests, written as the options between "flow" and "sid".
inline std::string http_rule(const std::string& options, std::uint32_t sid = 1) {
    return "alert http any any -> any any (flow:to_server; " + options + " sid:" + std::to_string(sid) +
           ";)\n";
}

}  // namespace picket::match
