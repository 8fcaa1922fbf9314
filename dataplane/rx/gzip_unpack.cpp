#include "dataplane/rx/gzip_unpack.h"

#include <zlib.h>

#include <vector>

#include "dataplane/api/setup_error.h"

namespace picket::rx {

namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr int gzip_window_bits = 15 + 16;  // 15: largest window; 16: expect the gzip wrapper, check its CRC

// Owns zlib's state, so that a throwing sink does not leak it.
class Inflater {
  public:
    Inflater() {
        if (inflateInit2(&stream, gzip_window_bits) != Z_OK)
            throw SetupError("gzip", "zlib cannot be initialised", "free some memory", 3);
    }
    ~Inflater() { inflateEnd(&stream); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    z_stream stream{};
};

class Unpacker {
  public:
    Unpacker(const ByteSource& source, const ByteSink& sink)
        : source_(source), sink_(sink), in_(buffer_bytes), out_(buffer_bytes) {}

    GzipResult run() {
        while (step()) {
        }
        return result_;
    }

  private:
    // Tops the input up to at least two bytes, what it takes to recognise a member. False at the end.
    bool refill() {
        z_stream& z = inflater_.stream;
        const std::size_t kept = z.avail_in;
        for (std::size_t i = 0; i < kept; ++i) in_[i] = z.next_in[i];
        const std::size_t got = source_(std::span(in_).subspan(kept));
        z.next_in = in_.data();
        z.avail_in = static_cast<uInt>(kept + got);
        result_.packed_bytes += got;
        return got != 0;
    }

    bool finish(GzipEnd end) {
        result_.end = end;
        result_.packed_bytes -= inflater_.stream.avail_in;
        return false;
    }

    // Between members: decides whether another one follows.
    bool next_member() {
        z_stream& z = inflater_.stream;
        while (z.avail_in < 2 && refill()) {
        }
        if (z.avail_in == 0) return finish(members_ == 0 ? GzipEnd::cut_short : GzipEnd::complete);
        if (!looks_like_gzip({z.next_in, z.avail_in}))
            return finish(members_ == 0 ? GzipEnd::corrupt : GzipEnd::trailing);
        inflateReset(&z);
        in_member_ = true;
        return true;
    }

    bool step() {
        if (!in_member_) return next_member();
        z_stream& z = inflater_.stream;
        const bool ended = z.avail_in == 0 && !refill();
        z.next_out = out_.data();
        z.avail_out = static_cast<uInt>(out_.size());
        const int status = inflate(&z, Z_NO_FLUSH);
        const std::size_t made = out_.size() - z.avail_out;
        if (made != 0) {
            if (!sink_(std::span<const std::uint8_t>(out_.data(), made)))
                return finish(GzipEnd::sink_refused);
            result_.unpacked_bytes += made;
        }
        if (status == Z_STREAM_END) {
            in_member_ = false;
            ++members_;
            return true;
        }
        if (status == Z_OK || status == Z_BUF_ERROR)
            return ended && made == 0 ? finish(GzipEnd::cut_short) : true;
        return finish(GzipEnd::corrupt);
    }

    const ByteSource& source_;
    const ByteSink& sink_;
    std::vector<std::uint8_t> in_;
    std::vector<std::uint8_t> out_;
    Inflater inflater_;
    GzipResult result_;
    std::uint64_t members_ = 0;
    bool in_member_ = false;
};

}  // namespace

bool looks_like_gzip(std::span<const std::uint8_t> bytes) noexcept {
    return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

GzipResult unpack_gzip(const ByteSource& source, const ByteSink& sink) {
    return Unpacker(source, sink).run();
}

}  // namespace picket::rx
