// picket-dataplane: start-up in the order in which things depend on each other, and the way back.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <deque>
#include <exception>
#include <string_view>
#include <thread>

#include "dataplane/api/setup_error.h"
#include "dataplane/housekeeping/housekeeper.h"
#include "dataplane/housekeeping/privileges.h"
#include "dataplane/housekeeping/settings.h"
#include "dataplane/live_ports.h"
#include "dataplane/replay_input.h"
#include "dataplane/worker.h"

namespace picket {
namespace {

std::atomic<bool> stop_requested{false};

void on_signal(int /*signal*/) {
    stop_requested.store(true);
}

// Capture files are read through maps: if another process cuts one while it is replayed, touching what is
// gone raises SIGBUS. Nothing can be saved then, but it can be said.
void on_bus_error(int /*signal*/) {
    constexpr std::string_view sentence =
        "picket-dataplane: a capture file became shorter while it was read; replay a copy that nobody writes "
        "to\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, sentence.data(), sentence.size());
    _exit(4);
}

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    std::signal(SIGBUS, on_bus_error);
    std::signal(SIGPIPE, SIG_IGN);
}

std::vector<housekeeping::SegmentPort> segment_ports(const housekeeping::Settings& settings) {
    std::vector<housekeeping::SegmentPort> ports;
    const std::size_t count = settings.replay ? replay_ports(settings.ports.size()) : settings.ports.size();
    for (std::size_t i = 0; i < count; ++i) {
        const auto& port = settings.ports[i];
        ports.push_back({port.name, port.group, port.device.text});
    }
    return ports;
}

// Everything that workers and housekeeping use, in the order of construction.
class Dataplane {
  public:
    explicit Dataplane(const housekeeping::Settings& settings)
        : settings_(settings),
          segments_(settings.workers(), segment_ports(settings), settings.ring_bytes, settings.replay),
          housekeeping_emitter_(segments_.ring_writer(settings.workers()),
                                {static_cast<std::uint16_t>(settings.workers()), false, nullptr}),
          mesh_(settings.workers(), mesh_ring_bytes) {
        if (settings_.replay) {
            open_captures(settings_, housekeeping_emitter_, plan_);
        } else {
            live_ = std::make_unique<LivePorts>(settings_);
            for (const auto& warning : live_->warnings())
                std::fprintf(stderr, "picket-dataplane: %s\n", warning.c_str());
        }
        make_workers();
    }

    void run() {
        housekeeping::write_start(segments_.evidence());
        housekeeping::Listener listener(settings_.socket_path, segments_);
        housekeeping::drop_privileges();
        launch_workers();
        housekeeping::HousekeeperParts parts;
        parts.segments = &segments_;
        parts.listener = &listener;
        parts.emitter = &housekeeping_emitter_;
        parts.orders = &orders_;
        for (const auto& pipeline : pipelines_) parts.pipelines.push_back(pipeline.get());
        parts.states = &states_;
        parts.ports.resize(segment_ports(settings_).size());
        for (std::size_t i = 0; live_ != nullptr && i < parts.ports.size(); ++i) {
            parts.ports[i] = [this, i](api::PortCounters& counters) { live_->read(i, counters); };
        }
        parts.hold = settings_.hold;
        parts.replay = settings_.replay;
        try {
            housekeeping::Housekeeper(std::move(parts)).run(stop_requested);
        } catch (...) {
            stop_requested.store(true);
            orders_.drain.store(true);
            join_workers();
            throw;
        }
        join_workers();
    }

  private:
    static constexpr std::size_t mesh_ring_bytes = std::size_t{4} << 20;

    void make_workers() {
        const flow::KeyedHash hash(flow::KeyedHash::random_secrets());
        for (std::size_t i = 0; i < settings_.workers(); ++i) {
            emitters_.emplace_back(segments_.ring_writer(i),
                                   emit::EmitterSettings{static_cast<std::uint16_t>(i), settings_.replay,
                                                         settings_.replay ? &stop_requested : nullptr});
            PipelineSettings pipeline;
            pipeline.worker = static_cast<std::uint32_t>(i);
            pipeline.workers = static_cast<std::uint32_t>(settings_.workers());
            pipeline.ports = segments_.evidence().ports;
            pipeline.parse = settings_.parse;
            pipeline.flow = settings_.flow;
            pipeline.http = settings_.http;
            pipeline.duplicates = settings_.duplicates;
            pipeline.alert_packets = settings_.alert_packets;
            pipeline.flow.id_base = (i + 1) << 44;
            const bool nic_model = settings_.replay && settings_.rss_model == rx::RssModel::two_tuple;
            pipeline.symmetric_ports = live_ != nullptr ? live_->symmetric_ports()
                                       : nic_model      ? 0xffffffff
                                                        : 0;
            pipelines_.push_back(std::make_unique<Pipeline>(pipeline, hash, emitters_.back(), &mesh_,
                                                            segments_.worker_area(i)));
            states_.emplace_back();
        }
    }

    std::unique_ptr<steer::MeshInbox> inbox_of(std::size_t worker) {
        return settings_.workers() > 1 ? std::make_unique<steer::MeshInbox>(mesh_, worker) : nullptr;
    }

    void launch_workers() {
        for (std::size_t i = 0; i < settings_.workers(); ++i) {
            Pipeline* pipeline = pipelines_[i].get();
            if (live_ != nullptr) {
                live_workers_.push_back({pipeline, live_->queues_of(i), inbox_of(i),
                                         static_cast<std::uint32_t>(settings_.workers())});
                continue;
            }
            replay_workers_.push_back({pipeline, static_cast<std::uint32_t>(i), inbox_of(i)});
        }
        for (std::size_t i = 0; i < settings_.workers(); ++i) {
            if (live_ != nullptr) {
                live_->launch(i, [this, i] {
                    housekeeping::drop_privileges();
                    run_live_worker(live_workers_[i], orders_, states_[i]);
                });
            } else {
                threads_.emplace_back(
                    [this, i] { run_replay_worker(replay_workers_[i], plan_, orders_, states_[i]); });
            }
        }
    }

    void join_workers() {
        orders_.leave.store(true);
        for (auto& thread : threads_) thread.join();
        if (live_ == nullptr) return;
        for (std::size_t i = 0; i < settings_.workers(); ++i) live_->wait(i);
        live_->stop();
    }

    housekeeping::Settings settings_;
    housekeeping::Segments segments_;
    emit::Emitter housekeeping_emitter_;
    steer::Mesh mesh_;
    std::unique_ptr<LivePorts> live_;
    ReplayPlan plan_;
    WorkerOrders orders_;
    std::deque<WorkerState> states_;
    std::deque<emit::Emitter> emitters_;
    std::vector<std::unique_ptr<Pipeline>> pipelines_;
    std::deque<LiveWorker> live_workers_;  // after live_: queues go before their ports
    std::deque<ReplayWorker> replay_workers_;
    std::vector<std::thread> threads_;
};

}  // namespace
}  // namespace picket

int main(int argc, char** argv) {
    try {
        picket::housekeeping::Settings settings;
        if (!picket::housekeeping::parse_settings(argc, argv, settings)) return 0;
        picket::catch_signals();
        picket::Dataplane(settings).run();
        return 0;
    } catch (const picket::SetupError& error) {
        std::fprintf(stderr, "picket-dataplane: %s\n", error.what());
        return error.exit_status();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "picket-dataplane: %s\n", error.what());
        return 3;
    }
}
