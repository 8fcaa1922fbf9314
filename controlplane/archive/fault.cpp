#include "controlplane/archive/fault.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include "dataplane/api/setup_error.h"

namespace picket::archive {

namespace {

constexpr std::size_t any_point = fault_names.size();

// Written by arm_fault() alone, before the flag is set.
std::size_t fatal_point = any_point;
std::atomic<std::uint64_t> left{0};

std::size_t point_of(std::string_view name) {
    const auto found = std::find(fault_names.begin(), fault_names.end(), name);
    return static_cast<std::size_t>(found - fault_names.begin());
}

}  // namespace

void fault::reached(FaultPoint point) noexcept {
    if (fatal_point != any_point && fatal_point != static_cast<std::size_t>(point)) return;
    if (left.fetch_sub(1, std::memory_order_relaxed) == 1) kill(getpid(), SIGKILL);
}

void arm_fault(const std::string& fault) {
    const std::size_t colon = fault.rfind(':');
    const std::string name = fault.substr(0, colon);
    const std::size_t point = point_of(name);
    std::uint64_t count = 0;
    const char* const end = fault.data() + fault.size();
    const char* const digits = colon == std::string::npos ? end : fault.data() + colon + 1;
    const auto [stop, error] = std::from_chars(digits, end, count);
    if ((point == any_point && name != "any") || error != std::errc() || stop != end || count == 0) {
        throw SetupError("PICKET_FAULT", "'" + fault + "' is not NAME:COUNT with a name of a fault point",
                         "unset it: it ends picketd, and is for tests only", 2);
    }
    fatal_point = point;
    left.store(count, std::memory_order_relaxed);
    fault::armed.store(true, std::memory_order_release);
}

void arm_fault_from_environment() {
    if (const char* const fault = std::getenv("PICKET_FAULT")) arm_fault(fault);
}

}  // namespace picket::archive
