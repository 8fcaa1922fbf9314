// A record of a foreign flow log, as a flow of the archive.
//
// Such logs know who, when and how much. What they do not know stays absent: such a flow has the flag
// flow_imported, no TTL, IP ID, TOS, history or payload, and its outcome is unknown unless both directions
// are told.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/store/stored_flow.h"

namespace picket::importer {

// Text of a log to nanoseconds of UTC; nothing if it is no time.
using ParseTime = std::function<std::optional<std::uint64_t>(std::string_view)>;

// What one line has become.
struct ForeignLine {
    std::optional<store::StoredFlow> flow;  // nothing: see why
    bool masked = false;                    // an address was not told: it is 0.0.0.0
    std::string why;                        // what is wrong with the line; empty if it has no record
};

// An empty flow with what all imported ones share.
[[nodiscard]] store::StoredFlow new_flow();

// An address in any notation; "XXX.XXX.XXX.XXX" and its like are 0.0.0.0 and set masked.
[[nodiscard]] std::optional<api::Address> parse_end(std::string_view text, bool& masked);

// Decimal digits, nothing else.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

// Sets ports of protocols that have some; else they are 0, as of Picket's own flows.
void set_ports(store::StoredFlow& flow, std::uint16_t source, std::uint16_t destination) noexcept;

// Sets packets, bytes and times of both directions from what the record tells of each; empty text: nothing
// is wrong. REQUIRES: start_ns, last_ns and the four counts are set.
[[nodiscard]] std::string complete(store::StoredFlow& flow);

}  // namespace picket::importer
