#include "dataplane/housekeeping/privileges.h"

#include <cap-ng.h>
#include <sys/prctl.h>

#include <array>

#include "dataplane/api/setup_error.h"

namespace picket::housekeeping {

void drop_privileges() {
    capng_get_caps_process();
    constexpr std::array kept{CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_IPC_LOCK};
    std::array<bool, kept.size()> had{};
    for (std::size_t i = 0; i < kept.size(); ++i)
        had[i] = capng_have_capability(CAPNG_EFFECTIVE, kept[i]) != 0;
    capng_clear(CAPNG_SELECT_CAPS);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        if (had[i])
            capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), kept[i]);
    }
    if (capng_apply(CAPNG_SELECT_CAPS) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        throw SetupError("privileges", "the kernel does not let go of them",
                         "check the security module's log");
    }
}

}  // namespace picket::housekeeping
