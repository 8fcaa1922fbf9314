// The generations of rules that an archive's rows name, each kept as a file.
//
// A generation's number in the archive is made of its own number and a hash of its text, so that it is known
// before the archive is, and the same after a restart. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/archive/durable.h"
#include "controlplane/archive/manifest.h"
#include "controlplane/store/rule_directory.h"

namespace picket::archive {

class RuleSets {
  public:
    explicit RuleSets(const store::RuleDirectory& rules) : rules_(rules) {}

    // The archive's number of a generation of the data plane; 0 if its text is not known (any more).
    [[nodiscard]] std::uint32_t archived(std::uint32_t generation);
    [[nodiscard]] std::shared_ptr<const store::RuleGeneration> find(std::uint32_t archived) const;

    // Reads the sets that a manifest names. What cannot be read is told, and unknown then.
    void load(const DurableDirectory& directory, const std::vector<RuleSet>& sets,
              std::vector<std::string>& notes);
    // Writes the files of sets that came since; they are to be entered in the manifest.
    [[nodiscard]] Failure write(DurableDirectory& directory, std::vector<RuleSet>& written);
    // They have been entered.
    void entered(const std::vector<RuleSet>& written);

  private:
    const store::RuleDirectory& rules_;
    mutable std::mutex mutex_;
    std::map<std::uint32_t, std::uint32_t> numbers_;  // of the data plane to the archive's
    std::map<std::uint32_t, std::shared_ptr<const store::RuleGeneration>> sets_;
    std::vector<std::pair<RuleSet, std::string>> pending_;  // with their text
};

}  // namespace picket::archive
