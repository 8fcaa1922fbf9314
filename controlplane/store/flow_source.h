// Where ended flows come from: today the memory of picketd, later the archive too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "controlplane/store/stored_flow.h"

namespace picket::store {

// What a source held at one moment. References given out stay valid as long as the snapshot lives.
// Immutable, so any number of threads may read it.
class FlowSnapshot {
  public:
    virtual ~FlowSnapshot() = default;

    // Every part kept, in no particular order. A part number of a flow appears once; parts that were
    // thrown out to save memory appear added up in one that carries the newest of their numbers.
    virtual void for_each_part(const std::function<void(const StoredFlow&)>& visit) const = 0;

    // Flows that ended before this may be missing. 0: nothing is missing.
    [[nodiscard]] virtual std::uint64_t horizon_ns() const = 0;
};

class FlowSource {
  public:
    virtual ~FlowSource() = default;
    [[nodiscard]] virtual std::shared_ptr<const FlowSnapshot> snapshot() const = 0;
};

}  // namespace picket::store
