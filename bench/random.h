// Random numbers for benches: the same ones in every run. One thread an object.
#pragma once

#include <cstdint>

namespace picket::bench {

// splitmix64: any seed will do, and one number does not wait for memory.
class Random {
  public:
    explicit Random(std::uint64_t seed = 1) noexcept : state_(seed) {}

    std::uint64_t operator()() noexcept {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint32_t below(std::uint32_t bound) noexcept {
        return static_cast<std::uint32_t>(((*this)() >> 32) * bound >> 32);
    }

  private:
    std::uint64_t state_;
};

}  // namespace picket::bench
