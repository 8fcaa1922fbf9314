// Where the body of a message ends, byte by byte: what lies in it is nobody's request.
//
// A pure state machine without memory of its own beyond these words; safe on any bytes, cut anywhere.
// Sources: RFC 9112 §6 (which framing), §7.1 (chunks, extensions, trailers).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace picket::http {

enum class BodyPhase : std::uint8_t {
    none,           // there is no body, or it is over
    broken,         // the chunks are none: where the body ends cannot be known
    sized,          // Content-Length
    until_close,    // a response without a length
    size_begin,     // chunked: a chunk's size begins, has begun, is followed by extensions
    size,           //
    extension,      //
    data,           //   its data
    data_end,       //   the line end after them
    trailer_begin,  //   a line after the last chunk begins, or the empty one
    trailer,
};

struct BodySkipper {
    std::uint64_t remaining = 0;  // of the body, or of the chunk
    std::uint64_t bytes = 0;      // of the body so far, without the framing of chunks
    BodyPhase phase = BodyPhase::none;

    [[nodiscard]] static BodySkipper sized(std::uint64_t length) noexcept {
        return {length, 0, length != 0 ? BodyPhase::sized : BodyPhase::none};
    }
    [[nodiscard]] static BodySkipper chunked() noexcept { return {0, 0, BodyPhase::size_begin}; }
    [[nodiscard]] static BodySkipper until_close() noexcept { return {0, 0, BodyPhase::until_close}; }

    [[nodiscard]] bool active() const noexcept { return phase > BodyPhase::broken; }

    // Returns how many bytes at the beginning of text belong to the body; all of them if it goes on.
    [[nodiscard]] std::size_t skip(std::string_view text) noexcept {
        return skip(text, [](std::string_view) {});
    }
    // Likewise; hands the body's own bytes to take(std::string_view), in order, without the framing of
    // chunks.
    template <class Take>
    [[nodiscard]] std::size_t skip(std::string_view text, Take&& take) noexcept {
        std::size_t at = 0;
        while (at < text.size() && active()) {
            if (const std::uint64_t run = may_miss(); run != 0) {
                const std::size_t taken = run < text.size() - at ? run : text.size() - at;
                take(text.substr(at, taken));
                at += taken;
                miss(taken);
                continue;
            }
            step(text[at]);
            if (phase == BodyPhase::broken) break;  // the byte is not the body's
            ++at;
        }
        return at;
    }

    // How many bytes may be missing at this place without the end being lost.
    [[nodiscard]] std::uint64_t may_miss() const noexcept {
        if (phase == BodyPhase::until_close) return UINT64_MAX;
        return phase == BodyPhase::sized || phase == BodyPhase::data ? remaining : 0;
    }
    // REQUIRES: count <= may_miss(). They count as bytes of the body.
    void miss(std::uint64_t count) noexcept;

  private:
    void step(char byte) noexcept;
    void end_size() noexcept { phase = remaining == 0 ? BodyPhase::trailer_begin : BodyPhase::data; }
};

}  // namespace picket::http
