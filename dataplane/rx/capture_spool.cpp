#include "dataplane/rx/capture_spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "dataplane/api/setup_error.h"

namespace picket::rx {

namespace {

int open_unnamed(const std::string& folder) {
    const int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd >= 0) return fd;
    std::string name = folder + "/picket-capture-XXXXXX";  // file systems without O_TMPFILE
    const int named = mkostemp(name.data(), O_CLOEXEC);
    if (named >= 0) unlink(name.c_str());
    return named;
}

// Nine tenths of what is free: unpacking must not fill the disk under other programs.
std::uint64_t room_of_disk(int fd) {
    struct statvfs disk {};
    if (fstatvfs(fd, &disk) != 0) return UINT64_MAX;
    return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize / 10 * 9;
}

std::uint64_t room_of_memory() {
    struct sysinfo memory {};
    if (sysinfo(&memory) != 0) return std::uint64_t{1} << 30;
    return static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit / 4;
}

}  // namespace

CaptureSpool::CaptureSpool(const std::string& input, std::uint64_t bytes_max) {
    const char* folder = std::getenv("TMPDIR");
    fd_ = open_unnamed(folder != nullptr && *folder != '\0' ? folder : "/tmp");
    std::uint64_t room = fd_ >= 0 ? room_of_disk(fd_) : 0;
    if (fd_ < 0) {
        fd_ = memfd_create("picket-capture", MFD_CLOEXEC);
        room = room_of_memory();
    }
    if (fd_ < 0)
        throw SetupError(
            input, std::string("no temporary file can be made to unpack it (") + std::strerror(errno) + ")",
            "set TMPDIR to a folder that can be written, or unpack the file yourself", 3);
    limit_ = std::min(bytes_max, room);
}

CaptureSpool::~CaptureSpool() {
    if (fd_ >= 0) close(fd_);
}

bool CaptureSpool::append(std::span<const std::uint8_t> bytes) noexcept {
    const bool fits = bytes.size() <= limit_ - size_;
    if (!fits) bytes = bytes.first(static_cast<std::size_t>(limit_ - size_));
    while (!bytes.empty()) {
        const ssize_t written = write(fd_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            write_error_ = written < 0 ? errno : ENOSPC;
            return false;
        }
        size_ += static_cast<std::uint64_t>(written);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return fits;
}

}  // namespace picket::rx
