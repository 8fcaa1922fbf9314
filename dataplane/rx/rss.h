// Receive-side scaling: the Toeplitz hash, its keys and the table from hash to queue, as NICs compute them.
//
// Used to program NICs that can, and by replay to spread frames over workers as a NIC would, so that the
// steering behind it is exercised everywhere. Pure functions over memory, no state, safe from any thread;
// safe on any bytes: nothing is read past Frame::captured_length.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/rx/frame.h"

namespace picket::rx {

// Longest key of current NICs (40 is the usual length, 52 with Intel's E800 and XL710). With 0x6d5a repeated
// the hash of (source, destination) equals that of (destination, source): every field that swaps lies a
// multiple of 16 bits from its partner.
inline constexpr std::size_t rss_key_bytes_max = 52;
extern const std::array<std::uint8_t, rss_key_bytes_max> symmetric_key;

// The key of Microsoft's RSS verification suite, the default of most drivers. Not symmetric.
extern const std::array<std::uint8_t, 40> microsoft_key;

// Entries of the redirection table where a NIC does not say otherwise.
inline constexpr std::size_t reta_entries_default = 128;

// The reference form: input is the concatenation of addresses and ports in network order, at most
// key.size() - 4 bytes (what exceeds it is not hashed, as in hardware).
[[nodiscard]] std::uint32_t toeplitz_hash(std::span<const std::uint8_t> input,
                                          std::span<const std::uint8_t> key) noexcept;

// What the NIC of `picket replay --rss` is able to do.
enum class RssModel : std::uint8_t {
    symmetric,  // symmetric key over addresses and ports: both directions of a flow on one queue
    two_tuple,  // symmetric key over addresses only: what Picket asks of NICs, frames are where they belong
    none,       // no symmetric hash: Microsoft's key, so that the two directions mostly land apart
};

// The hash that such a NIC computes from the outermost headers: Ethernet with up to two VLAN tags (or raw
// IP), then TCP and UDP by addresses and ports; fragments, IPv6 with extension headers and other protocols by
// addresses; anything that is not IP, or is cut before its addresses end, 0.
[[nodiscard]] std::uint32_t rss_hash(const Frame& frame, RssModel model) noexcept;

// Redirection table: entry i names queue i % reta_entries_default % queues, so that tables of different
// sizes (multiples of the default) put a flow on the same queue. REQUIRES: queues > 0.
[[nodiscard]] std::vector<std::uint16_t> make_reta(std::size_t entries, std::uint16_t queues);

// The queue that a NIC with the default table picks. REQUIRES: queues > 0.
[[nodiscard]] constexpr std::uint16_t queue_of(std::uint32_t hash, std::uint16_t queues) noexcept {
    return static_cast<std::uint16_t>((hash % reta_entries_default) % queues);
}

}  // namespace picket::rx
