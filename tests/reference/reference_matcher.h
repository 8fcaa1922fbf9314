// Whether a rule holds, found out the slow and obvious way: no filter, no batch, no blob, no JIT.
//
// Takes the parsed rule and maps, option by option, the set of positions that are possible before it to the
// set of those that are possible after it. Shares no code with dataplane/match, nor with controlplane/rules
// beyond the parsed rule. Source: docs/rules.md (What matches). Flowbits and thresholds are not looked at.
#pragma once

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "controlplane/rules/rule.h"
#include "tests/reference/reference_texts.h"

namespace picket::reference {

// given_up: a pattern took more steps than anybody waits for, and nobody knows.
enum class Verdict : std::uint8_t { no, yes, given_up };

class ReferenceRule {
  public:
    // The rule must outlive it. Throws std::runtime_error if PCRE2 does not take one of its patterns.
    explicit ReferenceRule(const rules::Rule& rule);

    // False if the rule is about another kind of message, or about other ends.
    [[nodiscard]] Verdict judge(const Message& message) const;
    [[nodiscard]] bool concerns(const Message& message) const;

  private:
    using Positions = std::vector<std::size_t>;  // sorted, each once
    struct PcreFree {
        void operator()(pcre2_code* code) const { pcre2_code_free(code); }
    };
    using Pcre = std::unique_ptr<pcre2_code, PcreFree>;
    struct Step {
        const rules::BufferOption* option;
        Pcre pcre;
        bool counted_from;  // a later option is relative: all its ends are of interest, not just one
    };
    struct Chain {
        const rules::OptionChain* chain;
        std::vector<Step> steps;
    };

    static bool chain_holds(const Chain& chain, const Message& message);
    static bool text_holds(const Chain& chain, const Text& text, const Message& message);
    static Positions after(const Step& step, const Text& text, const Message& message,
                           const Positions& before);
    static void add_content_ends(const Step& step, const Text& text, std::size_t base, Positions& ends);
    static void add_pcre_ends(const Step& step, const Text& text, std::size_t base, Positions& ends);

    const rules::Rule& rule_;
    std::vector<Chain> chains_;
};

}  // namespace picket::reference
