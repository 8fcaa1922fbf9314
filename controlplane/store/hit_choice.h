// The rule hits that a question about probes needs, picked from hits one by one: those that are asked for,
// and those beside them, of which the campaigns around what is asked for are made.
//
// Not thread-safe. Bounded by a number of hits: the oldest go, those beside before those asked for, and are
// counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/store/hit_store.h"
#include "controlplane/store/query.h"

namespace picket::store {

// The query with its interval wider by reach_ns on both sides.
[[nodiscard]] Query widened(const Query& query, std::uint64_t reach_ns);

class HitChoice {
  public:
    // query outlives the choice. reach_ns: how far outside of its interval hits are of use.
    HitChoice(const Query& query, std::uint64_t reach_ns, std::size_t hits_max);

    // In the order of their coming.
    void add(const StoredHit& hit);
    // What was picked, in that order.
    [[nodiscard]] Hits take();

    // Hits asked for before this may be missing; 0: none are.
    [[nodiscard]] std::uint64_t horizon_ns() const noexcept { return horizon_ns_; }
    // What is missing, and what to do about it, in sentences.
    [[nodiscard]] std::vector<std::string> notes() const;

  private:
    struct Picked {
        std::uint64_t number;  // in the order of their coming
        std::shared_ptr<const StoredHit> hit;
    };
    void make_room();

    const Query& query_;
    Query reached_;
    std::size_t hits_max_;
    std::deque<Picked> asked_;
    std::deque<Picked> beside_;
    std::uint64_t added_ = 0;
    std::uint64_t asked_dropped_ = 0;
    std::uint64_t beside_dropped_ = 0;
    std::uint64_t horizon_ns_ = 0;
};

}  // namespace picket::store
