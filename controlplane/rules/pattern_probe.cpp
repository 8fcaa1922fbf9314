#include "controlplane/rules/pattern_probe.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "controlplane/rules/filter_pattern.h"
#include "controlplane/rules/pcre_check.h"
#include "dataplane/api/rule_limits.h"

namespace picket::rules {
namespace {

template <auto free>
struct Free {
    void operator()(auto* object) const { free(object); }
};

class Prober {
  public:
    Prober() {
        pcre2_set_match_limit(limits_.get(), api::pcre_match_limit);
        pcre2_set_depth_limit(limits_.get(), api::pcre_depth_limit);
        pcre2_jit_stack_assign(limits_.get(), nullptr, stack_.get());
        pcre2_set_newline(compiling_.get(), PCRE2_NEWLINE_LF);
    }

    // True if some text exceeds the bounds.
    bool is_slow(std::string_view pattern, std::uint32_t options) {
        int fault = 0;
        PCRE2_SIZE at = 0;
        const std::unique_ptr<pcre2_code, Free<pcre2_code_free>> code(pcre2_compile(
            reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
            options | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &fault, &at, compiling_.get()));
        if (!code) return false;  // such a rule was rejected
        pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
        const std::vector<std::string> literals = literal_runs(pattern);
        std::string all;
        for (const std::string& literal : literals) all += literal;
        all += pattern;  // for what is a literal to PCRE2 alone, as [;]
        std::string prefix;
        for (std::size_t i = 0; i <= std::min(literals.size(), prefixes_max); ++i) {
            if (i < literals.size() && exceeds(*code, prefix, literals[i], all)) return true;
            for (const char& byte : common) {
                if (exceeds(*code, prefix, {&byte, 1}, all)) return true;
            }
            if (i < literals.size()) prefix += literals[i];
        }
        return false;
    }

  private:
    static constexpr std::size_t prefixes_max = 4;
    static constexpr std::string_view common = "a0 /";

    // Behind the repeats a byte that nothing expects; then, a second time, all literals as well: a text that
    // lacks what every match must hold is not looked at any further.
    bool exceeds(const pcre2_code& code, std::string_view prefix, std::string_view repeated,
                 std::string_view all) {
        text_ = prefix.substr(0, probe_text_bytes / 2);
        while (text_.size() + repeated.size() < probe_text_bytes) text_ += repeated;
        text_ += '\x01';
        if (gives_up(code)) return true;
        text_ += all;
        return gives_up(code);
    }
    bool gives_up(const pcre2_code& code) {
        const int result = pcre2_match(&code, reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(), 0, 0,
                                       data_.get(), limits_.get());
        return result < 0 && result != PCRE2_ERROR_NOMATCH;
    }

    std::unique_ptr<pcre2_compile_context, Free<pcre2_compile_context_free>> compiling_{
        pcre2_compile_context_create(nullptr)};
    std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>> limits_{
        pcre2_match_context_create(nullptr)};
    std::unique_ptr<pcre2_jit_stack, Free<pcre2_jit_stack_free>> stack_{
        pcre2_jit_stack_create(api::pcre_stack_bytes, api::pcre_stack_bytes_max, nullptr)};
    std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>> data_{pcre2_match_data_create(1, nullptr)};
    std::string text_;
};

}  // namespace

std::vector<CostNote> probe_patterns(const std::vector<Rule>& rules) {
    std::vector<CostNote> notes;
    Prober prober;
    for (const Rule& rule : rules) {
        for (const OptionChain& chain : rule.chains) {
            for (const BufferOption& option : chain.options) {
                if (option.kind != api::RuleOptionKind::pcre ||
                    !prober.is_slow(option.bytes, option.pcre_options)) {
                    continue;
                }
                notes.push_back({rule.file, rule.line, rule.sid, "pcre",
                                 "is given up on some texts of " + std::to_string(probe_text_bytes) +
                                     " bytes, after " + std::to_string(api::pcre_match_limit) +
                                     " steps: no hit there"});
            }
        }
    }
    return notes;
}

}  // namespace picket::rules
