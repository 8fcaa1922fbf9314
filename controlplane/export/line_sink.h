// Lines to a file or standard output through a bounded queue and a thread of its own.
//
// One producer (the drain thread). When the queue is full, the producer waits (replay: nothing is lost) or
// whole buffers are dropped and counted (live: a slow disk never slows the data plane).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace picket::exporter {

class LineSink {
  public:
    // path: a file, which is appended to, or "-". Throws SetupError if it cannot be opened.
    LineSink(const std::string& path, bool wait_when_full);
    ~LineSink();
    LineSink(const LineSink&) = delete;
    LineSink& operator=(const LineSink&) = delete;

    // A whole line, with its line feed.
    void write(const char* line, std::size_t length);
    // Hands the buffer over, without waiting for the disk.
    void flush();
    // Returns when everything written so far has reached the file, or failed to.
    void flush_and_wait();

    [[nodiscard]] std::uint64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
    // A sentence about the first failed write; empty while all is well.
    [[nodiscard]] std::string error() const;

  private:
    struct Buffer {
        std::string text;
        std::uint64_t lines = 0;
    };

    void work();
    bool write_all(const std::string& text);

    std::string path_;
    bool wait_when_full_;
    int file_ = -1;
    Buffer filling_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Buffer> queue_;
    bool writing_ = false;
    bool stopping_ = false;
    std::string error_;
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::thread thread_;
};

}  // namespace picket::exporter
