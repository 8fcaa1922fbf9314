// A file descriptor that closes itself; empty where negative. Not thread-safe.
#pragma once

#include <unistd.h>

#include <utility>

namespace picket::xdp {

class Descriptor {
  public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool empty() const noexcept { return fd_ < 0; }

  private:
    int fd_ = -1;
};

}  // namespace picket::xdp
