#include "controlplane/archive/coverage_history.h"

#include <algorithm>

namespace picket::archive {

std::uint64_t blind_ns(std::span<const Session> sessions, std::uint64_t begin_ns,
                       std::uint64_t end_ns) noexcept {
    std::uint64_t blind = 0;
    // Sessions follow each other; what one leaves uncovered ends where the next one begins.
    for (const auto& session : sessions) {
        if (begin_ns >= end_ns) break;
        if (session.end_ns <= begin_ns) continue;
        if (session.begin_ns > begin_ns) blind += std::min(session.begin_ns, end_ns) - begin_ns;
        begin_ns = std::max(begin_ns, session.end_ns);
    }
    return begin_ns < end_ns ? blind + (end_ns - begin_ns) : blind;
}

}  // namespace picket::archive
