// The watch lists beside an archive's rows, so that questions about a closed archive can name them.
//
// texts() and by_hand() are thread-safe; else the archive's thread alone loads and writes.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "controlplane/archive/durable.h"
#include "controlplane/archive/manifest.h"
#include "controlplane/store/query.h"

namespace picket::archive {

class WatchTexts {
  public:
    using Lists = std::map<std::string, store::Networks>;
    // present may be empty: then the lists stay as they were loaded.
    WatchTexts(std::function<Lists()> present, std::set<std::string> configured)
        : present_(std::move(present)), configured_(std::move(configured)) {}

    void load(const DurableDirectory& directory, const std::vector<WatchFile>& files,
              std::vector<std::string>& notes);
    // Writes the lists that have changed. `files` becomes what the manifest is to name.
    [[nodiscard]] Failure write(DurableDirectory& directory, std::vector<WatchFile>& files);

    // By name: an address or network a line.
    [[nodiscard]] std::map<std::string, std::string> texts() const;
    // Those of them that no configuration had named when they were written. They stay in the directory until
    // they are present, and are no more.
    [[nodiscard]] std::map<std::string, std::string> by_hand() const;

  private:
    std::function<Lists()> present_;
    std::set<std::string> configured_;
    Lists written_;
    mutable std::mutex mutex_;
    std::map<std::string, std::string> texts_;
    std::set<std::string> by_hand_;
};

}  // namespace picket::archive
