// One worker's whole pipeline on a sequence of frames with times, ports and link types: nothing is lost or
// counted twice (audit.h).
//
// Input: settings, then frames: control (bits 0-1: port, 2-5: link type, 6: the wire had more, 7: a burst
// ends here), step of time, length (16 bits), bytes.
#include "tests/fuzz/audit.h"
#include "tests/fuzz/frame_input.h"
#include "tests/fuzz/fuzz_rules.h"

namespace picket {
namespace {

using testing::PipelineHarness;
using testing::second_ns;

constexpr std::size_t frames_max = 512;

PipelineSettings settings_of(std::uint8_t bits) {
    auto settings = PipelineHarness::replay_settings();
    settings.alert_packets = 5;
    settings.ports = 4;
    settings.parse.vlan_in_key = (bits & 1) != 0;
    if ((bits & 2) != 0) {  // live
        settings.flow.fixed = true;
        settings.flow.id_from_sequence = false;
        settings.flow.capacity = 16;
        settings.flow.fold_above_share = (bits & 4) != 0 ? 0.5 : 0;
    }
    settings.flow.payload_bytes = (bits & 8) != 0 ? 16 : 0;
    settings.http.assemblies = (bits & 16) != 0 ? 1 : 8;
    settings.duplicates = static_cast<Duplicates>((bits >> 6) % 3);
    settings.flow.paired_ports = 3;
    return settings;
}

// Forwards and backwards, from microseconds to years; never beyond what a capture reader hands out.
std::uint64_t step(std::uint64_t now_ns, std::uint8_t code) {
    constexpr std::uint64_t latest_ns = INT64_MAX;
    constexpr std::array<std::uint64_t, 8> units{
        1000, second_ns / 1000, second_ns, 60 * second_ns, 86400 * second_ns, 1u << 31, second_ns, 0};
    const std::uint64_t distance = units[code >> 5] * (code & 31);
    if (code >> 5 == 7) return latest_ns - (code & 31);
    if (code >> 5 == 6) return now_ns - std::min(now_ns, distance);
    return std::min(now_ns + distance, latest_ns);
}

void offer_rules(PipelineHarness& harness, std::uint64_t now_ns) {
    static const auto rules = fuzz::load_fuzz_rules();
    std::string error;
    harness.pipeline.offer_matcher(match::Matcher::create(rules, error).release());
    harness.pipeline.housekeep(now_ns);
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::use_small_pages();
    fuzz::Input input(data, size);
    const std::uint8_t bits = input.u8();
    PipelineHarness harness(settings_of(bits), nullptr, fuzz::ring_bytes);
    std::uint64_t now_ns = 1'000'000 * second_ns;
    if ((bits & 32) != 0) offer_rules(harness, now_ns);
    std::array<std::uint64_t, api::ports_max> fed{};
    std::size_t waiting = 0;
    for (std::size_t i = 0; i < frames_max && !input.empty(); ++i) {
        const std::uint8_t control = input.u8();
        now_ns = step(now_ns, input.u8());
        const std::size_t length = input.u16();
        testing::OwnedFrame owned(fuzz::own_block(input.take(length)), now_ns,
                                  fuzz::link_type_of(control >> 2 & 15));
        owned.frame.port = control & 3;
        if ((control & 64) != 0) owned.frame.wire_length += 100;
        ++fed[owned.frame.port];
        harness.feed(std::move(owned));
        ++waiting;
        if ((control & 128) == 0 && waiting < burst_max) continue;
        harness.run();
        harness.pipeline.housekeep(now_ns);
        waiting = 0;
    }
    harness.run();
    harness.finish(now_ns);
    fuzz::check_audit(harness, fed);
    return 0;
}
