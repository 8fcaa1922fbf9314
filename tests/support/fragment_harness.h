// Datagrams cut into fragments, a FragmentStage, and all that came out of it.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "dataplane/fragment/fragment_stage.h"
#include "dataplane/parse/parse_frame.h"
#include "tests/support/flow_harness.h"
#include "tests/support/packet_builder.h"

namespace picket::testing {

// The IP payload of a UDP datagram from port 5000 to 53.
inline std::string udp_datagram(std::string_view payload) {
    const auto bytes = PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(5000, 53).bytes();
    return std::string(bytes.end() - 8, bytes.end()).append(payload);
}

inline std::string tcp_datagram(std::string_view payload, TcpFields fields = {}) {
    const auto bytes = PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(5000, 80, fields).bytes();
    return std::string(bytes.end() - 20, bytes.end()).append(payload);
}

// Letters that differ from one place to the next.
inline std::string letters(std::size_t length) {
    std::string text(length, ' ');
    for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>('a' + i * 7 / 3 % 26);
    return text;
}

struct Cut {
    std::size_t offset;
    std::size_t length;
    bool more;
};

// Cuts of `size` bytes, a multiple of 8.
inline std::vector<Cut> cuts_of(std::size_t length, std::size_t size) {
    std::vector<Cut> cuts;
    for (std::size_t at = 0; at < length; at += size) {
        cuts.push_back({at, std::min(size, length - at), at + size < length});
    }
    return cuts;
}

struct DatagramFields {
    std::uint32_t id = 7;
    std::uint8_t protocol = parse::protocol_udp;
    bool ipv6 = false;
};

inline PacketBuilder fragment_of(std::string_view bytes, const Cut& cut, DatagramFields fields = {}) {
    auto builder = PacketBuilder().ethernet();
    if (fields.ipv6) {
        const auto word = static_cast<std::uint16_t>(cut.offset | (cut.more ? 1 : 0));
        builder.ipv6("2001:db8::1", "2001:db8::2").fragment(word, fields.id);
    } else {
        const auto word = static_cast<std::uint16_t>(cut.offset / 8 | (cut.more ? 0x2000 : 0));
        builder.ipv4("10.0.0.1", "10.0.0.2", {.id = static_cast<std::uint16_t>(fields.id), .fragment = word});
    }
    return builder.protocol(fields.protocol).payload(bytes.substr(cut.offset, cut.length));
}

class FragmentHarness final : public fragment::FragmentSink {
  public:
    struct Passed {
        parse::Packet packet;
        std::string payload;
        bool held = false;
    };

    explicit FragmentHarness(fragment::FragmentSettings settings = {}) : stage(settings, test_hash, *this) {}

    // snap: bytes of the frame that the capture keeps.
    void feed(const PacketBuilder& builder, std::uint64_t time_ns = second_ns, std::size_t snap = 65'535) {
        OwnedFrame& owned = frames_.emplace_back(builder.bytes(), time_ns);
        owned.frame.captured_length = std::min(owned.frame.captured_length, static_cast<std::uint32_t>(snap));
        parse::Packet packet;
        ASSERT_FALSE(parse::parse_frame(owned.frame, {}, test_hash, packet));
        packet.hash = test_hash(packet.key);
        packet.sequence = frames_.size();
        last_fed = packet;
        stage.take(packet);
        frames_.pop_back();
    }

    void pass(const parse::Packet& packet) noexcept override { add(passed, packet, false); }
    void hold(const parse::Packet& /*packet*/) noexcept override { ++held; }
    void release(const parse::Packet& packet) noexcept override {
        --held;
        add(passed, packet, true);
    }
    void tell_late(const parse::Packet& packet) noexcept override { add(late, packet, false); }
    void flush() noexcept override {}

    [[nodiscard]] api::WorkerCounters counters() const {
        api::WorkerCounters counters;
        stage.publish(counters);
        return counters;
    }
    // Payloads that were told, of all packets that passed.
    [[nodiscard]] std::vector<std::string> payloads() const {
        std::vector<std::string> told;
        for (const auto& one : passed) {
            if (!one.payload.empty()) told.push_back(one.payload);
        }
        return told;
    }

    std::vector<Passed> passed;
    std::vector<Passed> late;
    int held = 0;
    parse::Packet last_fed;
    fragment::FragmentStage stage;

  private:
    static void add(std::vector<Passed>& to, const parse::Packet& packet, bool was_held) {
        const auto* text = reinterpret_cast<const char*>(packet.payload);
        to.push_back({packet, text == nullptr ? "" : std::string(text, packet.payload_captured), was_held});
    }

    std::deque<OwnedFrame> frames_;
};

}  // namespace picket::testing
