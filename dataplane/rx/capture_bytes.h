// The bytes of one capture, mapped read-only for the life of the object.
//
// A regular file is mapped as it is. What cannot be mapped, or is gzip data, is first unpacked into an
// unlinked temporary file (TMPDIR, else /tmp; a memfd where neither can be written) and that is mapped. What
// could be unpacked before a damage is kept. Immutable after construction and shareable between threads.
//
// A file that another process truncates while it is mapped raises SIGBUS in whoever reads beyond its new end:
// captures are replayed after they are written. A file that still grows is read up to its size at opening.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "dataplane/rx/capture_damage.h"

namespace picket::rx {

struct CaptureLimits {
    // Most bytes that unpacking may write. Besides, it never takes more than nine tenths of the free space.
    std::uint64_t unpacked_bytes_max = std::uint64_t{64} << 30;
};

class CaptureBytes {
  public:
    // path: a file, a pipe, or "-" for standard input. Throws SetupError: exit status 2 if there is no such
    // file or it cannot be read, 4 if it is empty, 3 if it cannot be mapped or unpacked at all.
    CaptureBytes(const std::string& path, const CaptureLimits& limits);

    [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return mapping_.bytes(); }

    // True if the bytes are not those of the file itself: gzip data.
    [[nodiscard]] bool unpacked() const noexcept { return unpacked_; }

    // What kept the input from being unpacked to its end; none for files that are mapped as they are.
    [[nodiscard]] const Damage& unpack_damage() const noexcept { return damage_; }

    // Lets the kernel take back the pages that hold [begin, end): they are read again if they are touched
    // again, so frames that point there stay valid. A hint, never fails.
    void drop(std::size_t begin, std::size_t end) const noexcept;

  private:
    // Owns one mapping of a whole file; empty at first.
    class Mapping {
      public:
        Mapping() = default;
        ~Mapping() { release(); }
        Mapping(const Mapping&) = delete;
        Mapping& operator=(const Mapping&) = delete;

        void map(int fd, std::uint64_t size, const std::string& path);
        void release() noexcept;
        void advise(std::size_t begin, std::size_t end, int advice) const noexcept;
        [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
            return {static_cast<const std::uint8_t*>(address_), length_};
        }

      private:
        void* address_ = nullptr;
        std::size_t length_ = 0;
    };

    void unpack(int fd, const std::string& path, const CaptureLimits& limits);

    Mapping mapping_;
    bool unpacked_ = false;
    Damage damage_;
};

// True if the bytes begin like a pcap or pcapng file (of which at least four bytes are there).
[[nodiscard]] bool looks_like_capture(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace picket::rx
