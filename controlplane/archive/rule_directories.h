// What the rules of flows mean, wherever the flows come from: the data plane's generations, and the
// archive's.
#pragma once

#include <cstdint>
#include <memory>

#include "controlplane/archive/archive.h"
#include "controlplane/store/rule_directory.h"

namespace picket::archive {

class RuleDirectories final : public store::RuleDirectory {
  public:
    // archive may be nullptr.
    RuleDirectories(const store::RuleDirectory& present, const Archive* archive)
        : present_(present), archive_(archive) {}

    [[nodiscard]] std::shared_ptr<const store::RuleGeneration> generation(
        std::uint32_t number) const override {
        if (archive_ != nullptr && Archive::is_archived(number)) return archive_->generation(number);
        return present_.generation(number);
    }

  private:
    const store::RuleDirectory& present_;
    const Archive* archive_;
};

}  // namespace picket::archive
