#include "dataplane/match/bit_names.h"

namespace picket::match {

std::optional<std::uint32_t> BitNames::id_of(std::string_view name) {
    if (const auto found = ids_.find(name); found != ids_.end()) {
        return found->second;
    }
    if (ids_.size() == names_max) {
        return std::nullopt;
    }
    const auto id = static_cast<std::uint32_t>(ids_.size());
    ids_.emplace(name, id);
    return id;
}

}  // namespace picket::match
