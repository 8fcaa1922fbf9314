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
    bool next_known = false;

    [[nodiscard]] bool idle() const noexcept { return mode == StreamMode::between && held.empty(); }
};

struct alignas(64) StreamState {
    std::array<StreamSide, 2> sides;  // by side of the key
    std::uint32_t cold = flow::no_index;
    std::uint32_t answered = 0;           // the request whose response goes on
    std::uint32_t body = flow::no_index;  // BodyPool: the client's body that is kept, as far as it has come
    bool response_goes_on = false;        // its end is still to be told
    bool roles_unknown = false;           // the first bytes are missing: who is the client will be seen
    bool ended = false;                   // another protocol has taken over
    bool used = false;                    // since the clock's hand passed

    [[nodiscard]] bool idle() const noexcept { return sides[0].idle() && sides[1].idle(); }
};
static_assert(sizeof(StreamState) == 128, "two lines");

class StatePool {
  public:
    explicit StatePool(std::size_t count) : memory_(count * sizeof(StreamState)), count_(count) {
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
    // no_index if all are in use.
    [[nodiscard]] std::uint32_t take() noexcept {
        if (free_.empty()) return flow::no_index;
        const std::uint32_t index = free_.back();
        free_.pop_back();
        return index;
    }
    void give_back(std::uint32_t index) noexcept { free_.push_back(index); }
    // The state that has not been used for long, as a clock goes round. REQUIRES: all are in use.
    [[nodiscard]] StreamState& stale() noexcept {
        constexpr std::size_t passes_max = 64;
        for (std::size_t i = 0;; ++i) {
            StreamState& state = (*this)[static_cast<std::uint32_t>(hand_)];
            hand_ = hand_ + 1 == count_ ? 0 : hand_ + 1;
            if (!state.used || i == passes_max) return state;
            state.used = false;
        }
    }
    [[nodiscard]] std::size_t in_use() const noexcept { return count_ - free_.size(); }

  private:
    flow::PageMapping memory_;
    std::size_t count_;
    std::vector<std::uint32_t> free_;
    std::size_t hand_ = 0;
};

}  // namespace picket::http
