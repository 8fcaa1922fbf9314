// Two workers share nothing: whatever one of them writes while packets pass lies in lines of its own.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "dataplane/api/event_ring.h"
#include "dataplane/pipeline.h"
#include "dataplane/steer/mesh.h"
#include "dataplane/worker.h"

namespace picket {
namespace {

// Aligned to lines and so of whole lines: two of them can touch no line in common, in an array, a deque or
// on the heap.
template <typename Written>
constexpr bool has_lines_of_its_own() {
    return alignof(Written) >= api::cache_line && sizeof(Written) % api::cache_line == 0;
}
static_assert(has_lines_of_its_own<Pipeline>());
static_assert(has_lines_of_its_own<emit::Emitter>());
static_assert(has_lines_of_its_own<steer::MeshInbox>());
static_assert(has_lines_of_its_own<LiveWorker>());
static_assert(has_lines_of_its_own<ReplayWorker>());
static_assert(has_lines_of_its_own<ReplayPlan::Progress>());
static_assert(has_lines_of_its_own<api::WorkerArea>());
static_assert(has_lines_of_its_own<api::RingPosition>());

std::uintptr_t line_of(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) / api::cache_line;
}

// What the allocator makes of it, which the types alone do not tell.
TEST(Sharing, NeighboursOnTheHeapAndInDequesHaveLinesOfTheirOwn) {
    steer::Mesh mesh(2, std::size_t{1} << 16);
    const auto first = std::make_unique<steer::MeshInbox>(mesh, 0);
    const auto second = std::make_unique<steer::MeshInbox>(mesh, 1);
    EXPECT_NE(line_of(first.get()), line_of(second.get()));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.get()) % api::cache_line, 0u);

    std::deque<ReplayWorker> workers(3);
    for (std::size_t i = 1; i < workers.size(); ++i) {
        const auto* end = reinterpret_cast<const std::byte*>(&workers[i - 1]) + sizeof(ReplayWorker) - 1;
        EXPECT_NE(line_of(end), line_of(&workers[i]));
    }
}

// The producer's and the consumer's side of a ring between two workers.
TEST(Sharing, SidesOfARingHaveLinesOfTheirOwn) {
    alignas(api::cache_line) api::RingPosition written;
    alignas(api::cache_line) api::RingPosition read;
    EXPECT_NE(line_of(&written), line_of(&read));
    static_assert(alignof(steer::MeshRing) >= api::cache_line);
}

}  // namespace
}  // namespace picket
