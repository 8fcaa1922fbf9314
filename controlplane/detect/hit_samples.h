// A few different URIs of each rule's hits, for the rehearsal of rules on captures.
//
// The drain thread adds, HTTP threads read; thread-safe. Bounded by the number of rules.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/detect/alert_table.h"
#include "controlplane/store/flat_map.h"

namespace picket::detect {

class HitSamples {
  public:
    static constexpr std::size_t uris_max = 3;  // of a rule, the first ones

    void add(const Hit& hit);
    [[nodiscard]] std::vector<std::string> uris(std::uint32_t gid, std::uint32_t sid) const;

  private:
    mutable std::mutex mutex_;
    store::FlatMap<std::uint64_t, std::vector<std::string>> uris_;  // by gid << 32 | sid
};

}  // namespace picket::detect
