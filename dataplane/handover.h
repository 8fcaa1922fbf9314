// Something that the housekeeping thread makes, a worker uses, and the housekeeping thread frees.
//
// The worker takes the newest one between bursts, and puts the one that it gives up where the housekeeping
// thread finds it: nothing is freed while packets pass. Neither side ever waits.
#pragma once

#include <atomic>

namespace picket {

template <typename T>
class Handover {
  public:
    Handover() = default;
    ~Handover() {
        delete offered_.load();
        delete retired_.load();
    }
    Handover(const Handover&) = delete;
    Handover& operator=(const Handover&) = delete;

    // --- housekeeping thread ---
    // Returns the one that was offered before and has not been taken, or nullptr.
    T* offer(T* fresh) noexcept { return offered_.exchange(fresh, std::memory_order_acq_rel); }
    // The one that the worker no longer uses, once; nullptr if there is none.
    T* take_retired() noexcept { return retired_.exchange(nullptr, std::memory_order_acq_rel); }

    // --- worker ---
    [[nodiscard]] bool has_offer() const noexcept {
        return offered_.load(std::memory_order_relaxed) != nullptr;
    }
    // nullptr if none is offered, or there is no place yet for what it replaces.
    T* take() noexcept {
        if (retired_.load(std::memory_order_acquire) != nullptr) return nullptr;
        return offered_.exchange(nullptr, std::memory_order_acq_rel);
    }
    // REQUIRES: take() has returned one since the last call.
    void retire(T* old) noexcept { retired_.store(old, std::memory_order_release); }

  private:
    std::atomic<T*> offered_{nullptr};
    std::atomic<T*> retired_{nullptr};
};

}  // namespace picket
