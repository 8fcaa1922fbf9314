// Prints one JSON line a file: what the capture reader says of it. For tests/captures/capinfos_agreement.py.
//
// Walks each file with a cursor as well, and fails if the walk delivers other packets than the summary
// counts.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "dataplane/api/setup_error.h"
#include "dataplane/rx/capture_file.h"
#include "dataplane/rx/capture_merge.h"

namespace {

nlohmann::json describe(const std::string& path) {
    using namespace picket::rx;
    const auto file = CaptureFile::open(path);
    const CaptureSummary& sum = file->summary();
    MergedCapture walk({{file, 0}});
    Frame frame;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    while (walk.next(frame)) {
        ++packets;
        bytes += frame.wire_length;
    }
    if (packets != sum.packets || bytes != sum.bytes) {
        std::fprintf(stderr, "%s: the cursor disagrees with the scan\n", path.c_str());
        std::exit(1);
    }
    return {{"file", path},          {"packets", sum.packets},      {"bytes", sum.bytes},
            {"first", sum.first_ns}, {"last", sum.last_ns},         {"truncated", sum.truncated},
            {"error", sum.error},    {"damage", sum.damage_offset}, {"refused", false},
            {"clamped", sum.clamped}};
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        nlohmann::json line;
        try {
            line = describe(argv[i]);
        } catch (const picket::SetupError& error) {
            line = {{"file", argv[i]}, {"packets", 0}, {"error", error.what()}, {"refused", true}};
        }
        std::puts(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    }
    return 0;
}
