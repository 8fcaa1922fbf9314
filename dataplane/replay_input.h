// The capture files of a replay: opened, told to the control plane, and planned for the workers.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/emit/emitter.h"
#include "dataplane/housekeeping/settings.h"
#include "dataplane/worker.h"

namespace picket {

// Ports of a replay: one a capture file while they last; further files share the last one.
[[nodiscard]] std::size_t replay_ports(std::size_t captures) noexcept;

// Opens all files and writes one CaptureEvent each. A file that is damaged is used as far as it goes, one
// that is no capture at all is reported and left out. Throws SetupError (exit status 2) for a file that
// cannot be opened.
void open_captures(const housekeeping::Settings& settings, emit::Emitter& emitter, ReplayPlan& plan);

}  // namespace picket
