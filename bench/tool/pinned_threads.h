// Threads that stay on their cores and do the same task together, again and again. While there is no task
// they sleep. run() is for the thread that made them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace picket::bench {

class PinnedThreads {
  public:
    explicit PinnedThreads(const std::vector<unsigned>& cores);
    ~PinnedThreads();
    PinnedThreads(const PinnedThreads&) = delete;
    PinnedThreads& operator=(const PinnedThreads&) = delete;

    [[nodiscard]] unsigned size() const noexcept { return static_cast<unsigned>(threads_.size()); }

    // Runs task(n) on every thread n and returns when all are done; throws what one of them threw.
    void run(const std::function<void(unsigned)>& task);
    // The same on one thread, while the others sleep.
    void run_alone(unsigned thread, const std::function<void(unsigned)>& task);

  private:
    void serve(unsigned thread, unsigned core);
    void run_on(std::uint64_t who, const std::function<void(unsigned)>& task);

    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable done_;
    const std::function<void(unsigned)>* task_ = nullptr;
    std::uint64_t who_ = 0;  // bit n: thread n has still to begin
    unsigned busy_ = 0;
    bool leave_ = false;
    std::exception_ptr failure_;
    std::vector<std::thread> threads_;
};

}  // namespace picket::bench
