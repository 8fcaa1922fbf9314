// A rule as it was written: what the parser makes of Snort 2, Snort 3 and Suricata text.
//
// Plain values; own all their bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/api/rule_blob.h"

namespace picket::rules {

// An address set after variables and negations are resolved: sorted, disjoint, inclusive. any: no limit.
struct AddressSet {
    bool any = true;
    std::vector<api::AddressRange> ranges;
};

struct PortSet {
    bool any = true;
    std::vector<api::PortRange> ranges;
};

// One test over a buffer. Meanings of from, to and the flags: api::RuleOption.
struct BufferOption {
    api::RuleOptionKind kind = api::RuleOptionKind::content;
    std::uint8_t flags = 0;
    std::int32_t from = 0;
    std::int32_t to = 0;
    std::string bytes;               // content, or pattern of a pcre
    std::uint32_t pcre_options = 0;  // PCRE2_* compile options
};

// Options over one buffer, in order; relative ones count from the previous match of the chain.
struct OptionChain {
    api::RuleBuffer buffer = api::RuleBuffer::payload;
    std::string field;                                       // buffer `field`: lower-case header name
    api::RuleDirection direction = api::RuleDirection::any;  // of the message, if the keyword names it
    bool empty_is_absent = false;
    std::vector<BufferOption> options;
};

// One flowbits option. Several names: all of them must be set (not set), or any; writers act on each.
struct FlowbitOption {
    api::BitAction action = api::BitAction::set;
    bool any = false;
    std::vector<std::string> names;
};

// Which of a rule's hits alert, counted over time: detect::Thresholds.
enum class ThresholdType : std::uint8_t { limit, threshold, both, detection_filter };
// What is counted by itself: hits with one source, one destination, both of them, or all of the rule's.
enum class ThresholdTrack : std::uint8_t { source, destination, both, rule };

struct Threshold {
    ThresholdType type = ThresholdType::limit;
    ThresholdTrack track = ThresholdTrack::source;
    std::uint32_t count = 1;    // at least 1
    std::uint32_t seconds = 1;  // at least 1
    bool operator==(const Threshold&) const = default;
};

struct Rule {
    std::uint32_t gid = 1;
    std::uint32_t sid = 0;
    std::uint32_t rev = 0;
    std::string message;
    std::string class_type;
    std::uint32_t severity = 3;  // 1 highest: priority, else that of the class type, else 3
    std::vector<std::string> references;
    std::string text;  // the rule on one line
    std::string file;
    std::uint32_t line = 0;  // 1-based, of the rule's beginning

    api::RuleKind kind = api::RuleKind::request;
    std::uint8_t phases = 0;  // api::rule_phases, of a request rule
    bool tcp = true;
    bool udp = false;
    bool both_ways = false;
    api::RuleDirection direction = api::RuleDirection::any;
    api::RuleEstablished established = api::RuleEstablished::any;
    AddressSet source_addresses;
    AddressSet destination_addresses;
    PortSet source_ports;
    PortSet destination_ports;
    std::vector<OptionChain> chains;
    std::vector<FlowbitOption> flowbits;  // in the order of the text
    bool alerts = true;                   // false: noalert
    std::optional<Threshold> threshold;
};

// A rule that could not be honoured exactly, and why. option is the keyword concerned, or "header", "file".
struct Reject {
    std::string file;
    std::uint32_t line = 0;
    std::optional<std::uint32_t> sid;
    std::string option;
    std::string reason;
};

// Two rules with the same gid:sid: the higher rev is kept. Not a reject.
struct Duplicate {
    std::uint32_t gid = 1;
    std::uint32_t sid = 0;
    std::string kept_file;
    std::uint32_t kept_line = 0;
    std::string dropped_file;
    std::uint32_t dropped_line = 0;
};

}  // namespace picket::rules
