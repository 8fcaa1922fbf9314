// Keywords of rule options: which name a buffer, which carry no meaning here, what class types are worth.
//
// Constant tables; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/api/rule_blob.h"

namespace picket::rules {

struct BufferName {
    api::RuleBuffer buffer = api::RuleBuffer::payload;
    std::string field;                                       // buffer `field`: lower-case header name
    api::RuleDirection direction = api::RuleDirection::any;  // of the message, if the keyword names it
};

// Suricata's http.* keywords and pkt_data: they choose the buffer of what follows.
std::optional<BufferName> sticky_buffer(std::string_view name);

// http_uri and its kin: modifiers of the content before them in Snort 2 and Suricata, sticky in Snort 3.
// value: Snort 3's argument ("field user-agent"), empty for none. nullopt if not supported.
std::optional<BufferName> http_buffer(std::string_view name, std::string_view value);
// True for http_… names that are not sticky in Suricata.
bool is_http_buffer_name(std::string_view name);

// The buffer of a pcre's flag, in Snort 2 and Suricata.
std::optional<BufferName> pcre_buffer(char flag);
// How a rule names a buffer in reports: "http.uri", "http.header:x-name", "payload".
std::string buffer_name(const BufferName& buffer);

// Options that change nothing about which packets match.
bool is_meaningless(std::string_view name);

// Why a known option is not supported, or an empty view if the option is not known at all.
std::string_view unsupported_reason(std::string_view name);

// Severity 1 to 4 of a class type of the classification files that Snort and Suricata ship; 3 if unknown.
std::uint32_t class_severity(std::string_view class_type);

}  // namespace picket::rules
