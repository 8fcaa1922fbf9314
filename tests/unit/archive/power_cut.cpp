#include "tests/unit/archive/power_cut.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>

namespace picket::tests {

namespace {

// Of Linux' fs/ext4/ext4.h.
constexpr unsigned long shutdown_request = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t without_log_flush = 2;

bool run(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// Mounts of this process are its own, and end with it.
bool has_own_mounts() {
    static const bool own = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
                            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    return own;
}

}  // namespace

PowerCutDisk::PowerCutDisk(const std::string& mount_point)
    : mount_point_(mount_point), image_(mount_point + ".image") {
    if (!has_own_mounts()) {
        why_ = "it needs root, and mounts of its own";
    } else if (!run("truncate -s 64M '" + image_ + "' && mkfs.ext4 -q -F '" + image_ + "'")) {
        why_ = "mkfs.ext4 makes no file system here";
    } else if (mounted_ = mount(); !mounted_) {
        why_ = "a file cannot be mounted here";
    }
}

PowerCutDisk::~PowerCutDisk() {
    if (mounted_) umount2(mount_point_.c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove(image_, ignored);
}

// Without auto_da_alloc a rename does not sync what it renames: that is for whoever renames.
bool PowerCutDisk::mount() const {
    return run("mount -o loop,noauto_da_alloc '" + image_ + "' '" + mount_point_ + "'");
}

bool PowerCutDisk::cut() const {
    const int directory = open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_cut = ioctl(directory, shutdown_request, &without_log_flush) == 0;
    close(directory);
    return is_cut;
}

bool PowerCutDisk::restore() {
    if (umount2(mount_point_.c_str(), 0) != 0) return false;
    mounted_ = mount();
    return mounted_;
}

}  // namespace picket::tests
