#include "dataplane/rx/eal_log.h"

#include <rte_log.h>

#include <cstddef>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string_view>
#include <utility>

namespace picket::rx {
namespace {

constexpr std::size_t kept_lines_max = 4;
constexpr std::size_t line_bytes_max = 512;

struct Log {
    std::mutex mutex;
    std::string line;              // begun, its end has not come yet
    std::deque<std::string> kept;  // oldest first, while capturing
    bool capturing = false;
};

Log& the_log() {
    static Log log;
    return log;
}

void print(const std::string& line) {
    std::fprintf(stderr, "DPDK: %s\n", line.c_str());
}

void end_line(Log& log) {
    std::string line = std::exchange(log.line, {});
    if (line.empty()) {
        return;
    }
    if (!log.capturing) {
        print(line);
        return;
    }
    log.kept.push_back(std::move(line));
    if (log.kept.size() > kept_lines_max) {
        log.kept.pop_front();
    }
}

ssize_t write_log(void*, const char* text, std::size_t bytes) {
    Log& log = the_log();
    const std::lock_guard lock(log.mutex);
    for (const char character : std::string_view(text, bytes)) {
        if (character == '\n') {
            end_line(log);
        } else if (log.line.size() < line_bytes_max) {
            log.line.push_back(character);
        }
    }
    return static_cast<ssize_t>(bytes);
}

}  // namespace

void route_eal_log() {
    static std::FILE* const stream =
        fopencookie(nullptr, "w", {.read = nullptr, .write = write_log, .seek = nullptr, .close = nullptr});
    if (stream != nullptr) {
        rte_openlog_stream(stream);
    }
    rte_log_set_global_level(RTE_LOG_WARNING);
}

EalLogCapture::EalLogCapture() {
    const std::lock_guard lock(the_log().mutex);
    the_log().capturing = true;
}

EalLogCapture::~EalLogCapture() {
    Log& log = the_log();
    const std::lock_guard lock(log.mutex);
    for (const std::string& line : log.kept) {
        print(line);
    }
    log.kept.clear();
    log.capturing = false;
}

std::string EalLogCapture::take() {
    Log& log = the_log();
    const std::lock_guard lock(log.mutex);
    std::string text;
    for (const std::string& line : log.kept) {
        text += (text.empty() ? " (" : " / ") + line;
    }
    log.kept.clear();
    return text.empty() ? text : text + ")";
}

}  // namespace picket::rx
