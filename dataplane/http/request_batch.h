// The requests that a burst brought to light, on their way to matching and emission.
//
// Views point into the burst's frames, into assembly buffers, and into the batch's own arena (normalised
// URIs); all of them are valid until clear(). Bounded: whoever adds checks full() and flushes first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "dataplane/http/message_head.h"
#include "dataplane/match/flow_ends.h"

namespace picket::http {

struct FoundRequest {
    RequestHead head;
    std::string_view normalized;
    std::uint64_t time_ns = 0;
    std::uint32_t cold = 0;    // of the flow
    std::uint32_t number = 0;  // 0, 1, ... within the flow
    std::uint32_t flags = 0;   // api::RequestFlag
    std::uint8_t client_side = 0;
    bool told = false;        // a response, or a request whose head is known already: only matched
    bool flow_lost = false;   // bytes of the flow were lost before the packet that made it whole
    std::uint8_t packet = 0;  // of the burst, which made the request whole
};

class RequestBatch {
  public:
    static constexpr std::size_t requests_max = 64;
    static constexpr std::size_t arena_bytes = 128 * 1024;

    RequestBatch() : arena_(std::make_unique<char[]>(arena_bytes)) {}

    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    // The longest target that is kept and matched. A head that was gathered is never longer, one within a
    // single jumbo segment can be.
    static constexpr std::size_t target_max = 16 * 1024;
    static constexpr std::size_t body_max = 64 * 1024;
    static_assert(target_max + body_max <= arena_bytes);

    // A target of this length, at most target_max, and a body's kept bytes, if any, still fit with their
    // normalised forms.
    [[nodiscard]] bool has_room(std::size_t target_length) const noexcept {
        return count_ < requests_max && releases_ < requests_max && body_releases_ < requests_max &&
               target_length <= arena_bytes - arena_planned_;
    }
    // REQUIRES: has_room(target_length). The caller fills found and view.
    FoundRequest& add(std::size_t target_length) noexcept {
        arena_planned_ += target_length;
        found_[count_] = FoundRequest{};
        found_[count_].packet = packet_;
        found_[count_].flow_lost = flow_lost_;
        views_[count_] = match::RequestView{};
        return found_[count_++];
    }
    // What is added from now on comes from this packet of the burst.
    void set_packet(std::uint8_t packet, bool flow_lost) noexcept {
        packet_ = packet;
        flow_lost_ = flow_lost;
    }
    // The same for what is told of another flow than the packet's. Returns what it was.
    bool exchange_flow_lost(bool flow_lost) noexcept { return std::exchange(flow_lost_, flow_lost); }
    [[nodiscard]] std::span<char> arena_rest() noexcept {
        return {arena_.get() + arena_used_, arena_bytes - arena_used_};
    }
    void use_arena(std::size_t bytes) noexcept { arena_used_ += bytes; }

    // An assembly buffer whose text the batch still refers to.
    void release_later(std::uint32_t assembly) noexcept { release_[releases_++] = assembly; }
    [[nodiscard]] std::span<const std::uint32_t> releases() const noexcept {
        return {release_.data(), releases_};
    }
    // Likewise one of the body pool.
    void release_body_later(std::uint32_t body) noexcept { body_release_[body_releases_++] = body; }
    [[nodiscard]] std::span<const std::uint32_t> body_releases() const noexcept {
        return {body_release_.data(), body_releases_};
    }

    [[nodiscard]] std::span<FoundRequest> found() noexcept { return {found_.data(), count_}; }
    [[nodiscard]] std::span<match::RequestView> views() noexcept { return {views_.data(), count_}; }

    void clear() noexcept {
        count_ = 0;
        arena_used_ = 0;
        arena_planned_ = 0;
        releases_ = 0;
        body_releases_ = 0;
    }

  private:
    std::array<FoundRequest, requests_max> found_;
    std::array<match::RequestView, requests_max> views_;
    std::array<std::uint32_t, requests_max> release_{};
    std::array<std::uint32_t, requests_max> body_release_{};
    std::unique_ptr<char[]> arena_;
    std::size_t arena_used_ = 0;
    std::size_t arena_planned_ = 0;  // what the requests added so far may come to use
    std::size_t count_ = 0;
    std::size_t releases_ = 0;
    std::size_t body_releases_ = 0;
    bool flow_lost_ = false;
    std::uint8_t packet_ = 0;
};

}  // namespace picket::http
