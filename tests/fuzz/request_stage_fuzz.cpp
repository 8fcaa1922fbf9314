// The http stage over TCP segments in order, repeated, with gaps, cut by the capture, of mistaken direction:
// every buffer comes back, and what was counted was told.
//
// Input: settings, then segments: control (bit 0: from the server, 1-2: connection, 3-5: kind), length
// (16 bits), bytes.
#include <algorithm>

#include "tests/fuzz/audit.h"
#include "tests/fuzz/fuzz_rules.h"

namespace picket {
namespace {

using testing::PipelineHarness;
using testing::second_ns;

constexpr std::size_t segments_max = 256;
constexpr std::size_t segment_bytes_max = 20'000;

enum class Kind : std::uint8_t { in_order, again, gap, cut, fin, reset, begin, later };

class Connections {
  public:
    explicit Connections(PipelineHarness& harness) : harness_(&harness) {}

    void send(std::uint8_t control, std::string_view payload) {
        const unsigned side = control & 1;
        const unsigned connection = control >> 1 & 3;
        const auto kind = static_cast<Kind>(control >> 3 & 7);
        const auto length = static_cast<std::uint32_t>(payload.size());
        auto& mine = next_[connection][side];
        if (kind == Kind::again) mine -= length;
        if (kind == Kind::gap) mine += 1 + length;
        time_ns_ += kind == Kind::later ? 400 * second_ns : 1000;
        const testing::TcpFields fields{flags_of(kind), mine, next_[connection][1 - side]};
        const auto port = static_cast<std::uint16_t>(4000 + connection);
        auto builder = testing::PacketBuilder().ethernet();
        if (side == 0) {
            builder.ipv4("10.1.7.44", "203.0.113.80").tcp(port, 80, fields);
        } else {
            builder.ipv4("203.0.113.80", "10.1.7.44").tcp(80, port, fields);
        }
        testing::OwnedFrame owned(builder.payload(payload).bytes(), time_ns_);
        if (kind == Kind::cut) {
            // In a block of its own, so that the first byte that is not there is seen.
            owned = testing::OwnedFrame(
                {owned.bytes.begin(), owned.bytes.end() - static_cast<std::ptrdiff_t>(length / 2)}, time_ns_);
            owned.frame.wire_length += length / 2;
        }
        harness_->feed(std::move(owned));
        mine += length + (kind == Kind::begin ? 1 : 0);
    }
    [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; }

  private:
    static std::uint8_t flags_of(Kind kind) {
        if (kind == Kind::begin) return parse::tcp_syn;
        if (kind == Kind::fin) return parse::tcp_fin | parse::tcp_ack;
        if (kind == Kind::reset) return parse::tcp_rst | parse::tcp_ack;
        return parse::tcp_psh | parse::tcp_ack;
    }

    PipelineHarness* harness_;
    std::array<std::array<std::uint32_t, 2>, 4> next_{};
    std::uint64_t time_ns_ = second_ns;
};

PipelineSettings settings_of(std::uint8_t bits) {
    auto settings = PipelineHarness::replay_settings();
    settings.http.assemblies = 1 + (bits & 3);
    return settings;
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::use_small_pages();
    fuzz::Input input(data, size);
    const std::uint8_t bits = input.u8();
    PipelineHarness harness(settings_of(bits), nullptr, fuzz::ring_bytes);
    if ((bits & 4) != 0) {
        static const auto rules = fuzz::load_fuzz_rules();
        std::string error;
        harness.pipeline.offer_matcher(match::Matcher::create(rules, error).release());
        harness.pipeline.housekeep(second_ns);
    }
    Connections connections(harness);
    std::array<std::uint64_t, api::ports_max> fed{};
    for (; fed[0] < segments_max && !input.empty(); ++fed[0]) {
        const std::uint8_t control = input.u8();
        const std::size_t length = std::min<std::size_t>(input.u16(), segment_bytes_max);
        connections.send(control, fuzz::as_text(input.take(length)));
    }
    harness.run(1 + (bits >> 3) % burst_max);
    harness.finish(connections.time_ns());
    fuzz::check_audit(harness, fed);
    const auto answers = std::ranges::count_if(
        harness.responses, [](const auto& response) { return response.event.request != api::request_none; });
    fuzz::require(static_cast<std::size_t>(answers) <= harness.requests.size(),
                  "an answer that names a request answers one");
    return 0;
}
