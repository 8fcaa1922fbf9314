#include "tests/reference/comparison.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <stdexcept>
#include <string>

namespace picket::reference {
namespace {

constexpr std::size_t batch_sizes[] = {1, 2, 7, 63, 64, 65, 200};
constexpr std::size_t differences_told_max = 40;

std::string readable(std::string_view text) {
    std::string out;
    for (const char byte : text) {
        char code[8];
        const auto value = static_cast<unsigned char>(byte);
        std::snprintf(code, sizeof code, value < 0x20 || value > 0x7e ? "\\x%02x" : "%c", value);
        out += code;
    }
    return out;
}

std::string readable(const match::RequestView& view) {
    return readable(view.request) + (view.body_cut ? " (the body is cut)" : "");
}
std::string readable(const match::PayloadView& view) {
    return "payload " + readable({reinterpret_cast<const char*>(view.payload.data()), view.payload.size()});
}

void match_views(match::Matcher& matcher, std::span<const match::RequestView> views, match::HitSink sink) {
    matcher.match_requests(views, sink);
}
void match_views(match::Matcher& matcher, std::span<const match::PayloadView> views, match::HitSink sink) {
    matcher.match_payloads(views, sink);
}

}  // namespace

Comparison::Comparison(const std::vector<rules::Rule>& rules, api::Dialect dialect) : rules_(rules) {
    rules::RuleSettings settings;
    settings.dialect = dialect;
    // What matches is compared, of rules too that could not be heard of.
    std::vector<rules::Rule> heard = rules;
    for (rules::Rule& rule : heard) rule.alerts = true;
    std::string error;
    set_ = match::RuleSet::load(rules::compile_rules(heard, settings).blob, 1, error);
    matcher_ = set_ ? match::Matcher::create(set_, error) : nullptr;
    if (!matcher_) {
        throw std::runtime_error(error);
    }
    reference_.reserve(rules.size());
    for (const rules::Rule& rule : rules) {
        reference_.emplace_back(rule);
    }
}

void Comparison::run(const Traffic& traffic, Tally& tally) {
    compare(traffic.requests(), judge_all(api::RuleKind::request, traffic.request_messages(), tally), tally);
    compare(traffic.payloads(), judge_all(api::RuleKind::payload, traffic.payload_messages(), tally), tally);
}

Comparison::Expected Comparison::judge_all(api::RuleKind kind, const std::deque<Message>& messages,
                                           Tally& tally) {
    std::vector<std::uint32_t> asked;
    for (std::uint32_t rule = 0; rule < rules_.size(); ++rule) {
        if (rules_[rule].kind == kind) {
            asked.push_back(rule);
        }
    }
    Expected expected;
    for (std::uint32_t message = 0; message < messages.size(); ++message) {
        for (const std::uint32_t rule : asked) {
            const Verdict verdict = reference_[rule].judge(messages[message]);
            if (verdict == Verdict::yes) {
                expected.hits.emplace_back(message, rule);
                rules_hit_.insert(rule);
            } else if (verdict == Verdict::given_up) {
                expected.unknown.emplace_back(message, rule);
            }
        }
    }
    tally.messages += asked.empty() ? 0 : messages.size();
    tally.pairs += messages.size() * asked.size();
    tally.hits += expected.hits.size();
    tally.reference_gave_up += expected.unknown.size();
    return expected;
}

template <class View>
Comparison::Pairs Comparison::match_all(const std::vector<View>& views, std::size_t batch) {
    struct Collector {
        Pairs hits;
        std::uint32_t base = 0;
    } collector;
    const auto collect = [](void* context, std::uint32_t index, std::uint32_t rule) noexcept {
        auto* into = static_cast<Collector*>(context);
        into->hits.emplace_back(into->base + index, rule);
    };
    const std::span<const View> all(views);
    for (std::size_t at = 0; at < all.size(); at += batch) {
        collector.base = static_cast<std::uint32_t>(at);
        match_views(*matcher_, all.subspan(at, std::min(batch, all.size() - at)), {collect, &collector});
    }
    std::ranges::sort(collector.hits);
    return std::move(collector.hits);
}

template <class View>
void Comparison::compare(const std::vector<View>& views, const Expected& expected, Tally& tally) {
    counted_.clear();
    for (const std::size_t batch : batch_sizes) {
        const Pairs hits = match_all(views, batch);
        if (const auto twice = std::ranges::adjacent_find(hits); twice != hits.end()) {
            ++tally.differences;
            std::fprintf(stderr, "rule %u hit twice, batches of %zu\n", rules_[twice->second].sid, batch);
        }
        Pairs missed;
        Pairs invented;
        std::ranges::set_difference(expected.hits, hits, std::back_inserter(missed));
        std::ranges::set_difference(hits, expected.hits, std::back_inserter(invented));
        for (const Pair& pair : missed) {
            explain(views, pair, false, batch, expected, tally);
        }
        for (const Pair& pair : invented) {
            explain(views, pair, true, batch, expected, tally);
        }
    }
    if (matcher_->counters().scan_failures != 0) {
        throw std::runtime_error("the engine reports scans that failed");
    }
}

// Either side may give up, if it says so.
template <class View>
void Comparison::explain(const std::vector<View>& views, const Pair& pair, bool by_engine, std::size_t batch,
                         const Expected& expected, Tally& tally) {
    if (std::ranges::binary_search(expected.unknown, pair)) {
        return;
    }
    const std::uint64_t before = matcher_->counters().limits_exceeded;
    match_views(*matcher_, {&views[pair.first], 1},
                {[](void*, std::uint32_t, std::uint32_t) noexcept {}, nullptr});
    if (!by_engine && matcher_->counters().limits_exceeded > before) {
        tally.engine_gave_up += counted_.insert(pair).second ? 1 : 0;
        return;
    }
    if (++tally.differences > differences_told_max) {
        return;
    }
    const rules::Rule& rule = rules_[pair.second];
    std::fprintf(stderr, "DIFFERENCE, batches of %zu: engine %s, reference %s\n  %s:%u\n  %s\n  %s\n", batch,
                 by_engine ? "hits" : "does not hit", by_engine ? "does not hit" : "hits", rule.file.c_str(),
                 rule.line, readable(rule.text).c_str(), readable(views[pair.first]).c_str());
}

}  // namespace picket::reference
