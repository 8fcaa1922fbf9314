// What matching costs: batches of ordinary URIs against rule sets of growing size, against one scan a URI,
// and in the adversary's case, where every URI passes the filter.
//
// Counters: ns/uri is wall time of match_requests() divided by requests; pass is the share that the filter
// let through to the judge.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_parser.h"
#include "dataplane/http/normalize_uri.h"
#include "dataplane/match/matcher.h"

namespace picket::match {
namespace {

std::string word(std::mt19937& random, std::size_t length) {
    std::string text(length, ' ');
    for (char& byte : text) {
        byte = static_cast<char>('a' + random() % 26);
    }
    return text;
}

// Rules as operators have them: a path, a common content, now and then a pattern.
std::string make_rules(std::int64_t count) {
    std::mt19937 random(1);
    std::string text;
    for (std::int64_t sid = 1; sid <= count; ++sid) {
        text += "alert http any any -> any any (flow:to_server; http.uri; content:\"/" + word(random, 8) +
                "\"; nocase; content:\".php\"; distance:0; " +
                (sid % 2 == 0 ? "pcre:\"/[?&]id=[0-9]{1,8}$/i\"; " : "") + "sid:" + std::to_string(sid) +
                ";)\n";
    }
    return text;
}

struct Fixture {
    explicit Fixture(const std::string& text, const std::vector<std::string>& uris) : raw(uris) {
        const rules::RuleSettings settings;
        compiled = rules::compile_rules(rules::parse_rules(text, "bench", settings).rules, settings);
        std::string error;
        matcher = Matcher::create(RuleSet::load(compiled.blob, 1, error), error);
        if (!matcher) {
            throw std::runtime_error(error);
        }
        normalized.resize(raw.size());
        for (std::size_t i = 0; i < raw.size(); ++i) {
            normalized[i].resize(raw[i].size());
            normalized[i].resize(http::normalize_uri(raw[i], settings.dialect, normalized[i]));
            RequestView view;
            view.method = "GET";
            view.raw_uri = raw[i];
            view.normalized_uri = normalized[i];
            view.headers = "Host: www.example.org\r\n\r\n";
            views.push_back(view);
        }
    }

    rules::CompiledRules compiled;
    std::unique_ptr<Matcher> matcher;
    std::vector<std::string> raw;
    std::vector<std::string> normalized;
    std::vector<RequestView> views;
};

std::vector<std::string> ordinary_uris() {
    std::mt19937 random(2);
    std::vector<std::string> uris;
    for (int i = 0; i < 4096; ++i) {
        uris.push_back("/" + word(random, 4 + random() % 6) + "/" + word(random, 3 + random() % 8) +
                       (i % 3 == 0 ? ".php?id=" + std::to_string(random() % 1000) : ".html"));
    }
    return uris;
}

void run(benchmark::State& state, Fixture& fixture, std::size_t batch) {
    const HitSink sink{
        [](void* hits, std::uint32_t, std::uint32_t) noexcept { ++*static_cast<std::uint64_t*>(hits); },
        nullptr};
    const MatcherCounters before = fixture.matcher->counters();
    std::uint64_t hits = 0;
    std::size_t at = 0;
    for (auto _ : state) {
        fixture.matcher->match_requests(std::span(fixture.views).subspan(at, batch), {sink.call, &hits});
        at = (at + batch) % fixture.views.size();
    }
    const MatcherCounters& after = fixture.matcher->counters();
    const auto requests = static_cast<double>(after.requests - before.requests);
    state.counters["ns/uri"] =
        benchmark::Counter(requests, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
    state.counters["pass"] = static_cast<double>(after.requests_passed - before.requests_passed) / requests;
    state.counters["hits"] = static_cast<double>(hits);
}

// Rule sets are compiled once, not once a measurement.
Fixture& fixture_of(std::int64_t rules) {
    static std::map<std::int64_t, std::unique_ptr<Fixture>> fixtures;
    std::unique_ptr<Fixture>& fixture = fixtures[rules];
    if (!fixture) {
        fixture = std::make_unique<Fixture>(make_rules(rules), ordinary_uris());
    }
    return *fixture;
}

void batched(benchmark::State& state) {
    run(state, fixture_of(state.range(0)), static_cast<std::size_t>(state.range(1)));
}
BENCHMARK(batched)->ArgNames({"rules", "batch"})->ArgsProduct({{15, 150, 1500, 10000}, {1, 32, 64}});

// Each URI holds the rare content of some rule, so that each is judged.
void adversary(benchmark::State& state) {
    std::mt19937 random(1);  // the words of make_rules()
    std::vector<std::string> uris;
    for (int i = 0; i < 4096; ++i) {
        uris.push_back("/" + word(random, 8) + "/index.html");
    }
    static Fixture fixture(make_rules(4096), uris);
    run(state, fixture, 64);
}
BENCHMARK(adversary);

void normalize(benchmark::State& state) {
    const std::vector<std::string> uris = ordinary_uris();
    std::vector<char> out(256);
    std::size_t at = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(http::normalize_uri(uris[at], api::Dialect::suricata, out));
        at = (at + 1) % uris.size();
    }
}
BENCHMARK(normalize);

void watch_lookup(benchmark::State& state) {
    rules::WatchListSource list{"bench", {}};
    std::mt19937 random(3);
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        api::Address address;
        address.bytes[10] = address.bytes[11] = 0xff;
        for (std::size_t byte = 12; byte < 16; ++byte) {
            address.bytes[byte] = static_cast<std::uint8_t>(random());
        }
        list.ranges.push_back({address, address});
    }
    const auto compiled = rules::compile_rules({}, {}, {list});
    std::string error;
    const auto set = RuleSet::load(compiled.blob, 1, error);
    std::size_t at = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(set->watch_lookup(list.ranges[at].first));
        at = (at + 1) % list.ranges.size();
    }
}
BENCHMARK(watch_lookup)->Arg(20)->Arg(10000);

}  // namespace
}  // namespace picket::match

BENCHMARK_MAIN();
