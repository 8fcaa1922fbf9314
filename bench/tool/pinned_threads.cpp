#include "bench/tool/pinned_threads.h"

#include <pthread.h>

#include <bit>
#include <utility>

namespace picket::bench {

PinnedThreads::PinnedThreads(const std::vector<unsigned>& cores) {
    for (unsigned thread = 0; thread < cores.size(); ++thread) {
        threads_.emplace_back([this, thread, core = cores[thread]] { serve(thread, core); });
    }
}

PinnedThreads::~PinnedThreads() {
    {
        const std::lock_guard lock(mutex_);
        leave_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void PinnedThreads::serve(unsigned thread, unsigned core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    const std::uint64_t own = std::uint64_t{1} << thread;
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [&] { return leave_ || (who_ & own) != 0; });
        if (leave_) return;
        who_ &= ~own;
        const auto& task = *task_;
        lock.unlock();
        std::exception_ptr failure;
        try {
            task(thread);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure) failure_ = failure;
        if (--busy_ == 0) done_.notify_one();
    }
}

void PinnedThreads::run_on(std::uint64_t who, const std::function<void(unsigned)>& task) {
    std::unique_lock lock(mutex_);
    task_ = &task;
    who_ = who;
    busy_ = static_cast<unsigned>(std::popcount(who));
    wake_.notify_all();
    done_.wait(lock, [this] { return busy_ == 0; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void PinnedThreads::run(const std::function<void(unsigned)>& task) {
    run_on(size() == 64 ? UINT64_MAX : (std::uint64_t{1} << size()) - 1, task);
}

void PinnedThreads::run_alone(unsigned thread, const std::function<void(unsigned)>& task) {
    run_on(std::uint64_t{1} << thread, task);
}

}  // namespace picket::bench
