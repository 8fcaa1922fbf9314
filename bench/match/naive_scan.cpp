#include "bench/match/naive_scan.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "controlplane/rules/engine_trials.h"
#include "controlplane/rules/filter_pattern.h"
#include "controlplane/rules/pcre_check.h"

namespace picket::bench {
namespace {

using api::RuleBuffer;
using Pattern = std::pair<std::string, unsigned>;

bool is_uri(RuleBuffer buffer) {
    return buffer == RuleBuffer::uri || buffer == RuleBuffer::raw_uri;
}

bool is_found_by_raw_uri(const rules::OptionChain& chain) {
    return chain.buffer == RuleBuffer::raw_uri &&
           std::ranges::any_of(chain.options, [](const rules::BufferOption& option) {
               const bool is_pcre =
                   option.kind == api::RuleOptionKind::pcre && (option.flags & api::option_relative) == 0;
               return (option.flags & api::option_negated) == 0 &&
                      (is_pcre || option.kind == api::RuleOptionKind::content);
           });
}

// The elements of a rule that can be looked for in its URI, or in its request as a whole.
std::set<Pattern> elements_of(const rules::Rule& rule, bool heads, rules::EngineTrials& trials) {
    std::set<Pattern> found;
    for (const rules::OptionChain& chain : rule.chains) {
        if (chain.buffer == RuleBuffer::method || is_uri(chain.buffer) == heads) {
            continue;
        }
        for (const rules::BufferOption& option : chain.options) {
            if ((option.flags & api::option_negated) != 0) {
                continue;
            }
            if (option.kind == api::RuleOptionKind::content) {
                const bool nocase =
                    (option.flags & api::option_nocase) != 0 || chain.buffer == RuleBuffer::host;
                found.insert(
                    {rules::literal_pattern(option.bytes), nocase ? unsigned{HS_FLAG_CASELESS} : 0u});
            } else if (option.kind == api::RuleOptionKind::pcre && !heads &&
                       (option.flags & api::option_relative) == 0) {
                const auto relaxed = rules::relax_pattern(option.bytes, option.pcre_options);
                unsigned flags = HS_FLAG_PREFILTER | HS_FLAG_MULTILINE;
                flags |= (option.pcre_options & PCRE2_CASELESS) != 0 ? HS_FLAG_CASELESS : 0;
                flags |= (option.pcre_options & PCRE2_DOTALL) != 0 ? HS_FLAG_DOTALL : 0;
                if (relaxed && relaxed->find('\0') == std::string::npos && trials.accepts(*relaxed, flags)) {
                    found.insert({*relaxed, flags});
                }
            }
        }
    }
    return found;
}

}  // namespace

NaiveScan::NaiveScan(const std::vector<rules::Rule>& rules, const match::RuleSet& set)
    : tables_(set.tables()),
      needed_(rules.size()),
      progress_(rules.size()),
      candidates_(rules.size()),
      judge_(tables_) {
    collect(rules, false, uri_);
    collect(rules, true, head_);
    for (std::uint32_t rule = 0; rule < rules.size(); ++rule) {
        if (needed_[rule] == 0 && rules[rule].kind == api::RuleKind::request) {
            always_.push_back(rule);
        }
    }
}

NaiveScan::~NaiveScan() {
    hs_free_scratch(scratch_);
}

void NaiveScan::collect(const std::vector<rules::Rule>& rules, bool heads, Elements& elements) {
    std::map<Pattern, std::uint32_t> places;
    rules::EngineTrials trials;
    for (std::uint32_t rule = 0; rule < rules.size(); ++rule) {
        if (rules[rule].kind != api::RuleKind::request) {
            continue;
        }
        raw_uri_wanted_ = raw_uri_wanted_ || std::ranges::any_of(rules[rule].chains, is_found_by_raw_uri);
        for (const Pattern& pattern : elements_of(rules[rule], heads, trials)) {
            const auto [place, is_new] =
                places.try_emplace(pattern, static_cast<std::uint32_t>(elements.lists.size()));
            if (is_new) {
                elements.lists.emplace_back();
            }
            elements.lists[place->second].push_back(rule);
            ++needed_[rule];
        }
    }
    elements.seen.resize(elements.lists.size());
    if (places.empty()) {
        return;
    }
    std::vector<const char*> expressions;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;
    for (const auto& [pattern, id] : places) {
        expressions.push_back(pattern.first.c_str());
        flags.push_back(pattern.second);
        ids.push_back(id);
    }
    hs_database_t* database = nullptr;
    hs_compile_error_t* fault = nullptr;
    if (hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()),
                         HS_MODE_BLOCK, nullptr, &database, &fault) != HS_SUCCESS) {
        const std::string reason = fault->message;
        hs_free_compile_error(fault);
        throw std::runtime_error("the naive database does not compile: " + reason);
    }
    elements.database.reset(database);
    if (hs_alloc_scratch(database, &scratch_) != HS_SUCCESS) {
        throw std::runtime_error("memory does not suffice for the naive scan");
    }
}

void NaiveScan::see(Elements& elements, std::uint32_t element) noexcept {
    if (elements.seen[element] == request_) {
        return;
    }
    elements.seen[element] = request_;
    for (const std::uint32_t rule : elements.lists[element]) {
        Progress& progress = progress_[rule];
        if (progress.request != request_) {
            progress = {request_, 0};
        }
        if (++progress.elements == needed_[rule]) {
            candidates_[candidate_count_++] = rule;
        }
    }
}

void NaiveScan::scan(Elements& elements, std::string_view text) noexcept {
    if (!elements.database || text.empty()) {
        return;
    }
    scanning_ = &elements;
    hs_scan(
        elements.database.get(), text.data(), static_cast<unsigned>(text.size()), 0, scratch_,
        [](unsigned id, unsigned long long, unsigned long long, unsigned, void* self) {
            auto* naive = static_cast<NaiveScan*>(self);
            naive->see(*naive->scanning_, id);
            return 0;
        },
        this);
}

void NaiveScan::match(const match::RequestView& request, std::uint32_t index, match::HitSink sink) noexcept {
    ++request_;
    candidate_count_ = 0;
    scan(uri_, request.normalized_uri);
    if (raw_uri_wanted_ && request.raw_uri != request.normalized_uri) {
        scan(uri_, request.raw_uri);
    }
    scan(head_, request.request);
    judge_.set_request(request);
    const auto judge = [&](std::uint32_t rule) {
        ++judged_;
        if (judge_.rule_holds(tables_.view.rules[rule])) {
            sink.call(sink.context, index, rule);
        }
    };
    for (std::size_t i = 0; i < candidate_count_; ++i) {
        judge(candidates_[i]);
    }
    for (const std::uint32_t rule : always_) {
        judge(rule);
    }
}

}  // namespace picket::bench
