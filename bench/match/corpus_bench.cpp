// The match stage on real rules and real requests, beside what bounds it from below and from above, in turns:
//
//   raw     the same texts copied into the same batches, hs_scan with the same databases, its callback only
//           counting
//   stage   what the match stage does: batches made and scanned, what passes judged
//   single  a call of hs_scan for each URI and head with all elements of all rules (naive_scan.h)
//
// on the sites of the corpus, and on URIs made of the filter's own elements, so that each passes (adversary).
// The three take turns on a sample of the requests that fits the cache, as packets just received do; medians
// over the turns. Counters: nanoseconds a request, the ratios of the turns, and of all requests the shares in
// which the filter found an element and for which a rule was judged, and the alerts a request. A run fails if
// stage and single differ in their alerts, or if raw scans other bytes than stage. Normalising the URIs is
// the http stage's work, for the request's event as for its rules; `normalize` says what it takes a request.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/match/corpus.h"
#include "bench/match/naive_scan.h"
#include "controlplane/rules/filter_plan.h"
#include "controlplane/rules/flowbit_options.h"
#include "controlplane/rules/rule_compiler.h"
#include "dataplane/match/matcher.h"
#include "dataplane/match/text_batch.h"

namespace picket::bench {
namespace {

constexpr std::size_t batch_requests = 64;

struct Traffic {
    explicit Traffic(std::vector<std::string> texts) : timed(sample(texts)), all(std::move(texts)) {}
    Requests timed;
    Requests all;
};

using Alerts = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

void keep_alert(void* alerts, std::uint32_t index, std::uint32_t rule) noexcept {
    static_cast<Alerts*>(alerts)->emplace_back(index, rule);
}
void count_alert(void* count, std::uint32_t /*index*/, std::uint32_t /*rule*/) noexcept {
    ++*static_cast<std::uint64_t*>(count);
}

// Compiles what is asked for when it is asked for the first time: not all that is registered is run.
class RuleFixture {
  public:
    explicit RuleFixture(RuleFiles files) : name_(files.name), rules_(std::move(files.rules)) {
        const auto requests = std::ranges::count_if(
            rules_, [](const rules::Rule& rule) { return rule.kind == api::RuleKind::request; });
        name_ += "-" + std::to_string(requests);
        // They are not judged, and one scan a URI need not look for them either.
        const std::vector<bool> mute = rules::find_mute_rules(rules_);
        std::size_t index = 0;
        std::erase_if(rules_, [&](const rules::Rule&) { return mute[index++]; });
    }

    // With the number of rules about requests.
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::vector<rules::Rule>& rules() const { return rules_; }
    const match::RuleSet& set() {
        matcher();
        return *set_;
    }
    match::Matcher& matcher() {
        if (!matcher_) {
            const auto compiled = rules::compile_rules(rules_, {});
            std::string error;
            set_ = match::RuleSet::load(compiled.blob, 1, error);
            matcher_ = set_ ? match::Matcher::create(set_, error) : nullptr;
            if (!matcher_) {
                throw std::runtime_error(error);
            }
        }
        return *matcher_;
    }
    NaiveScan& naive() {
        if (!naive_) {
            naive_ = std::make_unique<NaiveScan>(rules_, set());
        }
        return *naive_;
    }

  private:
    std::string name_;
    std::vector<rules::Rule> rules_;
    std::shared_ptr<const match::RuleSet> set_;
    std::unique_ptr<match::Matcher> matcher_;
    std::unique_ptr<NaiveScan> naive_;
};

// Calls scan(group, batch) for all batches that the matcher makes of the requests first to last.
template <class Scan>
void make_batches(const match::RuleSet& set, std::span<const match::RequestView> views,
                  match::TextBatch& batch, Scan scan) {
    const auto wanted = set.tables().group(api::FilterGroup::head).buffers;
    const bool wants_request = (wanted >> static_cast<unsigned>(api::RuleBuffer::request) & 1) != 0;
    const auto wanted_uris = set.tables().group(api::FilterGroup::uri).buffers;
    const bool wants_raw_uri = (wanted_uris >> static_cast<unsigned>(api::RuleBuffer::raw_uri) & 1) != 0;
    for (const auto group : {api::FilterGroup::uri, api::FilterGroup::head}) {
        if (set.tables().database(group) == nullptr) {
            continue;
        }
        const auto add = [&](std::uint32_t slot, std::string_view text) {
            if (!batch.fits(text.size())) {
                scan(group, batch.bytes());
                batch.clear();
            }
            batch.add(slot, text);
        };
        for (std::uint32_t slot = 0; slot < views.size(); ++slot) {
            if (group == api::FilterGroup::head) {
                add(slot, wants_request ? views[slot].request : views[slot].headers);
                continue;
            }
            add(slot, views[slot].normalized_uri);
            if (wants_raw_uri && views[slot].raw_uri != views[slot].normalized_uri) {
                add(slot, views[slot].raw_uri);
            }
        }
        scan(group, batch.bytes());
        batch.clear();
    }
}

// Copies and scans what the matcher copies and scans, and does nothing with what is found.
class RawScan {
  public:
    RawScan(RuleFixture& fixture, std::span<const match::RequestView> views)
        : set_(fixture.set()), views_(views) {
        for (const auto group : {api::FilterGroup::uri, api::FilterGroup::head}) {
            if (const hs_database_t* database = set_.tables().database(group)) {
                hs_alloc_scratch(database, &scratch_);
            }
        }
    }
    ~RawScan() { hs_free_scratch(scratch_); }
    RawScan(const RawScan&) = delete;
    RawScan& operator=(const RawScan&) = delete;

    std::uint64_t operator()() noexcept {
        std::uint64_t found = 0;
        bytes_ = 0;
        for (std::size_t at = 0; at < views_.size(); at += batch_requests) {
            make_batches(set_, views_.subspan(at, std::min(batch_requests, views_.size() - at)), batch_,
                         [&](api::FilterGroup group, std::string_view text) {
                             bytes_ += text.size();
                             scan(set_.tables().database(group), text, found);
                         });
        }
        return found;
    }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  private:
    void scan(const hs_database_t* database, std::string_view text, std::uint64_t& found) noexcept {
        hs_scan(
            database, text.data(), static_cast<unsigned>(text.size()), 0, scratch_,
            [](unsigned, unsigned long long, unsigned long long, unsigned, void* count) {
                ++*static_cast<std::uint64_t*>(count);
                return 0;
            },
            &found);
    }

    const match::RuleSet& set_;
    std::span<const match::RequestView> views_;
    match::TextBatch batch_;
    hs_scratch_t* scratch_ = nullptr;
    std::uint64_t bytes_ = 0;
};

void match_stage(RuleFixture& fixture, Requests& requests, match::HitSink sink) {
    const std::span views(requests.views());
    for (std::size_t at = 0; at < views.size(); at += batch_requests) {
        const std::size_t count = std::min(batch_requests, views.size() - at);
        fixture.matcher().match_requests(views.subspan(at, count), sink);
    }
}

void match_single(RuleFixture& fixture, Requests& requests, match::HitSink sink) {
    for (std::uint32_t i = 0; i < requests.size(); ++i) {
        fixture.naive().match(requests.views()[i], i, sink);
    }
}

// Nothing, or in what stage and single, stage and raw differ.
std::string difference(RuleFixture& fixture, Traffic& traffic, std::uint64_t raw_bytes) {
    Alerts batched;
    Alerts single;
    fixture.matcher().match_requests(traffic.all.views(), {&keep_alert, &batched});
    match_single(fixture, traffic.all, {&keep_alert, &single});
    if (std::set(batched.begin(), batched.end()) != std::set(single.begin(), single.end())) {
        return "the match stage and one scan a URI differ in their alerts";
    }
    const std::uint64_t before = fixture.matcher().counters().bytes_scanned;
    std::uint64_t alerts = 0;
    match_stage(fixture, traffic.timed, {&count_alert, &alerts});
    const std::uint64_t scanned = fixture.matcher().counters().bytes_scanned - before;
    return scanned == raw_bytes ? "" : "the match stage scans other bytes than the raw scan";
}

void report_shares(benchmark::State& state, RuleFixture& fixture, Traffic& traffic) {
    const match::MatcherCounters before = fixture.matcher().counters();
    std::uint64_t alerts = 0;
    match_stage(fixture, traffic.all, {&count_alert, &alerts});
    const match::MatcherCounters& after = fixture.matcher().counters();
    const auto share = [&](std::uint64_t match::MatcherCounters::*counter) {
        return static_cast<double>(after.*counter - before.*counter) /
               static_cast<double>(traffic.all.size());
    };
    state.counters["found"] = share(&match::MatcherCounters::requests_found);
    state.counters["passed"] = share(&match::MatcherCounters::requests_passed);
    state.counters["alerts"] = share(&match::MatcherCounters::hits);
}

template <class Work>
double seconds_of(Work work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// One iteration is all timed requests once, each way.
void compare(benchmark::State& state, RuleFixture& fixture, Traffic& traffic) {
    RawScan raw_scan(fixture, traffic.timed.views());
    raw_scan();
    const std::string fault = difference(fixture, traffic, raw_scan.bytes());
    if (!fault.empty()) {
        state.SkipWithError(fault.c_str());
    }
    std::uint64_t alerts = 0;
    const match::HitSink sink{&count_alert, &alerts};
    const auto requests = static_cast<double>(traffic.timed.size());
    std::vector<double> normalize_ns, raw_ns, stage_ns, single_ns, stage_by_raw, single_by_stage;
    for (auto _ : state) {
        const double normalize = seconds_of([&] { traffic.timed.normalize(0, traffic.timed.size()); });
        const double raw = seconds_of([&] { benchmark::DoNotOptimize(raw_scan()); });
        const double stage = seconds_of([&] { match_stage(fixture, traffic.timed, sink); });
        const double single = seconds_of([&] { match_single(fixture, traffic.timed, sink); });
        state.SetIterationTime(stage);
        normalize_ns.push_back(normalize * 1e9 / requests);
        raw_ns.push_back(raw * 1e9 / requests);
        stage_ns.push_back(stage * 1e9 / requests);
        single_ns.push_back(single * 1e9 / requests);
        stage_by_raw.push_back(stage / raw);
        single_by_stage.push_back(single / stage);
    }
    if (stage_ns.empty()) {
        return;
    }
    state.counters["normalize"] = median(normalize_ns);
    state.counters["raw"] = median(raw_ns);
    state.counters["stage"] = median(stage_ns);
    state.counters["single"] = median(single_ns);
    state.counters["stage/raw"] = median(stage_by_raw);
    state.counters["single/stage"] = median(single_by_stage);
    report_shares(state, fixture, traffic);
}

// The bytes of a content that is all of an expression; empty for a pcre.
std::string literal_of(const rules::FilterChoice& choice) {
    std::string bytes;
    for (std::size_t at = 0; at + 4 <= choice.pattern.size(); at += 4) {
        if (choice.pattern[at] != '\\' || choice.pattern[at + 1] != 'x') {
            return "";
        }
        bytes += static_cast<char>(std::stoi(choice.pattern.substr(at + 2, 2), nullptr, 16));
    }
    return bytes;
}

bool can_be_sent(const std::string& text) {
    return text.find_first_of(std::string_view(" \r\n\t\0", 5)) == std::string::npos;
}

// What an adversary sends who has the rules: each URI holds `together` elements of the filter, or all
// contents of a rule.
std::vector<std::string> adversary_uris(const RuleFixture& fixture, std::size_t together, bool whole_rules) {
    std::vector<std::string> uris;
    std::string uri = "/";
    std::size_t parts = 0;
    rules::EngineTrials trials;
    for (const rules::Rule& rule : fixture.rules()) {
        const auto choice = rules::choose_filter(rule, trials);
        if (rule.kind != api::RuleKind::request || !choice || choice->group != api::FilterGroup::uri) {
            continue;
        }
        std::string part = whole_rules ? "" : literal_of(*choice);
        for (const rules::OptionChain& chain : rule.chains) {
            const bool is_uri =
                chain.buffer == api::RuleBuffer::uri || chain.buffer == api::RuleBuffer::raw_uri;
            for (const rules::BufferOption& option : chain.options) {
                if (whole_rules && is_uri && option.kind == api::RuleOptionKind::content &&
                    (option.flags & api::option_negated) == 0) {
                    part += option.bytes;
                }
            }
        }
        if (part.empty() || !can_be_sent(part)) {
            continue;
        }
        uri += part;
        if (++parts == together) {
            uris.push_back(bare_request(uri));
            uri = "/";
            parts = 0;
        }
    }
    return uris;
}

// Lives until the process ends, as the registered benchmarks refer to it.
template <class T>
T& keep(std::unique_ptr<T> object) {
    static std::vector<std::unique_ptr<T>> kept;
    return *kept.emplace_back(std::move(object));
}

void add(const std::string& name, RuleFixture& fixture, Traffic& traffic) {
    const auto body = [&](benchmark::State& state) { compare(state, fixture, traffic); };
    benchmark::RegisterBenchmark(name.c_str(), body)->UseManualTime()->Unit(benchmark::kMicrosecond);
}

void add_benchmarks() {
    std::vector<std::pair<std::string, Traffic*>> traffic;
    for (Site& site : load_sites()) {
        traffic.emplace_back(site.name + "/browser",
                             &keep(std::make_unique<Traffic>(std::move(site.browser))));
        traffic.emplace_back(site.name + "/bare", &keep(std::make_unique<Traffic>(std::move(site.bare))));
    }
    for (RuleFiles& files : load_rules()) {
        RuleFixture& fixture = keep(std::make_unique<RuleFixture>(std::move(files)));
        const std::string rules = fixture.name() + "/";
        for (const auto& [name, requests] : traffic) {
            add(rules + name, fixture, *requests);
        }
        for (const auto& [name, together, whole_rules] :
             {std::tuple("element", 1, false), {"eight_elements", 8, false}, {"whole_rules", 1, true}}) {
            auto requests = std::make_unique<Traffic>(
                adversary_uris(fixture, static_cast<std::size_t>(together), whole_rules));
            if (requests->all.size() > 0) {
                add(rules + "adversary/" + name, fixture, keep(std::move(requests)));
            }
        }
    }
}

}  // namespace
}  // namespace picket::bench

int main(int count, char** arguments) {
    benchmark::Initialize(&count, arguments);
    if (benchmark::ReportUnrecognizedArguments(count, arguments)) {
        return 1;
    }
    picket::bench::add_benchmarks();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
