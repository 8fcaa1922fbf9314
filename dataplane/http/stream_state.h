// What the http stage knows of a flow beyond its cold record: taken only while a head or a body goes on over
// a segment's end, or segments wait for a gap to fill. Found by ColdFlow::http_state.
//
// One worker's; no allocation after construction, and untouched states cost no memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/flow/page_mapping.h"
#include "dataplane/http/age_queue.h"
#include "dataplane/http/body_skipper.h"
#include "dataplane/http/segment_pool.h"

namespace picket::http {

enum class StreamMode : std::uint8_t {
    between,    // the next message begins here
    head,       // a head is gathered in `assembly`
    head_rest,  // a head was longer than the buffer; its lines are looked at one by one in `assembly`
    body,
};

struct StreamSide {
    BodySkipper body;        // head_rest: what will follow, as far as is known
    std::uint32_t next = 0;  // sequence number of the next byte to be looked at
    std::uint32_t assembly = flow::no_index;
    HeldList held;
    StreamMode mode = StreamMode::between;
    bool next_known : 1 = false;
    bool earlier : 1 = false;       // what is being looked at lies before all that was told of the side
    std::uint8_t unplaced = 0;      // segments that are held while `next` is not known
    std::uint8_t acknowledged = 0;  // how often the peer has, what is held

    [[nodiscard]] bool idle() const noexcept { return mode == StreamMode::between && held.empty(); }
};

struct alignas(64) StreamState {
    std::array<StreamSide, 2> sides;  // by side of the key
    std::uint32_t cold = flow::no_index;
    std::uint32_t answered = 0;           // the request whose response goes on
    std::uint32_t body = flow::no_index;  // BodyPool: the client's body that is kept, as far as it has come
    std::uint32_t epoch = 0;              // of its last use (AgeQueue)
    // A side: packet time of the first acknowledgment that StreamSide::acknowledged counts.
    std::array<std::uint32_t, 2> acknowledged_us{};
    bool response_goes_on = false;  // its end is still to be told
    bool roles_unknown = false;     // the first bytes are missing: who is the client will be seen
    bool ended = false;             // another protocol has taken over

    [[nodiscard]] bool idle() const noexcept { return sides[0].idle() && sides[1].idle(); }
};
static_assert(sizeof(StreamState) == 128, "two lines");

class StatePool {
  public:
    explicit StatePool(std::size_t count)
        : memory_(count * sizeof(StreamState)), count_(count), by_age_(count) {
        free_.reserve(count);
        for (std::size_t i = count; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
    }

    [[nodiscard]] StreamState& operator[](std::uint32_t index) const noexcept {
        return reinterpret_cast<StreamState*>(memory_.data())[index];
    }
    void prefetch(std::uint32_t index) const noexcept {
        const auto* state = reinterpret_cast<const std::byte*>(&(*this)[index]);
        __builtin_prefetch(state, 1);
        __builtin_prefetch(state + 64, 1);
    }
    // One that is like the given one; no_index if all are in use.
    [[nodiscard]] std::uint32_t take(const StreamState& like) noexcept {
        if (free_.empty()) return flow::no_index;
        const std::uint32_t index = free_.back();
        free_.pop_back();
        (*this)[index] = like;
        by_age_.append(index, (*this)[index].epoch);
        return index;
    }
    void give_back(std::uint32_t index) noexcept {
        by_age_.remove(index);
        free_.push_back(index);
    }
    void use(std::uint32_t index) noexcept { by_age_.use(index, (*this)[index].epoch); }
    // The state that has not been used for longest. REQUIRES: some are in use.
    [[nodiscard]] StreamState& oldest() const noexcept { return (*this)[by_age_.oldest()]; }
    [[nodiscard]] std::size_t in_use() const noexcept { return count_ - free_.size(); }

  private:
    flow::PageMapping memory_;
    std::size_t count_;
    std::vector<std::uint32_t> free_;
    AgeQueue by_age_;
};

}  // namespace picket::http
