#include "controlplane/drain/segments.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace picket::drain {

namespace {

// Is [offset, offset + count * size) within [0, total), aligned, without overflow?
bool within(std::uint64_t offset, std::uint64_t count, std::uint64_t size, std::uint64_t total,
            std::uint64_t alignment) {
    if (offset > total || offset % alignment != 0) return false;
    return count == 0 || size <= (total - offset) / count;
}

std::optional<std::string> check_sealed(int fd, std::uint64_t& size, const char* name) {
    struct stat status {};
    if (fstat(fd, &status) != 0) return std::string(name) + " segment: " + std::strerror(errno);
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
        // Reading beyond a file that was cut meanwhile would kill picketd.
        return std::string(name) + " segment is not sealed against shrinking";
    }
    size = static_cast<std::uint64_t>(status.st_size);
    return {};
}

}  // namespace

std::string other_version_sentence(std::uint32_t version) {
    return "it is a data plane of another contract version (it speaks " + std::to_string(version) +
           ", this picketd speaks " + std::to_string(api::abi_version) +
           "); install picket-dataplane and picketd from the same build";
}

std::optional<std::string> check_evidence(const api::EvidenceHeader& header, std::uint64_t size,
                                          SegmentLayout& layout) {
    if (size < sizeof(api::EvidenceHeader)) return "evidence segment is shorter than its header";
    if (header.magic != api::evidence_magic) return "evidence segment does not begin with Picket's magic";
    if (header.version != api::abi_version) return other_version_sentence(header.version);
    if (header.header_size != sizeof(api::EvidenceHeader) ||
        header.worker_area_size != sizeof(api::WorkerArea) ||
        header.port_area_size != sizeof(api::PortArea) ||
        header.rule_costs_size != sizeof(api::RuleCostArea)) {
        return "evidence segment's structures have other sizes than this picketd's; install both programs "
               "from the same build";
    }
    layout.workers = header.workers;
    layout.ports = header.ports;
    layout.worker_areas_offset = header.worker_areas_offset;
    layout.port_areas_offset = header.port_areas_offset;
    layout.rule_costs_offset = header.rule_costs_offset;
    layout.rings_offset = header.rings_offset;
    layout.ring_size = header.ring_size;
    if (layout.workers == 0 || layout.workers > api::workers_max || layout.ports > api::ports_max) {
        return "evidence segment names an impossible number of workers or ports";
    }
    if (!std::has_single_bit(layout.ring_size) || layout.ring_size < 4 * api::event_size_max) {
        return "evidence segment names an impossible ring size";
    }
    const std::uint64_t total = std::min<std::uint64_t>(header.total_size, size);
    if (!within(layout.worker_areas_offset, layout.workers, sizeof(api::WorkerArea), total,
                api::cache_line) ||
        !within(layout.port_areas_offset, layout.ports, sizeof(api::PortArea), total, api::cache_line) ||
        !within(layout.rule_costs_offset, 1, sizeof(api::RuleCostArea), total, api::cache_line) ||
        !within(layout.rings_offset, std::uint64_t{layout.workers} + 1, layout.ring_size, total, 8)) {
        return "evidence segment's areas do not lie within it";
    }
    layout.run_id = header.run_id;
    layout.started_utc_ns = header.started_utc_ns;
    layout.tsc_hz = header.tsc_hz;
    layout.process_id = header.process_id;
    layout.replay = header.replay != 0;
    const auto* end = std::find(header.build_version.begin(), header.build_version.end(), '\0');
    layout.build_version.assign(header.build_version.begin(), end);
    return {};
}

std::optional<std::string> check_control(const api::ControlHeader& header, std::uint64_t size,
                                         SegmentLayout& layout) {
    if (size < sizeof(api::ControlHeader)) return "control segment is shorter than its header";
    if (header.magic != api::control_magic) return "control segment does not begin with Picket's magic";
    if (header.version != api::abi_version) return other_version_sentence(header.version);
    if (header.header_size != sizeof(api::ControlHeader)) return "control segment's header has another size";
    layout.rule_area_offset = header.rule_area_offset;
    layout.rule_area_size = header.rule_area_size;
    if (!within(layout.rule_area_offset, 1, layout.rule_area_size, size, 64)) {
        return "control segment's rule area does not lie within it";
    }
    return {};
}

std::shared_ptr<Segments> Segments::map(int evidence_fd, int control_fd, std::string& error) {
    std::shared_ptr<Segments> segments(new Segments);
    std::uint64_t evidence_size = 0;
    std::uint64_t control_size = 0;
    auto problem = check_sealed(evidence_fd, evidence_size, "evidence");
    if (!problem) problem = check_sealed(control_fd, control_size, "control");
    if (!problem &&
        (evidence_size < sizeof(api::EvidenceHeader) || control_size < sizeof(api::ControlHeader))) {
        problem = "the data plane's segments are shorter than their headers";
    }
    if (!problem) {
        void* evidence = mmap(nullptr, evidence_size, PROT_READ, MAP_SHARED, evidence_fd, 0);
        void* control = mmap(nullptr, control_size, PROT_READ | PROT_WRITE, MAP_SHARED, control_fd, 0);
        if (evidence != MAP_FAILED)
            segments->evidence_ = {static_cast<const std::byte*>(evidence), evidence_size};
        if (control != MAP_FAILED) segments->control_ = {static_cast<std::byte*>(control), control_size};
        if (evidence == MAP_FAILED || control == MAP_FAILED) {
            problem = std::string("cannot map the data plane's segments: ") + std::strerror(errno);
        }
    }
    if (!problem) problem = check_evidence(segments->evidence(), evidence_size, segments->layout_);
    if (!problem) problem = check_control(segments->control(), control_size, segments->layout_);
    close(evidence_fd);
    close(control_fd);
    if (!problem) return segments;
    error = *problem;
    return nullptr;
}

Segments::~Segments() {
    if (!evidence_.empty()) munmap(const_cast<std::byte*>(evidence_.data()), evidence_.size());
    if (!control_.empty()) munmap(control_.data(), control_.size());
}

const api::WorkerArea& Segments::worker(std::uint32_t index) const noexcept {
    const auto* areas =
        reinterpret_cast<const api::WorkerArea*>(evidence_.data() + layout_.worker_areas_offset);
    return areas[std::min(index, layout_.workers - 1)];
}

const api::PortArea& Segments::port(std::uint32_t index) const noexcept {
    const auto* areas = reinterpret_cast<const api::PortArea*>(evidence_.data() + layout_.port_areas_offset);
    return areas[index];
}

const api::RuleCostArea& Segments::rule_costs() const noexcept {
    return *reinterpret_cast<const api::RuleCostArea*>(evidence_.data() + layout_.rule_costs_offset);
}

const std::byte* Segments::ring(std::uint32_t index) const noexcept {
    return evidence_.data() + layout_.rings_offset + index * layout_.ring_size;
}

std::span<std::byte> Segments::rule_area() const noexcept {
    return control_.subspan(layout_.rule_area_offset, layout_.rule_area_size);
}

api::DataplaneState Segments::state() const noexcept {
    const auto state = evidence().state.load(std::memory_order_acquire);
    return state <= static_cast<std::uint32_t>(api::DataplaneState::failed) ? api::DataplaneState{state}
                                                                            : api::DataplaneState::failed;
}

std::uint64_t Segments::ring_used(std::uint32_t index) const noexcept {
    const auto written = evidence().ring_written[index].value.load(std::memory_order_acquire);
    const auto read = control().ring_read[index].value.load(std::memory_order_relaxed);
    return std::min(written - read, layout_.ring_size);
}

}  // namespace picket::drain
