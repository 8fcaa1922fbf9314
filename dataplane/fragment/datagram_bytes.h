// The bytes of one datagram, as they come: which of its 8-byte units are there, and where they lie.
//
// Any sender may write any offset and length, so nothing is believed: what reaches beyond 65,535 bytes,
// contradicts the datagram's end or is no whole number of units (RFC 791 §3.2) is left out and said to be
// `contradicts`. Where fragments overlap the bytes that came first stay, in IPv4 and IPv6 alike: RFC 5722 has
// receivers discard such an IPv6 datagram, a monitor shows what was in it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/fragment/chunk_pool.h"
#include "dataplane/parse/packet.h"

namespace picket::fragment {

inline constexpr std::uint32_t datagram_bytes_max = 65'535;
inline constexpr std::size_t datagram_chunks_max = (datagram_bytes_max + chunk_bytes - 1) / chunk_bytes;

enum class Placed : std::uint8_t {
    fresh,        // all of its bytes are new
    repeated,     // all of them were there, and the same
    contradicts,  // it overlaps others, or cannot be a part of this datagram
};

class DatagramBytes {
  public:
    // REQUIRES: pool.available() >= datagram_chunks_max, and always the same pool.
    [[nodiscard]] Placed place(const parse::Fragment& part, ChunkPool& pool) noexcept;

    // Every byte up to the last one was on the wire.
    [[nodiscard]] bool whole() const noexcept {
        return total_ != 0 && units_there_ == (total_ + unit_bytes - 1) / unit_bytes;
    }
    // Bytes of the datagram. REQUIRES: whole().
    [[nodiscard]] std::uint32_t length() const noexcept { return total_; }

    // Copies the bytes from the first one to the first that is missing, on the wire or in the capture.
    // Returns how many. to.size() >= datagram_bytes_max.
    [[nodiscard]] std::uint32_t copy_leading(std::span<std::uint8_t> to,
                                             const ChunkPool& pool) const noexcept;

    // Gives the chunks back and begins anew. Memory that is all zero is such a beginning too.
    void clear(ChunkPool& pool) noexcept;

  private:
    static constexpr std::uint32_t unit_bytes = 8;
    static constexpr std::size_t words = (datagram_bytes_max / unit_bytes + 1) / 64;

    [[nodiscard]] bool has(std::uint32_t unit) const noexcept {
        return (there_[unit / 64] >> unit % 64 & 1) != 0;
    }
    // Of the units from `unit` on that are all there, or all not.
    [[nodiscard]] std::uint32_t end_of_run(std::uint32_t unit, std::uint32_t units_end) const noexcept;
    // [unit, end) are there.
    void mark(std::uint32_t unit, std::uint32_t end) noexcept;
    void write(std::uint32_t at, std::span<const std::uint8_t> bytes, ChunkPool& pool) noexcept;
    [[nodiscard]] bool equals(std::uint32_t at, std::span<const std::uint8_t> bytes,
                              const ChunkPool& pool) const noexcept;
    [[nodiscard]] Placed place_units(std::uint32_t begin, std::uint32_t end,
                                     std::span<const std::uint8_t> bytes, ChunkPool& pool) noexcept;

    std::array<std::uint64_t, words> there_;                 // a bit a unit
    std::array<std::uint32_t, datagram_chunks_max> chunks_;  // index + 1; 0: none yet
    std::uint32_t units_there_;
    std::uint32_t total_;     // 0: the last fragment has not come
    std::uint32_t highest_;   // end of the highest byte that came
    std::uint32_t not_here_;  // 1 + the first byte that the capture cut off; 0: none
};

}  // namespace picket::fragment
