#include "dataplane/match/bit_judge.h"

#include <algorithm>

#include "dataplane/match/rule_tables.h"

namespace picket::match {
namespace {

std::span<const std::uint32_t> bits_of(const RuleSet::Tables& tables, const api::BitOption& option) noexcept {
    return std::span(tables.bits).subspan(option.bit_first, option.bit_count);
}

bool test_holds(const RuleSet::Tables& tables, const api::BitOption& option, const FlowBits& bits,
                std::uint32_t flow) noexcept {
    const bool wanted = option.action == api::BitAction::is_set;
    const auto is_so = [&](std::uint32_t bit) { return bits.is_set(flow, bit) == wanted; };
    const auto asked = bits_of(tables, option);
    return option.any != 0 ? std::ranges::any_of(asked, is_so) : std::ranges::all_of(asked, is_so);
}

// False if a bit could not be set.
bool write_bits(const RuleSet::Tables& tables, const api::BitOption& option, FlowBits& bits,
                std::uint32_t flow) noexcept {
    bool kept = true;
    for (const std::uint32_t bit : bits_of(tables, option)) {
        const bool clears = option.action == api::BitAction::unset ||
                            (option.action == api::BitAction::toggle && bits.is_set(flow, bit));
        if (clears) {
            bits.unset(flow, bit);
        } else {
            kept &= bits.set(flow, bit);
        }
    }
    return kept;
}

}  // namespace

BitJudge::BitJudge(const RuleSet::Tables& tables) : tables_(tables) {
    waiting_.reserve(tables.view.bit_rules.size() * waiting_texts_max);
}

bool BitJudge::concerns(std::uint32_t rule) const noexcept {
    return (tables_.view.rules[rule].flags & api::rule_keeps_bits) != 0;
}

void BitJudge::wait(std::uint32_t packet, WaitingHit::Kind kind, std::uint32_t index,
                    std::uint32_t rule) noexcept {
    waiting_.emplace_back(packet, kind, index, tables_.bit_rule_of[rule]);
}

std::span<const WaitingHit> BitJudge::waiting() noexcept {
    std::ranges::sort(waiting_);
    return waiting_;
}

BitVerdict BitJudge::judge(const WaitingHit& hit, FlowBits& bits, std::uint32_t flow,
                           bool& bits_lost) const noexcept {
    const api::BitRule& rule = tables_.view.bit_rules[hit.order()];
    const auto options = tables_.view.bit_options.subspan(rule.option_first, rule.option_count);
    for (const api::BitOption& option : options) {
        if (!api::bit_action_tests(option.action)) continue;
        if (bits_lost) return BitVerdict::unjudged;
        if (!test_holds(tables_, option, bits, flow)) return BitVerdict::fails;
    }
    for (const api::BitOption& option : options) {
        if (!api::bit_action_tests(option.action) && !write_bits(tables_, option, bits, flow)) {
            bits_lost = true;
        }
    }
    return rule.silent != 0 ? BitVerdict::silent : BitVerdict::hits;
}

std::uint32_t BitJudge::rule_of(const WaitingHit& hit) const noexcept {
    return tables_.view.bit_rules[hit.order()].rule;
}

}  // namespace picket::match
