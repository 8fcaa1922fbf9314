// Frames that an operator asks the data plane for: one capture at a time, polled by whoever began it.
//
// Thread-safe. Bounded: what is not fetched in time beyond bytes_waiting_max is counted as lost. A capture
// that nobody has asked for packets for owner_patience ends by itself.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/drain/mailbox_client.h"
#include "controlplane/store/packet_store.h"

namespace picket::drain {

// The instructions of a filter expression as tcpdump has them (pcap-filter(7)), for Ethernet frames; empty:
// all frames. False and a sentence if it has a mistake or is too long. Names of hosts are looked up.
bool compile_filter(const std::string& expression, std::vector<api::FilterInstruction>& program,
                    std::string& error);

class LiveCapture {
  public:
    static constexpr std::size_t bytes_waiting_max = std::size_t{64} << 20;
    static constexpr std::chrono::seconds owner_patience{10};

    explicit LiveCapture(MailboxClient& mailbox) : mailbox_(mailbox) {}

    struct Order {
        std::vector<api::FilterInstruction> program;
        std::uint32_t frame_bytes = 0;  // of each at most
        std::uint64_t packets_max = 0;  // 0: until it is stopped
    };
    // The number of the new capture, or 0 and a sentence: one is running, or there is no data plane.
    std::uint32_t start(const Order& order, std::string& error);

    struct Taken {
        store::Packets packets;
        bool over = false;  // no more will come
    };
    // What has come since the last call; waits for some.
    Taken take(std::uint32_t capture, std::chrono::milliseconds wait);

    struct Counts {
        std::uint64_t packets = 0;  // fetched
        std::uint64_t lost = 0;     // found no room here
    };
    Counts stop(std::uint32_t capture);

    // --- drain thread ---
    void deliver(std::uint32_t capture, store::StoredPacket packet);
    void look_for_owner();
    // The data plane is another one, or gone.
    void abandon();

  private:
    using Clock = std::chrono::steady_clock;

    void end_locked();
    void tell_to_stop();

    MailboxClient& mailbox_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint32_t capture_ = 0;  // the newest
    bool running_ = false;
    std::uint64_t packets_left_ = 0;
    store::Packets waiting_;
    std::size_t bytes_waiting_ = 0;
    Counts counts_;
    Clock::time_point asked_;    // when its owner last asked
    Clock::time_point stopped_;  // when the data plane was last told to
};

}  // namespace picket::drain
