#include "dataplane/replay_input.h"

#include <algorithm>

#include "dataplane/api/setup_error.h"

namespace picket {

namespace {

// For `picket event show` and the log of a running Picket; a replay's report names it in any case.
void note_damage(emit::Emitter& emitter, const std::string& sentence) {
    emitter.reply(api::EventKind::sensor_note, 0, 0, sentence, 0);
}

}  // namespace

std::size_t replay_ports(std::size_t captures) noexcept {
    return std::min(captures, api::ports_max);
}

void open_captures(const housekeeping::Settings& settings, emit::Emitter& emitter, ReplayPlan& plan) {
    plan.rss = settings.rss_model;
    plan.progress = std::vector<ReplayPlan::Progress>(settings.workers());
    for (std::size_t i = 0; i < settings.ports.size(); ++i) {
        const std::string& path = settings.ports[i].device.target;
        api::CaptureEvent event;
        event.port = static_cast<std::uint16_t>(std::min(i, api::ports_max - 1));
        try {
            const auto file = rx::CaptureFile::open(path);
            const rx::CaptureSummary& summary = file->summary();
            event.packets = summary.packets;
            event.bytes = summary.bytes;
            event.first_ns = summary.first_ns;
            event.last_ns = summary.last_ns;
            event.truncated = summary.truncated ? 1 : 0;
            plan.last_ns = std::max(plan.last_ns, summary.last_ns);
            plan.inputs.push_back({file, event.port});
            emitter.capture(event, path, summary.error);
            if (!summary.error.empty()) note_damage(emitter, path + ": " + summary.error);
        } catch (const SetupError& error) {
            if (error.exit_status() != 4) throw;
            emitter.capture(event, path, error.what());
            note_damage(emitter, error.what());
        }
    }
    emitter.publish();
}

}  // namespace picket
