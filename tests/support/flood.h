// Bursts of a SYN flood: every packet has a 5-tuple of its own that nobody else uses.
//
// Sources are in 64.0.0.0/2, so that tests and benches know real packets from the flood's. Header only; not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "tests/support/packet_builder.h"

namespace picket::testing {

inline constexpr std::size_t flood_ip_bytes = 40;

class Flood {
  public:
    // victim: whose port 80 all packets go to; 0: each goes somewhere else.
    explicit Flood(std::size_t frames, std::uint32_t victim = 0)
        : victim_(victim), bytes_(frames * stride), frames_(frames) {
        const auto like = PacketBuilder()
                              .ethernet()
                              .ipv4("64.0.0.1", "203.0.113.80")
                              .tcp(1024, 80, {parse::tcp_syn, 1, 0})
                              .bytes();
        for (std::size_t i = 0; i < frames; ++i) {
            std::memcpy(at(i), like.data(), like.size());
            frames_[i].data = at(i);
            frames_[i].captured_length = frame_bytes;
            frames_[i].wire_length = frame_bytes;
        }
    }
    Flood(const Flood&) = delete;
    Flood& operator=(const Flood&) = delete;

    // New 5-tuples for all frames; times gap_ns apart, the first one gap after `time_ns`, which is moved on.
    std::span<const rx::Frame> next(std::uint64_t& time_ns, std::uint64_t gap_ns) noexcept {
        for (std::size_t i = 0; i < frames_.size(); ++i) {
            const std::uint64_t word = random();
            put32(i, 26, 0x40000000 | static_cast<std::uint32_t>(word & 0x3fffffff));
            put32(i, 34,
                  static_cast<std::uint32_t>(word >> 32 | 0x04000000) << (victim_ != 0 ? 16 : 0) |
                      (victim_ != 0 ? 80 : 0));
            put32(i, 30, victim_ != 0 ? victim_ : static_cast<std::uint32_t>(random() | 0x80000000));
            frames_[i].time_ns = time_ns += gap_ns;
        }
        return frames_;
    }

  private:
    static constexpr std::size_t stride = 64;
    static constexpr std::uint32_t frame_bytes = 60;

    [[nodiscard]] std::uint8_t* at(std::size_t frame) noexcept { return bytes_.data() + frame * stride; }
    void put32(std::size_t frame, std::size_t offset, std::uint32_t value) noexcept {
        const std::uint32_t wire = __builtin_bswap32(value);
        std::memcpy(at(frame) + offset, &wire, sizeof wire);
    }
    std::uint64_t random() noexcept {  // splitmix64
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    std::uint32_t victim_;
    std::uint64_t state_ = 1;
    std::vector<std::uint8_t> bytes_;
    std::vector<rx::Frame> frames_;
};

}  // namespace picket::testing
