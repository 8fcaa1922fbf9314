// How many requests may wait for something at a time: a waiting one holds a thread of the server, and the
// others need some too.
//
// Thread-safe.
#pragma once

#include <atomic>

namespace picket::serve {

class Waiters {
  public:
    explicit Waiters(int places) : places_(places) {}

    // Held while a request waits; taken() is false if all places are, and the request has to be answered at
    // once.
    class Place {
      public:
        explicit Place(Waiters& waiters)
            : waiters_(waiters), taken_(waiters.count_.fetch_add(1) < waiters.places_) {}
        ~Place() { waiters_.count_.fetch_sub(1); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        [[nodiscard]] bool taken() const noexcept { return taken_; }

      private:
        Waiters& waiters_;
        bool taken_;
    };

  private:
    int places_;
    std::atomic<int> count_{0};
};

}  // namespace picket::serve
