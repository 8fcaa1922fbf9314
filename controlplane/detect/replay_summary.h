// What a replay's report says of flows: counts, talkers, protocols; without keeping the flows.
//
// The drain thread adds, HTTP threads read copies under the lock. Memory: at most talkers_max addresses;
// what further addresses send is counted together.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/store/flat_map.h"
#include "dataplane/api/events.h"

namespace picket::detect {

struct CaptureFile {
    std::string path;
    std::string error;  // empty: undamaged
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
    bool truncated = false;
};

// Of the flows that one address began.
struct Talker {
    api::Address address;
    std::uint64_t flows = 0;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_ns = 0;  // UTC
    std::uint64_t last_ns = 0;
};

struct ProtocolCount {
    std::uint8_t protocol = 0;
    std::uint64_t flows = 0;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
};

class ReplaySummary {
  public:
    // False: only captures and the end of the input are noted (live, where a summary would grow for ever).
    void count_flows(bool enabled);

    void add_flows(std::span<const api::FlowRecord* const> records, std::int64_t utc_minus_packet_ns);
    void add_capture(CaptureFile capture);
    void add_input_done(std::uint16_t worker);

    [[nodiscard]] std::uint64_t flows() const;
    [[nodiscard]] std::vector<CaptureFile> captures() const;
    [[nodiscard]] std::vector<Talker> talkers(std::size_t count) const;  // by bytes
    [[nodiscard]] Talker other_talkers() const;                  // addresses that found no room, together
    [[nodiscard]] std::vector<ProtocolCount> protocols() const;  // by packets
    [[nodiscard]] std::size_t workers_done() const;

    static constexpr std::size_t talkers_max = 900'000;

  private:
    struct Count {
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
        std::uint64_t flows = 0;
        std::uint64_t first_ns = 0;
        std::uint64_t last_ns = 0;

        void add(const api::FlowRecord& record, std::int64_t utc_minus_packet_ns) noexcept;
    };

    bool count_flows_ = true;
    mutable std::mutex mutex_;
    std::uint64_t flows_ = 0;
    store::FlatMap<api::Address, Count> talkers_;
    Count other_;
    std::array<Count, 256> protocols_{};
    std::vector<CaptureFile> captures_;
    std::uint64_t workers_done_ = 0;  // bit a worker
};

}  // namespace picket::detect
