// A capture file of any bytes: refused with a sentence, or read to its end; every frame lies in the file, and
// there are as many as were counted.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "dataplane/api/setup_error.h"
#include "dataplane/rx/capture_merge.h"
#include "tests/fuzz/fuzz_input.h"

namespace picket {
namespace {

using fuzz::require;

constexpr rx::CaptureLimits limits{std::uint64_t{1} << 20};

// nullptr if the file is refused.
std::shared_ptr<const rx::CaptureFile> open_bytes(std::span<const std::uint8_t> bytes) {
    const int fd = memfd_create("capture", MFD_CLOEXEC);
    if (write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    std::shared_ptr<const rx::CaptureFile> file;
    try {
        file = rx::CaptureFile::open(path, limits);
    } catch (const SetupError& error) {
        require(error.exit_status() == 4, "what cannot be read is called no capture");
        require(std::string_view(error.what()).size() > 0, "a refusal says why");
    }
    close(fd);
    return file;
}

void check_frames(const std::shared_ptr<const rx::CaptureFile>& file) {
    const auto map = file->bytes().bytes();
    const auto& summary = file->summary();
    require(!summary.truncated || !summary.error.empty(), "what is cut short has a sentence");
    rx::CaptureCursor cursor(file);
    rx::Frame frame;
    std::uint64_t packets = 0;
    std::uint64_t wire = 0;
    for (;;) {
        const std::uint64_t bound = cursor.future_min_time_ns();
        if (!cursor.next(frame)) {
            require(bound == UINT64_MAX, "nothing is to come at the end");
            break;
        }
        require(bound <= frame.time_ns, "no packet is earlier than was promised");
        require(frame.time_ns <= rx::capture_time_ns_max, "times have room for timeouts");
        require(frame.data >= map.data() && frame.data + frame.captured_length <= map.data() + map.size(),
                "frames lie in the file");
        require(frame.sequence == packets++, "packets are numbered");
        wire += frame.wire_length;
    }
    require(packets == summary.packets && wire == summary.bytes, "what was counted is delivered");
    require(cursor.lost() == 0, "nothing is lost");
}

void check_merge(const std::shared_ptr<const rx::CaptureFile>& file) {
    rx::MergedCapture merged({{file, 0}, {file, 1}});
    rx::Frame frame;
    std::uint64_t packets = 0;
    while (merged.next(frame)) {
        require(frame.sequence == packets++ && frame.port <= 1, "merged packets are numbered");
    }
    require(packets == 2 * file->summary().packets, "both files are merged to their ends");
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    if (const auto file = open_bytes({data, size})) {
        check_frames(file);
        check_merge(file);
    }
    return 0;
}
