// The traffic of one worker: frame after frame of a mix over a steady number of flows.
//
// Flows are numbers. Those of a window [oldest, oldest + live) get packets, each as likely as any other and
// from either end; whoever begins moves the window by one, so that the oldest one falls silent (Population).
// With --flood the window stands still and new flows are numbered apart.
// One thread. Nothing allocates after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/random.h"
#include "bench/tool/frame_writer.h"
#include "bench/tool/population.h"
#include "bench/tool/request_texts.h"
#include "bench/tool/row.h"

namespace picket::bench {

class TrafficSource {
  public:
    // seed: differs from worker to worker, so that they send different flows too.
    TrafficSource(const RowSettings& row, const Population& population,
                  std::shared_ptr<const RequestTexts> requests, std::uint64_t seed);

    // The next frame, at most frame_bytes_max bytes; returns its length without check sequence.
    [[nodiscard]] std::size_t next(std::uint8_t* to) noexcept;

    // Before next(): the flow's packet number n of its beginning (0 opens, 1 answers, then small ones).
    // flow: 0 is the oldest one that exists, the silent ones first, flows() - 1 the newest.
    [[nodiscard]] std::size_t open(std::uint64_t flow, unsigned n, std::uint8_t* to) noexcept;
    // A small packet of a flow that has begun.
    [[nodiscard]] std::size_t keep(std::uint64_t flow, bool from_server, std::uint8_t* to) noexcept;
    [[nodiscard]] std::uint64_t flows() const noexcept { return silent_ + live_; }
    [[nodiscard]] std::uint64_t silent() const noexcept { return silent_; }

    // From now on: the share of packets that begin a flow.
    void set_new_flows(double share) noexcept;
    [[nodiscard]] std::uint64_t begun() const noexcept { return begun_; }

  private:
    // Where both ends are in their streams, so that segments follow each other without gaps.
    struct Stream {
        std::uint32_t client;
        std::uint32_t server;
        std::uint32_t unanswered;  // requests
    };

    [[nodiscard]] Ends ends_of(std::uint64_t flow) const noexcept;
    [[nodiscard]] Stream& stream_of(std::uint64_t flow) noexcept {
        return streams_[streams_.size() == 1 ? 0 : flow % live_];
    }
    [[nodiscard]] std::size_t begin_flow(std::uint8_t* to) noexcept;
    [[nodiscard]] std::size_t small(std::uint64_t flow, bool from_server, std::uint8_t flags,
                                    std::uint8_t* to) noexcept;
    [[nodiscard]] std::size_t data(std::uint64_t flow, bool from_server, std::size_t frame_bytes,
                                   std::uint8_t* to) noexcept;
    [[nodiscard]] std::size_t request(std::uint64_t flow, std::uint8_t* to) noexcept;

    // Rises with every frame, and is never 0.
    [[nodiscard]] std::uint16_t next_identification() noexcept {
        return static_cast<std::uint16_t>(++frames_ % 0xffff + 1);
    }

    std::uint32_t frames_ = 0;
    Mix mix_;
    bool flood_;
    bool stateful_;  // segments have payload, so streams advance
    std::uint64_t live_;
    std::uint64_t silent_;
    std::uint64_t first_;   // number of the oldest live flow
    std::uint64_t newest_;  // number that the next new flow takes
    std::uint64_t begun_ = 0;
    std::uint64_t new_below_ = 0;  // of 2^32: the packet begins a flow
    std::uint64_t request_below_;
    std::uint64_t full_below_;  // web: full segments of the server
    std::uint32_t ipv6_below_;  // of 2^16
    Random random_;
    std::shared_ptr<const RequestTexts> requests_;
    std::vector<Stream> streams_;
};

}  // namespace picket::bench
