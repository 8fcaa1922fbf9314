// Frames on their way to the worker that owns their flow: one bounded ring for every pair of workers.
//
// Why copies: a frame's buffer goes back to its queue at the end of the burst, and an mbuf of another core's
// queue must not be held. Ring (from, to) has one producer and one consumer; nothing is shared otherwise.
// Frames of one ring stay in order. Nothing blocks or allocates after construction.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/flow/flow_table.h"
#include "dataplane/rx/frame.h"

namespace picket::steer {

enum class PushResult : std::uint8_t { pushed, full, oversize };

class MeshRing {
  public:
    // bytes: a power of two. Frames up to a quarter of it fit.
    explicit MeshRing(std::size_t bytes);

    // Producer.
    [[nodiscard]] PushResult push(const rx::Frame& frame) noexcept;
    // Consumer: the oldest frame, whose bytes stay valid until release_until() passes it. peek(n) counts on
    // from a position that the consumer keeps: it returns the position behind the frame, or `position`
    // itself if there is none.
    [[nodiscard]] std::uint64_t peek(std::uint64_t position, rx::Frame& frame) noexcept;
    void release_until(std::uint64_t position) noexcept {
        read_.value.store(position, std::memory_order_release);
    }

  private:
    struct Entry {
        std::uint64_t time_ns;
        std::uint64_t sequence;
        std::uint32_t captured_length;  // skip_mark: go on at the beginning of the ring
        std::uint32_t wire_length;
        std::uint16_t port;
        rx::LinkType link_type;
        std::uint32_t quote_only;
    };
    static_assert(sizeof(Entry) == 32);
    static constexpr std::uint32_t skip_mark = 0xffffffff;

    struct alignas(64) Position {
        std::atomic<std::uint64_t> value{0};
    };

    flow::PageMapping memory_;
    std::size_t capacity_;
    Position written_;             // producer's
    std::uint64_t read_seen_ = 0;  // producer's copy of read_
    Position read_;                // consumer's
};

// All rings of a data plane.
class Mesh {
  public:
    Mesh(std::size_t workers, std::size_t ring_bytes);
    [[nodiscard]] MeshRing& ring(std::size_t from, std::size_t to) noexcept {
        return *rings_[from * workers_ + to];
    }
    [[nodiscard]] std::size_t workers() const noexcept { return workers_; }

  private:
    std::size_t workers_;
    std::vector<std::unique_ptr<MeshRing>> rings_;
};

// What one worker receives from all others.
class alignas(64) MeshInbox {
  public:
    MeshInbox(Mesh& mesh, std::size_t worker);

    // Live: any frames there are, ring after ring. Valid until release().
    std::size_t receive(std::span<rx::Frame> out) noexcept;

    // Replay: the frame with the least sequence among the rings' heads; false if all are empty.
    bool head(rx::Frame& frame) noexcept;
    // Takes what head() returned last; its bytes stay valid until release().
    void take_head() noexcept;

    // Gives the space of all frames taken so far back.
    void release() noexcept;

  private:
    struct alignas(64) Source {
        MeshRing* ring;
        std::uint64_t position = 0;
        std::uint64_t next = 0;  // behind `frame`, if has_head
        rx::Frame frame;
        bool has_head = false;
    };
    std::vector<Source> sources_;
    std::size_t head_source_ = 0;
    std::size_t turn_ = 0;
};

}  // namespace picket::steer
