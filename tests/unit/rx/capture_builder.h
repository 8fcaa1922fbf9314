// Builds capture files in memory, readably, in either byte order, and writes them where CaptureFile can open
// them.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/rx/capture_file.h"
#include "dataplane/rx/capture_merge.h"

namespace picket::rx::test {

using Bytes = std::vector<std::uint8_t>;

class Writer {
  public:
    explicit Writer(bool big_endian = false) : big_endian_(big_endian) {}

    template <typename Number>
    Writer& put(Number value) {
        for (std::size_t i = 0; i < sizeof value; ++i) {
            const std::size_t shift = 8 * (big_endian_ ? sizeof value - 1 - i : i);
            bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> shift));
        }
        return *this;
    }
    Writer& u8(std::uint8_t value) { return put(value); }
    Writer& u16(std::uint16_t value) { return put(value); }
    Writer& u32(std::uint32_t value) { return put(value); }
    Writer& u64(std::uint64_t value) { return put(value); }
    Writer& fill(std::size_t count, std::uint8_t value) {
        bytes.insert(bytes.end(), count, value);
        return *this;
    }
    Writer& append(const Bytes& more) {
        bytes.insert(bytes.end(), more.begin(), more.end());
        return *this;
    }

    Bytes bytes;

  private:
    bool big_endian_;
};

struct PcapOptions {
    std::uint32_t magic = 0xa1b2c3d4;
    std::uint32_t network = 1;
    std::uint16_t minor = 4;
    std::uint32_t snap_length = 262144;
    bool big_endian = false;
};

class PcapBuilder {
  public:
    explicit PcapBuilder(const PcapOptions& options = {}) : writer_(options.big_endian) {
        writer_.u32(options.magic).u16(2).u16(options.minor).u32(0).u32(0);
        writer_.u32(options.snap_length).u32(options.network);
    }

    PcapBuilder& packet(std::uint32_t seconds, std::uint32_t fraction, std::uint32_t captured,
                        std::uint32_t wire = 0, const Bytes& extra_header = {}) {
        writer_.u32(seconds).u32(fraction).u32(captured).u32(wire == 0 ? captured : wire);
        writer_.append(extra_header).fill(captured, static_cast<std::uint8_t>(0xa0 + count_++));
        return *this;
    }

    [[nodiscard]] const Bytes& bytes() const { return writer_.bytes; }

  private:
    Writer writer_;
    std::uint8_t count_ = 0;
};

class PcapngBuilder {
  public:
    // A section begins with its byte order.
    PcapngBuilder& section(bool big_endian = false, std::uint16_t minor = 0) {
        big_endian_ = big_endian;
        return block(0x0a0d0d0a, body().u32(0x1a2b3c4d).u16(1).u16(minor).u64(UINT64_MAX));
    }
    PcapngBuilder& interface(std::uint16_t link_type = 1, std::uint32_t snap_length = 0,
                             const Bytes& options = {}) {
        return block(1, body().u16(link_type).u16(0).u32(snap_length).append(options));
    }
    PcapngBuilder& enhanced(std::uint32_t interface, std::uint64_t ticks, std::uint32_t captured,
                            const Bytes& options = {}) {
        Writer data = body().u32(interface).u32(static_cast<std::uint32_t>(ticks >> 32));
        data.u32(static_cast<std::uint32_t>(ticks)).u32(captured).u32(captured + 4);
        return block(6, data.fill(captured, 0xee).fill(padding(captured), 0).append(options));
    }
    PcapngBuilder& obsolete(std::uint16_t interface, std::uint64_t ticks, std::uint32_t captured) {
        Writer data = body().u16(interface).u16(3).u32(static_cast<std::uint32_t>(ticks >> 32));
        data.u32(static_cast<std::uint32_t>(ticks)).u32(captured).u32(captured);
        return block(2, data.fill(captured, 0x22).fill(padding(captured), 0));
    }
    PcapngBuilder& simple(std::uint32_t wire, std::uint32_t captured) {
        return block(3, body().u32(wire).fill(captured, 0x33).fill(padding(captured), 0));
    }
    PcapngBuilder& block(std::uint32_t type, const Writer& data) {
        const auto length = static_cast<std::uint32_t>(data.bytes.size() + 12);
        bytes_ =
            Writer(big_endian_).append(bytes_).u32(type).u32(length).append(data.bytes).u32(length).bytes;
        return *this;
    }

    [[nodiscard]] Bytes option(std::uint16_t code, const Bytes& value) const {
        const auto length = static_cast<std::uint16_t>(value.size());
        return body().u16(code).u16(length).append(value).fill(padding(length), 0).bytes;
    }
    [[nodiscard]] Writer body() const { return Writer(big_endian_); }
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }

  private:
    static std::uint32_t padding(std::uint32_t length) { return -length % 4; }

    bool big_endian_ = false;
    Bytes bytes_;
};

// A file that lives as long as the object.
class TemporaryFile {
  public:
    explicit TemporaryFile(const Bytes& bytes) {
        char name[] = "/tmp/picket-capture-test-XXXXXX";
        const int fd = mkstemp(name);
        if (fd >= 0) close(fd);
        path_ = name;
        write(bytes);
    }
    ~TemporaryFile() { std::remove(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    void write(const Bytes& bytes) const {
        std::ofstream out(path_, std::ios::binary | std::ios::trunc);
        out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

// The bytes without the last ones.
inline Bytes without_last(const Bytes& bytes, std::size_t count) {
    return Bytes(bytes.begin(), bytes.end() - static_cast<std::ptrdiff_t>(count));
}

inline std::shared_ptr<const CaptureFile> open_bytes(const Bytes& bytes) {
    const int fd = memfd_create("capture", MFD_CLOEXEC);
    if (write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    try {
        auto file = CaptureFile::open(path);  // the map outlives the descriptor
        close(fd);
        return file;
    } catch (...) {
        close(fd);
        throw;
    }
}

// The frames of a file, and the file, in which their bytes are.
struct Frames {
    std::shared_ptr<const CaptureFile> file;
    std::vector<Frame> frames;

    [[nodiscard]] std::size_t size() const { return frames.size(); }
    [[nodiscard]] bool empty() const { return frames.empty(); }
    const Frame& operator[](std::size_t at) const { return frames.at(at); }
};

inline Frames frames_of(std::shared_ptr<const CaptureFile> file) {
    CaptureCursor cursor(file);
    Frames out{std::move(file), {}};
    Frame frame;
    while (cursor.next(frame)) out.frames.push_back(frame);
    return out;
}

}  // namespace picket::rx::test
