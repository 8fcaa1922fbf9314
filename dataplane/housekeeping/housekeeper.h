// The data plane's main thread after start-up: answers picketd, watches ports, keeps the clock map.
//
// It is the only consumer of the mailbox, the only producer of the last event ring, and the only caller of
// device statistics. It runs until told to stop by a command or a signal, then drains the workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "dataplane/emit/emitter.h"
#include "dataplane/housekeeping/listener.h"
#include "dataplane/housekeeping/rule_loader.h"
#include "dataplane/housekeeping/segments.h"
#include "dataplane/worker.h"

namespace picket::housekeeping {

// Reads the device counters of a port.
using ReadPort = std::function<void(api::PortCounters&)>;

// Start time and clock rate, which readers may take once: before anybody can connect.
void write_start(api::EvidenceHeader& evidence) noexcept;

struct HousekeeperParts {
    Segments* segments = nullptr;
    Listener* listener = nullptr;
    emit::Emitter* emitter = nullptr;
    WorkerOrders* orders = nullptr;
    std::vector<Pipeline*> pipelines;
    std::deque<WorkerState>* states = nullptr;
    std::vector<ReadPort> ports;
    bool hold = false;
    bool replay = false;
};

class Housekeeper {
  public:
    explicit Housekeeper(HousekeeperParts parts);

    // Returns when the process is to end: all workers have finished and may be told to leave.
    // stop: set by a signal handler, or by this function when workers do not finish after a stop command.
    void run(std::atomic<bool>& stop);

  private:
    void tick();
    void note_peer();
    bool take_command(api::Command& command) noexcept;
    void execute(const api::Command& command);
    void load_rules(const api::Command& command);
    void copy_frames(const api::Command& command);
    void continue_walk() noexcept;
    void drain() noexcept;
    void update_state() noexcept;
    void update_clock() noexcept;
    void update_ports();
    void reply(const api::Command& command, int status, std::string_view text);
    [[nodiscard]] bool all_finished() const noexcept;

    HousekeeperParts parts_;
    RuleLoader rules_;
    api::EvidenceHeader* evidence_;
    std::uint64_t commands_taken_ = 0;
    std::optional<api::Command> walk_;  // waits for the walk before it
    std::vector<api::PortCounters> port_counters_;
    std::uint64_t ports_read_ns_ = 0;
    std::int64_t utc_minus_packet_ns_ = 0;
    std::uint64_t costs_told_ns_ = 0;
    bool leave_ = false;
};

}  // namespace picket::housekeeping
