#include "dataplane/flow/flow_key.h"

#include <sys/random.h>

#include "dataplane/api/setup_error.h"

namespace picket::flow {

KeyedHash::Secrets KeyedHash::random_secrets() {
    Secrets secrets{};
    if (getrandom(secrets.data(), sizeof secrets, 0) != static_cast<ssize_t>(sizeof secrets)) {
        throw SetupError("flow hash", "the kernel gives no random bytes",
                         "check getrandom(2) on this system");
    }
    return secrets;
}

}  // namespace picket::flow
