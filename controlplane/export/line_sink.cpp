#include "controlplane/export/line_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dataplane/api/setup_error.h"

namespace picket::exporter {

namespace {

constexpr std::size_t buffer_bytes = 128 * 1024;
constexpr std::size_t queue_max = 64;

}  // namespace

LineSink::LineSink(const std::string& path, bool wait_when_full)
    : path_(path), wait_when_full_(wait_when_full) {
    file_ = path == "-" ? dup(STDOUT_FILENO)
                        : open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file_ < 0) {
        throw SetupError(path, std::string("cannot write events to it: ") + std::strerror(errno),
                         "name a file in a directory that picketd may write");
    }
    filling_.text.reserve(buffer_bytes);
    thread_ = std::thread([this] { work(); });
}

LineSink::~LineSink() {
    flush();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
    close(file_);
}

void LineSink::write(const char* line, std::size_t length) {
    if (filling_.text.size() + length > buffer_bytes) flush();
    filling_.text.append(line, length);
    ++filling_.lines;
}

void LineSink::flush() {
    if (filling_.lines == 0) return;
    std::unique_lock lock(mutex_);
    if (wait_when_full_) changed_.wait(lock, [&] { return queue_.size() < queue_max || !error_.empty(); });
    if (queue_.size() >= queue_max || !error_.empty()) {
        dropped_.fetch_add(filling_.lines, std::memory_order_relaxed);
    } else {
        queue_.push_back(std::move(filling_));
        changed_.notify_all();
    }
    filling_ = {};
    filling_.text.reserve(buffer_bytes);
}

void LineSink::flush_and_wait() {
    flush();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return (queue_.empty() && !writing_) || !error_.empty(); });
}

std::string LineSink::error() const {
    const std::lock_guard lock(mutex_);
    return error_;
}

void LineSink::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        const Buffer buffer = std::move(queue_.front());
        queue_.pop_front();
        writing_ = true;
        lock.unlock();
        const bool done = write_all(buffer.text);
        const int code = errno;
        lock.lock();
        writing_ = false;
        (done ? written_ : dropped_).fetch_add(buffer.lines, std::memory_order_relaxed);
        if (!done && error_.empty()) {
            error_ = "cannot write events to " + (path_ == "-" ? std::string("standard output") : path_) +
                     ": " + std::strerror(code) + "; events after this are lost";
        }
        changed_.notify_all();
    }
}

bool LineSink::write_all(const std::string& text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const ssize_t bytes = ::write(file_, text.data() + at, text.size() - at);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes <= 0) return false;
        at += static_cast<std::size_t>(bytes);
    }
    return true;
}

}  // namespace picket::exporter
