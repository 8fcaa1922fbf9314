#include "dataplane/rx/capture_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include "dataplane/api/setup_error.h"
#include "dataplane/rx/capture_load.h"
#include "dataplane/rx/capture_spool.h"
#include "dataplane/rx/gzip_unpack.h"

namespace picket::rx {

namespace {

constexpr const char* capture_remedy = "give a pcap or pcapng file, plain or gzip-compressed";
constexpr std::size_t read_bytes = 256 * 1024;

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

int open_input(const std::string& path) {
    const int fd = path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                               : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        throw SetupError(path, std::string("cannot be opened (") + std::strerror(errno) + ")",
                         "give the path of a capture file that you may read", 2);
    return fd;
}

// Reads a descriptor in order, the first bytes of which may have been read already.
class Reader {
  public:
    Reader(int fd, std::span<const std::uint8_t> already) : fd_(fd), already_(already) {}

    std::size_t operator()(std::span<std::uint8_t> out) {
        if (!already_.empty()) {
            const std::size_t taken = std::min(out.size(), already_.size());
            std::memcpy(out.data(), already_.data(), taken);
            already_ = already_.subspan(taken);
            return taken;
        }
        for (;;) {
            const ssize_t got = read(fd_, out.data(), out.size());
            if (got >= 0) return static_cast<std::size_t>(got);
            if (errno == EINTR) continue;
            error = errno;
            return 0;
        }
    }

    int error = 0;

  private:
    int fd_;
    std::span<const std::uint8_t> already_;
};

Damage spool_damage(const CaptureSpool& spool) {
    if (spool.write_error() != 0)
        return {DamageKind::unpack_write, spool.size(), static_cast<std::uint64_t>(spool.write_error()), 0};
    return {DamageKind::unpack_limit, spool.size(), 0, spool.limit()};
}

Damage gzip_damage(const GzipResult& result, const CaptureSpool& spool) {
    switch (result.end) {
        case GzipEnd::complete:
            return {};
        case GzipEnd::cut_short:
            return {DamageKind::gzip_cut, result.unpacked_bytes, result.packed_bytes, 0};
        case GzipEnd::corrupt:
            return {DamageKind::gzip_corrupt, result.unpacked_bytes, result.packed_bytes, 0};
        case GzipEnd::trailing:
            return {DamageKind::gzip_trailing, result.unpacked_bytes, result.packed_bytes, 0};
        case GzipEnd::sink_refused:
            return spool_damage(spool);
    }
    return {};
}

void require_capture(std::span<const std::uint8_t> start, const std::string& path) {
    if (looks_like_capture(start)) return;
    throw SetupError(path, "is not a capture file (neither pcap nor pcapng)", capture_remedy, 4);
}

// Copies gzip or plain data into the spool. What does not begin as a capture is refused at once, so that an
// endless input (/dev/zero) or a large file of another kind is not copied first.
Damage fill_spool(Reader& reader, bool packed, CaptureSpool& spool, const std::string& path) {
    bool first = true;
    const ByteSink sink = [&](std::span<const std::uint8_t> bytes) {
        if (first && bytes.size() >= 4) require_capture(bytes, path);
        first = false;
        return spool.append(bytes);
    };
    if (packed) {
        const GzipResult result = unpack_gzip(std::ref(reader), sink);
        if (reader.error != 0)
            return {DamageKind::read_failed, spool.size(), static_cast<std::uint64_t>(reader.error), 0};
        return gzip_damage(result, spool);
    }
    std::vector<std::uint8_t> buffer(read_bytes);
    for (;;) {
        const std::size_t got = reader(buffer);
        if (reader.error != 0)
            return {DamageKind::read_failed, spool.size(), static_cast<std::uint64_t>(reader.error), 0};
        if (got == 0) return {};
        if (!sink(std::span(buffer).first(got))) return spool_damage(spool);
    }
}

}  // namespace

bool looks_like_capture(std::span<const std::uint8_t> bytes) noexcept {
    if (bytes.size() < 4) return false;
    switch (load32(bytes.data(), false)) {
        case 0xa1b2c3d4:  // pcap, microseconds
        case 0xd4c3b2a1:
        case 0xa1b23c4d:  // pcap, nanoseconds
        case 0x4d3cb2a1:
        case 0xa1b2cd34:  // pcap of a patched Linux libpcap
        case 0x34cdb2a1:
        case 0x1c0001ac:  // pcap of Ixia's hardware and software capture
        case 0xac01001c:
        case 0x1c0001ab:
        case 0xab01001c:
        case 0x0a0d0d0a:  // pcapng
            return true;
        default:
            return false;
    }
}

CaptureBytes::CaptureBytes(const std::string& path, const CaptureLimits& limits) {
    const Descriptor input(open_input(path));
    struct stat status {};
    if (fstat(input.get(), &status) != 0 || S_ISDIR(status.st_mode))
        throw SetupError(path, S_ISDIR(status.st_mode) ? "is a folder" : "cannot be examined",
                         "give the path of a capture file", 2);
    if (!S_ISREG(status.st_mode) || (path == "-" && lseek(input.get(), 0, SEEK_CUR) > 0)) {
        unpack(input.get(), path, limits);
    } else {
        mapping_.map(input.get(), static_cast<std::uint64_t>(status.st_size), path);
        if (looks_like_gzip(bytes())) {
            mapping_.release();
            unpack(input.get(), path, limits);
        }
    }
    if (bytes().empty() && !damage_.any()) throw SetupError(path, "is empty", capture_remedy, 4);
    if (!damage_.any() || bytes().size() >= 4) require_capture(bytes(), path);
}

void CaptureBytes::Mapping::map(int fd, std::uint64_t size, const std::string& path) {
    if (size == 0) return;
    void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED)
        throw SetupError(path, std::string("cannot be mapped (") + std::strerror(errno) + ")",
                         "copy it to a local disk, or raise the limit of address space", 3);
    address_ = address;
    length_ = size;
    madvise(address, size, MADV_SEQUENTIAL);
}

void CaptureBytes::Mapping::release() noexcept {
    if (address_ != nullptr) munmap(address_, length_);
    address_ = nullptr;
    length_ = 0;
}

void CaptureBytes::Mapping::advise(std::size_t begin, std::size_t end, int advice) const noexcept {
    constexpr std::size_t page = 4096;
    const std::size_t from = (begin + page - 1) & ~(page - 1);
    const std::size_t to = std::min(end, length_) & ~(page - 1);
    if (from < to) madvise(static_cast<std::uint8_t*>(address_) + from, to - from, advice);
}

void CaptureBytes::unpack(int fd, const std::string& path, const CaptureLimits& limits) {
    std::array<std::uint8_t, 4> start{};
    Reader raw(fd, {});
    std::size_t have = 0;
    while (have < start.size()) {
        const std::size_t got = raw(std::span(start).subspan(have));
        if (got == 0) break;
        have += got;
    }
    if (raw.error != 0)
        throw SetupError(path, std::string("cannot be read (") + std::strerror(raw.error) + ")",
                         "give the path of a capture file", 2);
    const std::span<const std::uint8_t> begun = std::span(start).first(have);
    if (have == 0) throw SetupError(path, "is empty", capture_remedy, 4);
    unpacked_ = looks_like_gzip(begun);
    if (!unpacked_) require_capture(begun, path);
    CaptureSpool spool(path, limits.unpacked_bytes_max);
    Reader reader(fd, begun);
    damage_ = fill_spool(reader, unpacked_, spool, path);
    mapping_.map(spool.fd(), spool.size(), path);
}

void CaptureBytes::drop(std::size_t begin, std::size_t end) const noexcept {
    mapping_.advise(begin, end, MADV_DONTNEED);
}

}  // namespace picket::rx
