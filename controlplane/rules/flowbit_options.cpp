#include "controlplane/rules/flowbit_options.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

using api::BitAction;

constexpr std::size_t options_max = 64;  // of one rule
constexpr std::size_t names_max = 64;    // of one option

std::optional<BitAction> action_of(std::string_view word) {
    if (word == "set") {
        return BitAction::set;
    }
    if (word == "unset") {
        return BitAction::unset;
    }
    if (word == "toggle") {
        return BitAction::toggle;
    }
    if (word == "isset") {
        return BitAction::is_set;
    }
    return word == "isnotset" ? std::optional(BitAction::is_not_set) : std::nullopt;
}

bool tests(const FlowbitOption& option) {
    return api::bit_action_tests(option.action);
}

// What a bit needs to change from its state at a flow's beginning.
bool can_set(const FlowbitOption& option) {
    return option.action == BitAction::set || option.action == BitAction::toggle;
}

std::string parse_names(std::string_view text, char separator, std::vector<std::string>& names) {
    while (true) {
        const std::size_t end = std::min(text.find(separator), text.size());
        const std::string_view name = trim(text.substr(0, end));
        if (name.empty()) {
            return "names no bit";
        }
        if (std::ranges::find(names, name) == names.end()) {
            names.emplace_back(name);
        }
        if (end == text.size()) {
            break;
        }
        text.remove_prefix(end + 1);
    }
    return names.size() > names_max ? "names more than " + std::to_string(names_max) + " bits" : "";
}

// The first test of the rule that no bit of `settable` can meet, or an empty string.
std::string hopeless_test(const Rule& rule, const std::set<std::string>& settable) {
    for (const FlowbitOption& option : rule.flowbits) {
        if (!tests(option)) {
            continue;
        }
        const auto has_setter = [&](const std::string& name) { return settable.contains(name); };
        const bool any_suffices = option.any && option.action == BitAction::is_set;
        const auto missing = std::ranges::find_if_not(option.names, has_setter);
        if (missing == option.names.end() ||
            (any_suffices && std::ranges::any_of(option.names, has_setter))) {
            continue;
        }
        return *missing;
    }
    return "";
}

std::set<std::string> settable_bits(const std::vector<Rule>& rules) {
    std::set<std::string> settable;
    for (const Rule& rule : rules) {
        for (const FlowbitOption& option : rule.flowbits) {
            if (can_set(option)) {
                settable.insert(option.names.begin(), option.names.end());
            }
        }
    }
    return settable;
}

// Sorts rules so that writers of bits come before testers.
class FlowbitOrder {
  public:
    explicit FlowbitOrder(const std::vector<Rule>& rules) {
        for (std::uint32_t index = 0; index < rules.size(); ++index) {
            if (!rules[index].flowbits.empty() || !rules[index].alerts) {
                add(index, rules[index]);
            }
        }
    }

    std::vector<std::uint32_t> run() {
        for (const auto& [index, node] : nodes_) {
            for (const std::string& name : node.tests) {
                nodes_.at(index).waits_for +=
                    bits_[name].writers.size() - (node.writes.contains(name) ? 1 : 0);
            }
        }
        for (const auto& [index, node] : nodes_) {
            left_.insert(index);
            if (node.waits_for == 0) {
                ready_.insert(index);
            }
        }
        while (!left_.empty()) {
            take(ready_.empty() ? break_circle() : *ready_.begin());
        }
        return std::move(order_);
    }

  private:
    struct Node {
        std::set<std::string> tests;
        std::set<std::string> writes;
        std::size_t waits_for = 0;  // (tested bit, writer) pairs that are not judged yet
    };
    struct Bit {
        std::vector<std::uint32_t> writers;
        std::vector<std::uint32_t> testers;
    };

    void add(std::uint32_t index, const Rule& rule) {
        Node& node = nodes_[index];
        for (const FlowbitOption& option : rule.flowbits) {
            (tests(option) ? node.tests : node.writes).insert(option.names.begin(), option.names.end());
        }
        for (const std::string& name : node.tests) {
            bits_[name].testers.push_back(index);
        }
        for (const std::string& name : node.writes) {
            bits_[name].writers.push_back(index);
        }
    }

    [[nodiscard]] std::uint32_t break_circle() const {
        return *std::ranges::find_if(
            left_, [this](std::uint32_t index) { return !nodes_.at(index).writes.empty(); });
    }

    void take(std::uint32_t index) {
        left_.erase(index);
        ready_.erase(index);
        order_.push_back(index);
        for (const std::string& name : nodes_.at(index).writes) {
            for (const std::uint32_t tester : bits_.at(name).testers) {
                if (tester == index) {
                    continue;
                }
                if (--nodes_.at(tester).waits_for == 0 && left_.contains(tester)) {
                    ready_.insert(tester);
                }
            }
        }
    }

    std::map<std::uint32_t, Node> nodes_;
    std::map<std::string, Bit> bits_;
    std::set<std::uint32_t> left_;
    std::set<std::uint32_t> ready_;
    std::vector<std::uint32_t> order_;
};

}  // namespace

std::string parse_flowbits(std::string_view value, bool suricata, Rule& rule) {
    const std::size_t end = std::min(value.find_first_of(",:"), value.size());
    const std::string word = lower_case(trim(value.substr(0, end)));
    if (word == "noalert" && end == value.size()) {
        rule.alerts = false;
        return "";
    }
    const std::optional<BitAction> action = action_of(word);
    if (!action || end == value.size()) {
        return "needs set, unset, toggle, isset or isnotset with a name, or noalert; not '" +
               std::string(value) + "'";
    }
    const std::string_view names = value.substr(end + 1);
    if (names.find(',') != std::string_view::npos) {
        return "names a group of bits, which is not supported";
    }
    if (rule.flowbits.size() == options_max) {
        return "is one of more than " + std::to_string(options_max) + " of its rule";
    }
    FlowbitOption option;
    option.action = *action;
    option.any = names.find('|') != std::string_view::npos;
    if (option.any && names.find('&') != std::string_view::npos) {
        return "joins names by both & and |";
    }
    if (option.any && !api::bit_action_tests(*action)) {
        return "joins names by |, which only isset and isnotset can";
    }
    if (std::string fault = parse_names(names, option.any ? '|' : '&', option.names); !fault.empty()) {
        return fault;
    }
    // As it is stored, any asks for one of the names to be in the state that is tested for. Snort denies the
    // whole expression: not (a or b) is neither.
    if (*action == BitAction::is_not_set && !suricata && option.names.size() > 1) {
        option.any = !option.any;
    }
    rule.flowbits.push_back(std::move(option));
    return "";
}

void reject_unset_flowbits(ParsedRules& parsed) {
    for (bool changed = true; changed;) {
        changed = false;
        const std::set<std::string> settable = settable_bits(parsed.rules);
        std::erase_if(parsed.rules, [&](const Rule& rule) {
            const std::string name = hopeless_test(rule, settable);
            if (name.empty()) {
                return false;
            }
            parsed.rejects.push_back({rule.file, rule.line, rule.sid, "flowbits",
                                      "tests '" + name + "', which no rule that is loaded sets"});
            changed = true;
            return true;
        });
    }
}

std::vector<bool> find_mute_rules(const std::vector<Rule>& rules) {
    std::vector<bool> mute(rules.size());
    std::set<std::string> needed;
    const auto need_tests_of = [&](const Rule& rule) {
        for (const FlowbitOption& option : rule.flowbits) {
            if (tests(option)) needed.insert(option.names.begin(), option.names.end());
        }
    };
    for (std::size_t i = 0; i < rules.size(); ++i) {
        mute[i] = !rules[i].alerts;
        if (rules[i].alerts) need_tests_of(rules[i]);
    }
    const auto writes_needed = [&](const FlowbitOption& option) {
        return !tests(option) &&
               std::ranges::any_of(option.names, [&](const auto& name) { return needed.contains(name); });
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (!mute[i] || std::ranges::none_of(rules[i].flowbits, writes_needed)) continue;
            mute[i] = false;
            changed = true;
            need_tests_of(rules[i]);
        }
    }
    return mute;
}

std::vector<std::uint32_t> order_by_flowbits(const std::vector<Rule>& rules) {
    return FlowbitOrder(rules).run();
}

}  // namespace picket::rules
