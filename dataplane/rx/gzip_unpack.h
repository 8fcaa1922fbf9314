// Unpacks gzip data (RFC 1952, any number of members) from a source of bytes into a sink of bytes.
//
// Streams in fixed buffers: memory does not depend on the size of the data. Every byte that can be unpacked
// before a damage reaches the sink. Not shared between threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace picket::rx {

// True if the bytes begin as gzip data does.
[[nodiscard]] bool looks_like_gzip(std::span<const std::uint8_t> bytes) noexcept;

enum class GzipEnd : std::uint8_t {
    complete,      // all members whole, checksums right
    cut_short,     // the source ended inside a member
    corrupt,       // not deflate data, a wrong checksum or a wrong length
    trailing,      // something that is not a gzip member follows the last one
    sink_refused,  // the sink returned false
};

struct GzipResult {
    GzipEnd end = GzipEnd::complete;
    std::uint64_t packed_bytes = 0;    // taken from the source up to the end or the damage
    std::uint64_t unpacked_bytes = 0;  // given to the sink
};

// Fills the span and returns how many bytes it put there; 0 at the end.
using ByteSource = std::function<std::size_t(std::span<std::uint8_t>)>;
// Takes all the bytes, or returns false to stop.
using ByteSink = std::function<bool(std::span<const std::uint8_t>)>;

// Throws SetupError only if zlib cannot be initialised (out of memory).
[[nodiscard]] GzipResult unpack_gzip(const ByteSource& source, const ByteSink& sink);

}  // namespace picket::rx
