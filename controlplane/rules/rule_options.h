// The option part of one rule: keywords to buffer tests.
#pragma once

#include <string>
#include <vector>

#include "controlplane/rules/rule.h"
#include "controlplane/rules/rule_text.h"

namespace picket::rules {

enum class Syntax {
    classic,  // Snort 2 and Suricata: modifiers follow their content; http.* are sticky
    snort3,   // modifiers stand in the content option, http_* are sticky
};

// Which syntax a rule is written in: by its own evidence, else as the dialect suggests.
Syntax detect_syntax(const RuleParts& parts, api::Dialect dialect);

struct OptionFault {
    std::string option;
    std::string reason;
    explicit operator bool() const { return !reason.empty(); }
};

// What options say that only the whole rule can judge.
struct OptionRemarks {
    bool service_http = false;  // service:http
    bool stream_only = false;   // flow:only_stream
    bool packet_only = false;   // flow:no_stream
};

// Fills everything of rule that its options say: identity, flow, chains (over buffers as named; the caller
// decides what plain contents mean).
OptionFault parse_options(const std::vector<OptionText>& options, Syntax syntax, api::Dialect dialect,
                          Rule& rule, OptionRemarks& remarks);

}  // namespace picket::rules
