// The sessions of an archive: those of earlier picketds, as its manifest has them, and those of this one.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "controlplane/archive/manifest.h"

namespace picket::archive {

class SessionBook {
  public:
    void begin(std::uint64_t run, std::uint64_t begin_ns);
    // Of the last one, if it is open.
    void end(std::uint64_t end_ns);
    // What the directory that was opened knows. One that was away and is back knows our own; another one has
    // nothing of what is committed elsewhere: that time is blind in it.
    void join(const std::vector<Session>& found);

    // For the manifest: all of them, the last one up to end_ns. closing: nothing more comes of it.
    [[nodiscard]] std::vector<Session> all(std::uint64_t end_ns, bool closing) const;
    // Has one begun that the manifest does not know?
    [[nodiscard]] bool are_to_be_entered() const noexcept { return entered_ < own_.size(); }
    [[nodiscard]] std::size_t begun() const noexcept { return own_.size(); }
    // The manifest has `sessions`, the first `begun` of our own among them.
    void note_entered(const std::vector<Session>& sessions, std::size_t begun);

  private:
    std::vector<Session> earlier_;      // of other picketds
    std::vector<Session> own_;          // the last one may be open
    std::size_t entered_ = 0;           // how many of our own the manifest knows
    std::optional<Session> committed_;  // the last one, as it was last committed
};

}  // namespace picket::archive
