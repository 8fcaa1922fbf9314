// First contacts: what a source's first connection to a host and port came to. What scan detection judges.
#pragma once

#include <cstdint>
#include <optional>

#include "controlplane/store/stored_flow.h"

namespace picket::detect {

struct Contact {
    api::Address source;
    api::Address destination;
    std::uint64_t time_ns = 0;  // of its first packet
    std::uint16_t port = 0;     // destination's; of ICMP echoes 0
    std::uint8_t protocol = 0;
    bool failed = false;  // nothing came back, or a refusal
    // It was told already when its third SYN had no answer, unless the event ring was nearly full.
    bool told_before = false;
    bool timed_out = false;  // it has been waited for in vain, and nothing else told that it failed
    // Not 0: the input ended while an answer was waited for since then. It failed if that was long enough.
    std::uint64_t waiting_since_ns = 0;

    bool operator==(const Contact&) const = default;
};

// nullopt: the flow is no contact that tells anything: it was joined midstream, it answers somebody (as what
// forged packets bring back does), its outcome is not known, its protocol has no ports and is no echo, or it
// traces a route.
[[nodiscard]] std::optional<Contact> contact_of(const store::StoredFlow& flow) noexcept;

// Of a flow whose third SYN got no answer: one that fails, as far as is known.
[[nodiscard]] Contact attempt_of(const store::StoredFlow& flow) noexcept;

}  // namespace picket::detect
