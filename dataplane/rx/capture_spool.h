// A temporary file without a name, into which a capture is unpacked before it is mapped.
//
// Owns its descriptor; the kernel frees the space when the descriptor and the last mapping are gone, also
// after a crash. Used by one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace picket::rx {

class CaptureSpool {
  public:
    // bytes_max bounds the file, which is further bounded by nine tenths of the free space. Throws SetupError
    // naming input if no temporary file can be made anywhere.
    CaptureSpool(const std::string& input, std::uint64_t bytes_max);
    ~CaptureSpool();
    CaptureSpool(const CaptureSpool&) = delete;
    CaptureSpool& operator=(const CaptureSpool&) = delete;

    // Appends all of bytes, or as much as the limit or the disk allows and returns false.
    [[nodiscard]] bool append(std::span<const std::uint8_t> bytes) noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
    [[nodiscard]] int write_error() const noexcept { return write_error_; }  // errno, 0: the limit was met

  private:
    int fd_ = -1;
    std::uint64_t size_ = 0;
    std::uint64_t limit_ = 0;
    int write_error_ = 0;
};

}  // namespace picket::rx
