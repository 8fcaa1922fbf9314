// A data plane without packets, for tests of the control plane: real segments, a real socket, scripted
// events.
//
// The test's thread writes events; a thread of its own accepts connections and answers commands. Owns the
// segments and the socket; everything ends with the object.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dataplane/api/events.h"
#include "dataplane/api/segment.h"

namespace picket::tests {

struct FakeSettings {
    std::uint32_t workers = 2;
    std::uint32_t ports = 1;
    std::size_t ring_size = std::size_t{1} << 20;
    bool replay = false;
    bool held = false;
    std::uint64_t run_id = 1;
    std::uint32_t hello_version = api::abi_version;
};

class FakeDataplane {
  public:
    explicit FakeDataplane(const FakeSettings& settings = {});
    ~FakeDataplane();
    FakeDataplane(const FakeDataplane&) = delete;
    FakeDataplane& operator=(const FakeDataplane&) = delete;

    [[nodiscard]] const std::string& socket_path() const { return socket_path_; }
    [[nodiscard]] api::EvidenceHeader& evidence() { return *evidence_; }
    [[nodiscard]] api::ControlHeader& control() { return *control_; }
    [[nodiscard]] api::WorkerArea& worker(std::uint32_t index);
    [[nodiscard]] api::PortArea& port(std::uint32_t index);
    [[nodiscard]] api::RuleCostArea& rule_costs();

    // Events on ring `ring`, visible at once. False if the ring is full.
    bool write(std::uint32_t ring, const void* event, std::size_t size);
    bool write_flow(std::uint32_t ring, const api::FlowRecord& record);
    bool write_request(std::uint32_t ring, api::RequestEvent event, std::string_view method,
                       std::string_view uri, std::string_view host);
    bool write_response(std::uint32_t ring, const api::ResponseEvent& event);
    bool write_note(std::uint32_t ring, api::EventKind kind, std::uint64_t value, std::uint64_t time_ns = 0);
    bool write_hit(std::uint32_t ring, const api::HitEvent& event);

    // Snapshots that every walk is answered with, by worker 0.
    void set_live_flows(std::vector<api::FlowRecord> flows);
    // Whether walks and commands are answered at all.
    void set_mute(bool mute) { mute_ = mute; }
    [[nodiscard]] std::vector<api::Command> commands() const;
    [[nodiscard]] bool connected() const { return client_ >= 0; }

    // Everything is read by the peer.
    [[nodiscard]] bool drained() const;
    void finish();      // state finished, after input_done of every worker
    void disconnect();  // as if the process had died; the socket is gone

  private:
    void serve();
    void accept_one();
    void answer_commands();
    void answer(const api::Command& command);
    void reply(std::uint64_t id, int status, std::string_view text);

    FakeSettings settings_;
    std::filesystem::path directory_;
    std::string socket_path_;
    int evidence_fd_ = -1;
    int control_fd_ = -1;
    std::size_t evidence_size_ = 0;
    std::size_t control_size_ = 0;
    std::byte* evidence_memory_ = nullptr;
    std::byte* control_memory_ = nullptr;
    api::EvidenceHeader* evidence_ = nullptr;
    api::ControlHeader* control_ = nullptr;
    std::vector<api::EventRingWriter> writers_;
    std::mutex writers_mutex_;
    int listener_ = -1;
    std::atomic<int> client_{-1};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> mute_{false};
    mutable std::mutex mutex_;
    std::vector<api::Command> commands_;
    std::vector<api::FlowRecord> live_;
    std::thread thread_;
};

// A flow record with plausible values: 10.0.0.1:1000 -> 10.0.0.2:80, TCP, one packet each way, final.
api::FlowRecord flow_record(std::uint64_t id, std::uint64_t start_ns = 1'000'000'000);
// Waits until the condition holds; false after five seconds.
bool eventually(const std::function<bool()>& condition);

}  // namespace picket::tests
