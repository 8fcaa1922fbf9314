#include "dataplane/housekeeping/segments.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "dataplane/api/setup_error.h"
#include "version.h"

namespace picket::housekeeping {
namespace {

constexpr std::size_t page = 4096;

std::size_t round_up_page(std::size_t bytes) noexcept {
    return (bytes + page - 1) & ~(page - 1);
}

[[noreturn]] void fail(const std::string& what) {
    throw SetupError("shared memory", what + ": " + std::strerror(errno),
                     "free memory or lower [dataplane] memory_mib");
}

std::byte* make_segment(const char* name, std::size_t bytes, int& fd) {
    fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) fail("memfd_create");
    if (ftruncate(fd, static_cast<off_t>(bytes)) != 0)
        fail("cannot size " + std::to_string(bytes >> 20) + " MiB");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) fail("cannot seal against resizing");
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED) fail("cannot map " + std::to_string(bytes >> 20) + " MiB");
    return static_cast<std::byte*>(memory);
}

template <std::size_t N>
void copy_name(std::array<char, N>& to, const std::string& from) noexcept {
    const std::size_t length = std::min(from.size(), N - 1);
    std::memcpy(to.data(), from.data(), length);
}

}  // namespace

Segments::Segments(std::size_t workers, const std::vector<SegmentPort>& ports, std::size_t ring_bytes,
                   bool replay) {
    const std::size_t workers_at = round_up_page(sizeof(api::EvidenceHeader));
    const std::size_t ports_at = round_up_page(workers_at + workers * sizeof(api::WorkerArea));
    const std::size_t costs_at = round_up_page(ports_at + ports.size() * sizeof(api::PortArea));
    const std::size_t rings_at = round_up_page(costs_at + sizeof(api::RuleCostArea));
    evidence_bytes_ = rings_at + (workers + 1) * ring_bytes;
    evidence_memory_ = make_segment("picket-evidence", evidence_bytes_, evidence_fd_);
    // Our own mapping stays writable; every later one can only read (Linux 5.1).
    if (fcntl(evidence_fd_, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
        fail("cannot seal against other writers (Linux 5.1 or newer is needed)");
    }
    evidence_ = new (evidence_memory_) api::EvidenceHeader;
    evidence_->header_size = sizeof(api::EvidenceHeader);
    evidence_->total_size = evidence_bytes_;
    evidence_->workers = static_cast<std::uint32_t>(workers);
    evidence_->ports = static_cast<std::uint32_t>(ports.size());
    evidence_->worker_areas_offset = workers_at;
    evidence_->port_areas_offset = ports_at;
    evidence_->rule_costs_offset = costs_at;
    evidence_->rings_offset = rings_at;
    evidence_->ring_size = ring_bytes;
    evidence_->worker_area_size = sizeof(api::WorkerArea);
    evidence_->port_area_size = sizeof(api::PortArea);
    evidence_->rule_costs_size = sizeof(api::RuleCostArea);
    evidence_->process_id = static_cast<std::uint64_t>(getpid());
    evidence_->replay = replay ? 1 : 0;
    copy_name(evidence_->build_version, PICKET_VERSION);
    if (getrandom(&evidence_->run_id, sizeof evidence_->run_id, 0) != sizeof evidence_->run_id)
        fail("getrandom");
    for (std::size_t i = 0; i < workers; ++i) {
        new (evidence_memory_ + workers_at + i * sizeof(api::WorkerArea)) api::WorkerArea;
    }
    for (std::size_t i = 0; i < ports.size(); ++i) {
        auto* area = new (evidence_memory_ + ports_at + i * sizeof(api::PortArea)) api::PortArea;
        copy_name(area->name, ports[i].name);
        copy_name(area->group, ports[i].group);
        copy_name(area->device, ports[i].device);
    }

    new (evidence_memory_ + costs_at) api::RuleCostArea;

    const std::size_t rules_at = round_up_page(sizeof(api::ControlHeader));
    control_bytes_ = rules_at + api::rule_area_size_default;
    control_memory_ = make_segment("picket-control", control_bytes_, control_fd_);
    if (fcntl(control_fd_, F_ADD_SEALS, F_SEAL_SEAL) != 0) fail("cannot seal");
    control_ = new (control_memory_) api::ControlHeader;
    control_->header_size = sizeof(api::ControlHeader);
    control_->total_size = control_bytes_;
    control_->rule_area_offset = rules_at;
    control_->rule_area_size = api::rule_area_size_default;
}

Segments::~Segments() {
    if (evidence_memory_ != nullptr) munmap(evidence_memory_, evidence_bytes_);
    if (control_memory_ != nullptr) munmap(control_memory_, control_bytes_);
    if (evidence_fd_ >= 0) close(evidence_fd_);
    if (control_fd_ >= 0) close(control_fd_);
}

api::WorkerArea& Segments::worker_area(std::size_t worker) noexcept {
    return *reinterpret_cast<api::WorkerArea*>(evidence_memory_ + evidence_->worker_areas_offset +
                                               worker * sizeof(api::WorkerArea));
}

api::PortArea& Segments::port_area(std::size_t port) noexcept {
    return *reinterpret_cast<api::PortArea*>(evidence_memory_ + evidence_->port_areas_offset +
                                             port * sizeof(api::PortArea));
}

api::RuleCostArea& Segments::rule_costs() noexcept {
    return *reinterpret_cast<api::RuleCostArea*>(evidence_memory_ + evidence_->rule_costs_offset);
}

api::EventRingWriter Segments::ring_writer(std::size_t ring) noexcept {
    return {evidence_memory_ + evidence_->rings_offset + ring * evidence_->ring_size, evidence_->ring_size,
            evidence_->ring_written[ring], control_->ring_read[ring]};
}

const std::byte* Segments::rule_bytes(std::uint64_t offset, std::uint64_t size) const noexcept {
    // The control header is not trusted: the area is where this process laid it out.
    const std::uint64_t begin = round_up_page(sizeof(api::ControlHeader));
    if (offset < begin || offset > control_bytes_ || size > control_bytes_ - offset) return nullptr;
    return control_memory_ + offset;
}

}  // namespace picket::housekeeping
