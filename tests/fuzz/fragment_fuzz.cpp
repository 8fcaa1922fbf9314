// Fragments in any order, of any size, at any time, of both families: through the fragment stage alone, and
// through a worker's whole pipeline. Every fragment goes on exactly once, and no bound is passed.
//
// Input: settings (bit 0: the pipeline, 1: live, 2-3: how many datagrams, 4-5: how many held), then
// fragments: control (bits 0-1: identification, 2: IPv6, 3: more follow, 4: TCP, 5: the other direction, 6: a
// burst ends here, 7: the capture cuts it), step of time, offset in units of 8 (16 bits), length (16 bits),
// bytes.
#include "tests/fuzz/audit.h"

namespace picket {
namespace {

using testing::PacketBuilder;
using testing::PipelineHarness;
using testing::second_ns;

constexpr std::size_t fragments_max = 512;
constexpr std::size_t fragment_bytes_max = 9000;

class FragmentInput {
  public:
    explicit FragmentInput(fuzz::Input& input) : input_(&input) {}

    [[nodiscard]] bool empty() const { return input_->empty(); }
    // The next frame; ends_burst says whether a burst ends behind it.
    testing::OwnedFrame next() {
        const std::uint8_t control = input_->u8();
        step(input_->u8());
        const std::uint16_t unit = input_->u16() & 0x1fff;
        const auto bytes = input_->take(std::min<std::size_t>(input_->u16(), fragment_bytes_max));
        const bool more = (control & 8) != 0;
        const bool back = (control & 32) != 0;
        auto builder = PacketBuilder().ethernet();
        if ((control & 4) != 0) {
            builder.ipv6(back ? "2001:db8::2" : "2001:db8::1", back ? "2001:db8::1" : "2001:db8::2")
                .fragment(static_cast<std::uint16_t>(unit << 3 | (more ? 1 : 0)), control & 3);
        } else {
            const auto word = static_cast<std::uint16_t>(unit | (more ? 0x2000 : 0));
            builder.ipv4(back ? "10.0.0.2" : "10.0.0.1", back ? "10.0.0.1" : "10.0.0.2",
                         {.id = static_cast<std::uint16_t>(control & 3), .fragment = word});
        }
        builder.protocol((control & 16) != 0 ? parse::protocol_tcp : parse::protocol_udp);
        testing::OwnedFrame owned(fuzz::own_block(builder.payload(fuzz::as_text(bytes)).bytes()), time_ns_);
        if ((control & 128) != 0) {
            const std::size_t kept = owned.bytes.size() - bytes.size() / 2;
            owned = testing::OwnedFrame(fuzz::own_block(std::span(owned.bytes).first(kept)), time_ns_);
            owned.frame.wire_length += static_cast<std::uint32_t>(bytes.size() / 2);
        }
        ends_burst = (control & 64) != 0;
        return owned;
    }
    [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; }

    bool ends_burst = false;

  private:
    // Microseconds, seconds, and back.
    void step(std::uint8_t code) {
        const std::uint64_t distance = code & 63;
        if (code >> 6 == 0) time_ns_ += distance * 1000;
        if (code >> 6 == 1) time_ns_ += distance * second_ns;
        if (code >> 6 == 2) time_ns_ -= std::min(time_ns_ - second_ns, distance * second_ns);
        if (code >> 6 == 3) time_ns_ += distance * 1'000'000;
    }

    fuzz::Input* input_;
    std::uint64_t time_ns_ = 1000 * second_ns;
};

fragment::FragmentSettings settings_of(std::uint8_t bits) {
    constexpr std::array<std::size_t, 4> datagrams{1, 2, 5, 64};
    constexpr std::array<std::size_t, 4> held{1, 3, 8, 256};
    // Room for one datagram, or two.
    return {.datagrams = datagrams[bits >> 2 & 3],
            .bytes = fragment::datagram_chunks_max * fragment::chunk_bytes * (1 + (bits >> 2 & 1)),
            .held = held[bits >> 4 & 3],
            .times_jump = (bits & 2) == 0};
}

// What comes out of the stage: each fragment once, with a payload that can be read.
class Counter final : public fragment::FragmentSink {
  public:
    void pass(const parse::Packet& packet) noexcept override {
        fuzz::require(packet.sequence < seen.size() && !seen[packet.sequence], "a fragment goes on once");
        seen[packet.sequence] = true;
        ++passed;
        read(packet);
    }
    void hold(const parse::Packet& /*packet*/) noexcept override { ++held; }
    void release(const parse::Packet& packet) noexcept override {
        --held;
        fuzz::require(packet.payload_captured == 0 || packet.payload == nullptr ||
                          (packet.flags & parse::packet_later_fragment) != 0,
                      "what was held tells no payload");
        fuzz::require(!seen[packet.sequence], "a fragment goes on once");
        seen[packet.sequence] = true;
        ++passed;
        if (packet.ipv6 != nullptr) sum += packet.ipv6[31];
    }
    void tell_late(const parse::Packet& packet) noexcept override { read(packet); }
    void flush() noexcept override {}

    std::array<bool, fragments_max> seen{};
    std::size_t passed = 0;
    std::size_t held = 0;
    unsigned sum = 0;  // of all that was told: the sanitizer sees what cannot be read

  private:
    void read(const parse::Packet& packet) noexcept {
        fuzz::require(packet.payload_captured <= fragment::datagram_bytes_max, "no datagram is longer");
        for (std::size_t i = 0; i < packet.payload_captured; ++i) sum += packet.payload[i];
    }
};

void run_stage(FragmentInput& fragments, const fragment::FragmentSettings& settings) {
    Counter out;
    fragment::FragmentStage stage(settings, testing::test_hash, out);
    std::size_t taken = 0;
    while (taken < fragments_max && !fragments.empty()) {
        const testing::OwnedFrame owned = fragments.next();
        parse::Packet packet;
        if (parse::parse_frame(owned.frame, {}, testing::test_hash, packet)) continue;
        if ((packet.flags & parse::packet_fragment) == 0) continue;
        packet.hash = testing::test_hash(packet.key);
        packet.sequence = taken++;
        if (stage.may_be_over(packet.time_ns)) stage.end_pair(packet);
        stage.take(packet);
        fuzz::require(out.passed + out.held == taken, "every fragment has gone on or is held");
        fuzz::require(out.held <= settings.held, "no more are held than may be");
        if (!fragments.ends_burst) continue;
        stage.end_burst();
        if (!settings.times_jump) stage.expire(packet.time_ns);
        stage.forget(packet.time_ns);
    }
    stage.give_up_all();
    fuzz::require(out.passed == taken && out.held == 0, "every fragment has gone on");
    fuzz::require(!stage.waits(), "no datagram is open");
    api::WorkerCounters counters;
    stage.publish(counters);
    fuzz::require(
        counters.fragments_evicted + counters.fragments_timed_out + counters.fragment_datagrams <= taken,
        "no fragment is given up twice");
    fuzz::require(counters.fragments_contradicting <= taken, "no fragment contradicts twice");
}

void run_pipeline(FragmentInput& fragments, const fragment::FragmentSettings& settings) {
    auto all = PipelineHarness::replay_settings();
    all.fragments = settings;
    if (!settings.times_jump) {
        all.flow.fixed = true;
        all.flow.id_from_sequence = false;
        all.flow.capacity = 16;
    }
    PipelineHarness harness(all, nullptr, fuzz::ring_bytes);
    std::array<std::uint64_t, api::ports_max> fed{};
    while (fed[0] < fragments_max && !fragments.empty()) {
        harness.feed(fragments.next());
        ++fed[0];
        if (!fragments.ends_burst) continue;
        harness.run();
        fuzz::require(harness.area.ports[0].held <= settings.held, "no more are held than may be");
        harness.pipeline.housekeep(fragments.time_ns());
    }
    harness.run();
    harness.finish(fragments.time_ns());
    fuzz::require(harness.area.ports[0].held == 0, "no fragment is held any more");
    fuzz::check_audit(harness, fed);
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::use_small_pages();
    fuzz::Input input(data, size);
    const std::uint8_t bits = input.u8();
    FragmentInput fragments(input);
    if ((bits & 1) != 0) {
        run_pipeline(fragments, settings_of(bits));
    } else {
        run_stage(fragments, settings_of(bits));
    }
    return 0;
}
