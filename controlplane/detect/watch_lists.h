// Named lists of addresses and networks that operators watch.
//
// Thread-safe; lists are immutable and replaced as a whole.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rules/rule_compiler.h"
#include "controlplane/store/problem.h"
#include "controlplane/store/query.h"

namespace picket::detect {

// What flows say about one entry of a list.
struct WatchEntry {
    store::Network network;
    std::uint64_t flows = 0;
    std::uint64_t retrospective = 0;  // of these, flows that no watch list named when they began
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;

    [[nodiscard]] bool seen() const noexcept { return flows > 0; }
    void add(const store::StoredFlow& flow) noexcept;
};

// Adds each flow to every entry that contains one of its ends (once, if both are).
class WatchCount {
  public:
    explicit WatchCount(store::Networks networks);
    void add(const store::StoredFlow& flow);
    [[nodiscard]] const std::vector<WatchEntry>& entries() const noexcept { return entries_; }

  private:
    store::Networks networks_;
    std::vector<WatchEntry> entries_;
};

class WatchLists {
  public:
    // Reads the text and puts the list in place of one of the same name. Lines that are not understood go
    // to rejects, the others load; a text without any entry, a bad name or too many lists are problems.
    std::optional<store::Problem> load(const std::string& name, std::string_view text,
                                       std::vector<store::NetworkLine>& rejects);
    bool remove(const std::string& name);

    [[nodiscard]] store::Networks find(const std::string& name) const;  // nullptr: no such list
    [[nodiscard]] std::map<std::string, store::Networks> all() const;
    // As the rule compiler takes them.
    [[nodiscard]] std::vector<rules::WatchListSource> sources() const;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, store::Networks> lists_;
};

}  // namespace picket::detect
