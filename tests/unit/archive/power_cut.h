// A small disk whose power can be cut: what was not synced is gone, as after the end of a machine.
//
// An ext4 in a file, mounted in a mount namespace of this process, which ends with it. Needs root. Not
// thread-safe but for cut().
#pragma once

#include <string>

namespace picket::tests {

class PowerCutDisk {
  public:
    // Makes the file system and mounts it there. why() tells if it cannot be had here.
    explicit PowerCutDisk(const std::string& mount_point);
    ~PowerCutDisk();
    PowerCutDisk(const PowerCutDisk&) = delete;
    PowerCutDisk& operator=(const PowerCutDisk&) = delete;

    [[nodiscard]] const std::string& why() const noexcept { return why_; }
    // From now on nothing gets to the disk, not even what its journal holds in memory.
    // False if it cannot be.
    [[nodiscard]] bool cut() const;
    // Power is back: mounts it again, which replays the journal. False if it cannot be.
    [[nodiscard]] bool restore();

  private:
    [[nodiscard]] bool mount() const;

    std::string mount_point_;
    std::string image_;
    std::string why_;
    bool mounted_ = false;
};

}  // namespace picket::tests
