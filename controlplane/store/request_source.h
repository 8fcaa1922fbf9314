// Where the HTTP requests of flows come from: the memory of picketd, or the archive.
#pragma once

#include <vector>

#include "controlplane/store/stored_request.h"

namespace picket::store {

class RequestSource {
  public:
    virtual ~RequestSource() = default;
    // Requests of a flow that are kept, in their order. Thread-safe.
    [[nodiscard]] virtual std::vector<StoredRequest> of_flow(const FlowKey& flow) const = 0;
};

}  // namespace picket::store
