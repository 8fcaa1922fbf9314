#include "controlplane/detect/hit_samples.h"

#include <algorithm>

namespace picket::detect {

void HitSamples::add(const Hit& hit) {
    if (hit.sid == 0 || hit.uri.empty()) return;
    const std::lock_guard lock(mutex_);
    auto& uris = uris_[std::uint64_t{hit.gid} << 32 | hit.sid];
    if (uris.size() < uris_max && std::ranges::find(uris, hit.uri) == uris.end()) uris.push_back(hit.uri);
}

std::vector<std::string> HitSamples::uris(std::uint32_t gid, std::uint32_t sid) const {
    const std::lock_guard lock(mutex_);
    const auto* found = uris_.find(std::uint64_t{gid} << 32 | sid);
    return found != nullptr ? *found : std::vector<std::string>();
}

}  // namespace picket::detect
