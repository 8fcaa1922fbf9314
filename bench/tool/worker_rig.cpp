#include "bench/tool/worker_rig.h"

#include <x86intrin.h>

#include <algorithm>

#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

// Flows begin over this time, and each gets a packet more often than its idle timeout asks for.
constexpr unsigned touches = 8;
constexpr unsigned cohorts = touches - 1;  // those that begin in the same round; the last has one answer
constexpr double round_s = 14.9;

constexpr double fold_above = 0.9;  // of a table that is given less room than it needs: Picket's default

PipelineSettings settings_of(const Shared& shared, unsigned worker) {
    PipelineSettings settings;
    settings.worker = worker;
    settings.workers = shared.row.workers;
    settings.symmetric_ports = 1;  // the NIC has brought every frame where it belongs
    settings.duplicates = shared.row.duplicates;
    settings.flow.capacity = shared.population.capacity;
    if (shared.row.flood || shared.row.capacity != 0) settings.flow.fold_above_share = fold_above;
    settings.flow.idle_timeout_ns.fill(shared.population.idle_timeout_ns);
    settings.flow.id_base = std::uint64_t{worker + 1} << 44;
    return settings;
}

}  // namespace

const flow::KeyedHash& bench_hash() noexcept {
    static const flow::KeyedHash hash(
        {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d});
    return hash;
}

WorkerRig::WorkerRig(const Shared& shared, unsigned worker)
    : shared_(shared),
      ring_(ring_bytes),
      area_(std::make_unique<api::WorkerArea>()),
      emitter_(api::EventRingWriter(ring_.data(), ring_bytes, written_, read_), {}),
      pipeline_(settings_of(shared, worker), bench_hash(), emitter_, shared.mesh, *area_),
      source_(shared.row, shared.population, shared.requests, worker + 1),
      lines_(static_cast<std::uint32_t>(shared.row.flows / shared.row.workers)),
      random_(worker + 100),
      bytes_(block_frames * ((frame_bytes_max + 63) / 64 * 64)) {
    ring_.populate();
    // What a segment carries behind its first bytes is whatever lies in the block: as if it were compressed.
    for (auto& byte : bytes_) byte = static_cast<std::uint8_t>(random_());
    if (shared.rules == nullptr) return;
    std::string error;
    auto matcher = match::Matcher::create(shared.rules, error);
    if (matcher == nullptr) throw SetupError("rules", error, "free memory");
    delete pipeline_.offer_matcher(matcher.release());
}

void WorkerRig::begin_flows() {
    begin(1e9, touches * round_s * 1e9);
    // One packet from either end at the pace of what follows: a flow that has been silent for seconds costs
    // its next packet a second line.
    for (const unsigned answer : {1u, 0u}) {
        for (std::uint64_t flow = source_.silent(); flow < source_.flows(); ++flow) {
            time_ns_ += shared_.population.packet_gap_ns;
            add_frame(source_.keep(flow, answer != 0, bytes_.data() + bytes_used_));
            if (frame_count_ == block_frames) process_block();
        }
        if (frame_count_ != 0) process_block();
    }
}

void WorkerRig::begin_flows_at(std::uint64_t now_ns) {
    constexpr double span_ns = 5e8;
    begin(static_cast<double>(now_ns) - span_ns, span_ns);
}

// Flow i gets a packet in each round from that of its cohort on; silent ones get one, in the last round.
void WorkerRig::begin(double start_ns, double span_ns) {
    const std::uint64_t flows = source_.flows();
    const double round_ns = span_ns / touches;
    for (unsigned round = 0; round < touches; ++round) {
        const bool last = round + 1 == touches;
        for (std::uint64_t flow = last ? 0 : source_.silent(); flow < flows; ++flow) {
            const bool silent = flow < source_.silent();
            const auto cohort = static_cast<unsigned>(flow % cohorts);
            if (!silent && cohort > round) continue;
            time_ns_ = start_ns + round_ns * (round + static_cast<double>(flow) / static_cast<double>(flows));
            add_frame(source_.open(flow, silent ? 0 : round - cohort, bytes_.data() + bytes_used_));
            if (frame_count_ == block_frames) process_block();
        }
        if (frame_count_ != 0) process_block();
    }
}

void WorkerRig::add_frame(std::size_t bytes) noexcept {
    rx::Frame& frame = frames_[frame_count_++];
    frame.data = bytes_.data() + bytes_used_;
    frame.captured_length = static_cast<std::uint32_t>(bytes);
    frame.wire_length = frame.captured_length;
    frame.time_ns = static_cast<std::uint64_t>(time_ns_);
    bytes_used_ += (bytes + 63) / 64 * 64;
    frame_bytes_ += bytes;
}

void WorkerRig::make_block() noexcept {
    const std::uint64_t begin = __rdtsc();
    while (frame_count_ < block_frames) {
        time_ns_ += shared_.population.packet_gap_ns;
        add_frame(source_.next(bytes_.data() + bytes_used_));
    }
    source_cycles_ += __rdtsc() - begin;
}

void WorkerRig::process_block() noexcept {
    const std::span<const rx::Frame> frames(frames_.data(), frame_count_);
    const std::uint64_t begin = __rdtsc();
    for (std::size_t at = 0; at < frames.size(); at += burst_max) {
        const auto burst = frames.subspan(at, std::min(burst_max, frames.size() - at));
        pipeline_.process(burst, Pipeline::Origin::queue);
        ++pipeline_.counters().bursts;
        pipeline_.housekeep(burst.back().time_ns);
    }
    cycles_ += __rdtsc() - begin;
    packets_ += frames.size();
    frame_count_ = 0;
    bytes_used_ = 0;
    drain();
}

Slice WorkerRig::totals() noexcept {
    Slice slice;
    slice.packets = packets_;
    slice.frame_bytes = frame_bytes_;
    slice.cycles = cycles_;
    slice.source_cycles = source_cycles_;
    slice.stage_cycles = pipeline_.counters().cycles_stage;
    slice.requests = pipeline_.counters().http_requests;
    slice.begun = source_.begun();
    return slice;
}

Slice WorkerRig::run(double seconds) noexcept {
    const std::uint64_t begin = __rdtsc();
    const std::uint64_t measured = begin + shared_.clock.cycles(seconds / 20);
    const std::uint64_t end = begin + shared_.clock.cycles(seconds);
    Slice before = totals();
    bool measuring = false;
    for (std::uint64_t now = begin; now < end || !measuring; now = __rdtsc()) {
        if (!measuring && now >= measured) {
            before = totals();
            measuring = true;
        }
        make_block();
        process_block();
        if (shared_.row.new_flows_per_s > 0) {
            const double packet_s = shared_.clock.ns(static_cast<double>(cycles_)) * 1e-9;
            source_.set_new_flows(shared_.row.new_flows_per_s / shared_.row.workers * packet_s /
                                  static_cast<double>(packets_));
        }
    }
    Slice slice = totals();
    slice.packets -= before.packets;
    slice.frame_bytes -= before.frame_bytes;
    slice.cycles -= before.cycles;
    slice.source_cycles -= before.source_cycles;
    for (std::size_t i = 0; i < api::stage_count; ++i) slice.stage_cycles[i] -= before.stage_cycles[i];
    slice.requests -= before.requests;
    slice.begun -= before.begun;
    return slice;
}

double WorkerRig::memory_limit(double seconds) noexcept {
    const std::uint64_t begin = __rdtsc();
    const std::uint64_t measured = begin + shared_.clock.cycles(seconds / 5);
    const std::uint64_t end = begin + shared_.clock.cycles(seconds);
    std::uint64_t cycles = 0;
    std::uint64_t lines = 0;
    for (std::uint64_t now = begin; now < end || lines == 0; now = __rdtsc()) {
        lines_.choose(random_);
        const std::uint64_t mark = __rdtsc();
        lines_.touch();
        if (mark < measured) continue;
        cycles += __rdtsc() - mark;
        lines += RandomLines::round_lines;
    }
    return static_cast<double>(cycles) / static_cast<double>(lines);
}

}  // namespace picket::bench
