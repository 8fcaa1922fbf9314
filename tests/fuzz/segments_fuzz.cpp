// Both segments with headers that a hostile data plane changed: refused with a sentence, or every area and
// every ring can be read.
//
// Input: number of edits, edits of the headers (segment, offset (16 bits), width, value (64 bits)), then the
// bytes of the first ring.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controlplane/detect/rule_costs.h"
#include "controlplane/drain/ring_drainer.h"
#include "tests/fuzz/fuzz_input.h"

namespace picket {
namespace {

using fuzz::require;

constexpr std::size_t ring_bytes = 4 * api::event_size_max;
constexpr std::size_t page_bytes = 4096;

constexpr std::size_t to_page(std::size_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}
constexpr std::size_t workers_at = to_page(sizeof(api::EvidenceHeader));
constexpr std::size_t ports_at = to_page(workers_at + 2 * sizeof(api::WorkerArea));
constexpr std::size_t costs_at = to_page(ports_at + 2 * sizeof(api::PortArea));
constexpr std::size_t rings_at = to_page(costs_at + sizeof(api::RuleCostArea));
constexpr std::size_t evidence_bytes = rings_at + 3 * ring_bytes;
constexpr std::size_t rules_at = to_page(sizeof(api::ControlHeader));
constexpr std::size_t control_bytes = rules_at + page_bytes;

// Sound headers of two workers and two ports.
void set_up(api::EvidenceHeader& evidence, api::ControlHeader& control) {
    evidence.header_size = sizeof evidence;
    evidence.total_size = evidence_bytes;
    evidence.workers = 2;
    evidence.ports = 2;
    evidence.worker_areas_offset = workers_at;
    evidence.port_areas_offset = ports_at;
    evidence.rule_costs_offset = costs_at;
    evidence.rings_offset = rings_at;
    evidence.ring_size = ring_bytes;
    evidence.worker_area_size = sizeof(api::WorkerArea);
    evidence.port_area_size = sizeof(api::PortArea);
    evidence.rule_costs_size = sizeof(api::RuleCostArea);
    control.header_size = sizeof control;
    control.total_size = control_bytes;
    control.rule_area_offset = rules_at;
    control.rule_area_size = page_bytes;
}

int make_segment(std::size_t size, const void* header, std::size_t header_size) {
    const int fd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) std::abort();
    if (pwrite(fd, header, header_size, 0) != static_cast<ssize_t>(header_size)) std::abort();
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    return fd;
}

class CountingSink final : public drain::EventSink {
  public:
    void set_clock(std::int64_t /*difference*/) override {}
    void on_flows(std::span<const api::FlowRecord* const> records) override {
        for (const auto* record : records) total += record->flow_id;
    }
    void on_live_flow(const api::FlowRecord& record) override { total += record.flow_id; }
    void on_request(const api::RequestEvent& /*event*/, const drain::RequestTextViews& texts) override {
        read(texts.payload);
    }
    void on_response(const api::ResponseEvent& /*event*/, std::string_view type) override { read(type); }
    void on_response_end(const api::ResponseEndEvent& event) override { total += event.body_bytes; }
    void on_hit(const api::HitEvent& /*event*/, const drain::RequestTextViews& texts) override {
        read(texts.payload);
    }
    void on_watch(const api::WatchEvent& event) override { total += event.client_lists; }
    void on_fold(const api::FoldEvent& event) override {
        for (std::size_t i = 0; i < event.count; ++i) total += event.entries[i].packets;
    }
    void on_hit_count(const api::HitCountEvent& event) override { total += event.count; }
    void on_note(const api::NoteEvent& event) override { total += event.value; }
    void on_reply(const api::ReplyEvent& /*event*/, std::string_view text) override { read(text); }
    void on_packet(const api::PacketEvent& event, std::string_view frame) override {
        read(frame.substr(event.payload_at, event.payload_length));
    }
    void on_capture(const api::CaptureEvent& /*event*/, std::string_view path,
                    std::string_view error) override {
        read(path);
        read(error);
    }
    std::uint64_t total = 0;

  private:
    void read(std::string_view text) {
        for (const char byte : text) total += static_cast<std::uint8_t>(byte);
    }
};

void edit(fuzz::Input& input, api::EvidenceHeader& evidence, api::ControlHeader& control) {
    const bool of_control = (input.u8() & 1) != 0;
    const std::span<std::byte> header = of_control ? std::as_writable_bytes(std::span(&control, 1))
                                                   : std::as_writable_bytes(std::span(&evidence, 1));
    const std::size_t at = input.u16() % header.size();
    const std::size_t width = 1 + input.u8() % 8;
    const std::uint64_t value = input.u64();
    std::memcpy(header.data() + at, &value, std::min(width, header.size() - at));
}

void use(const std::shared_ptr<drain::Segments>& segments, CountingSink& sink) {
    for (std::uint32_t i = 0; i < segments->layout().workers; ++i) {
        sink.total += segments->worker(i).counters.bursts;
    }
    if (const auto costs = detect::read_rule_costs(*segments)) sink.total += costs->rules.size();
    for (std::uint32_t i = 0; i < segments->layout().ports; ++i) {
        api::PortCounters counters;
        if (segments->port(i).counters.read(counters, 4)) sink.total += counters.link_up;
    }
    for (std::uint32_t i = 0; i < segments->ring_count(); ++i) {
        require(segments->ring_used(i) <= segments->layout().ring_size, "a ring holds no more than fits");
    }
    for (const std::byte byte : segments->rule_area()) sink.total += static_cast<std::uint8_t>(byte);
    require(segments->state() <= api::DataplaneState::failed, "a state is one of those that are known");
    drain::RingDrainer drainer(segments, sink);
    while (drainer.drain_round() > 0) {
    }
    require(drainer.broken_rings() <= segments->ring_count(), "rings are counted once");
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::Input input(data, size);
    const auto evidence = std::make_unique<api::EvidenceHeader>();
    const auto control = std::make_unique<api::ControlHeader>();
    set_up(*evidence, *control);
    const unsigned edits = input.u8() % 8;
    const std::size_t written = (input.size() > edits * 12 ? input.size() - edits * 12 : 0) / 8 * 8;
    evidence->ring_written[0].value = std::min(written, ring_bytes);
    for (unsigned i = 0; i < edits; ++i) edit(input, *evidence, *control);
    const auto ring = input.take(ring_bytes);
    const int evidence_fd = make_segment(evidence_bytes, evidence.get(), sizeof *evidence);
    if (pwrite(evidence_fd, ring.data(), ring.size(), rings_at) != static_cast<ssize_t>(ring.size()))
        std::abort();
    const int control_fd = make_segment(control_bytes, control.get(), sizeof *control);
    std::string error;
    CountingSink sink;
    if (const auto segments = drain::Segments::map(evidence_fd, control_fd, error)) {
        use(segments, sink);
    } else {
        require(!error.empty(), "a refusal says why");
    }
    return 0;
}
