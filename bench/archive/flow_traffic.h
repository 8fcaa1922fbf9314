// Flows as a link's archive gets them: skewed addresses, a few services, heavy-tailed sizes, times in order.
//
// Deterministic for a seed. Made to be no easier to compress than real traffic: client ports, times, IP ids
// and the first bytes of encrypted answers are random.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

#include "controlplane/store/stored_flow.h"

namespace picket::bench {

class FlowTraffic {
  public:
    FlowTraffic(unsigned seed, std::uint64_t begin_ns, double flows_per_s)
        : random_(seed), time_ns_(begin_ns), gap_ns_(1e9 / flows_per_s) {}

    store::StoredFlow next() {
        store::StoredFlow flow;
        time_ns_ += static_cast<std::uint64_t>(-std::log(1.0 - unit()) * gap_ns_);
        flow.id = ++id_;
        flow.run = 0x1d2c3b4a59687786;
        flow.start_ns = flow.part_first_ns = time_ns_;
        flow.part = flow.final = 1;
        flow.source = address(0x0a000000, skewed(60'000));
        flow.destination = address(0xc0000000, skewed(400'000) * 2654435761U);
        flow.source_port = static_cast<std::uint16_t>(32768 + random_() % 28232);
        const double kind = unit();
        if (kind < 0.25) {
            answer_name(flow);
        } else if (kind < 0.40) {
            leave_alone(flow);
        } else {
            serve(flow);
        }
        return flow;
    }

  private:
    double unit() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }

    // Zipf's law with exponent 1, cut at `count`.
    std::uint32_t skewed(std::uint32_t count) {
        return static_cast<std::uint32_t>(std::exp(unit() * std::log(static_cast<double>(count))));
    }

    static api::Address address(std::uint32_t network, std::uint32_t host) {
        const std::uint32_t value = network | (host & 0x0fffffff);
        const std::uint8_t bytes[4] = {
            static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
            static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
        return api::ipv4_mapped(bytes);
    }

    void give(api::FlowDirection& side, const store::StoredFlow& flow, std::uint64_t packets,
              std::uint64_t bytes, std::uint64_t first_ns) {
        side.packets = packets;
        side.bytes = bytes;
        side.first_ns = first_ns;
        side.last_ns = flow.last_ns;
        side.ip_id_first = static_cast<std::uint16_t>(random_());
        side.ttl_min = side.ttl_max = static_cast<std::uint8_t>(40 + skewed(25));
    }

    // A DNS exchange.
    void answer_name(store::StoredFlow& flow) {
        flow.protocol = 17;
        flow.destination_port = 53;
        flow.last_ns = flow.start_ns + 200'000 + random_() % 30'000'000;
        flow.end_reason = api::EndReason::idle_timeout;
        flow.state = api::ConnState::sf;
        set_history(flow, "Dd");
        give(flow.directions[0], flow, 1, 55 + random_() % 40, flow.start_ns);
        give(flow.directions[1], flow, 1, 80 + random_() % 300, flow.last_ns);
        random_payload(flow.directions[0], 6);
        random_payload(flow.directions[1], 6);
    }

    // A probe that nobody answers.
    void leave_alone(store::StoredFlow& flow) {
        flow.protocol = 6;
        flow.destination_port = static_cast<std::uint16_t>(unit() < 0.5 ? 23 : random_());
        flow.last_ns = flow.start_ns;
        flow.end_reason = api::EndReason::idle_timeout;
        flow.state = api::ConnState::s0;
        set_history(flow, "S");
        give(flow.directions[0], flow, 1, 40 + 20 * (random_() & 1), flow.start_ns);
        flow.directions[0].tcp_flags_first = flow.directions[0].tcp_flags_union = 2;
    }

    // A connection of the web.
    void serve(store::StoredFlow& flow) {
        flow.protocol = 6;
        flow.destination_port = unit() < 0.8 ? 443 : 80;
        flow.last_ns = flow.start_ns + static_cast<std::uint64_t>(std::exp(unit() * 25.0));
        flow.end_reason = api::EndReason::end_of_flow;
        flow.state = unit() < 0.9 ? api::ConnState::sf : api::ConnState::rstr;
        flow.handshake_rtt_ns = 200'000 + random_() % 80'000'000;
        set_history(flow, unit() < 0.7 ? "ShADadFf" : "ShADadFRf");
        const auto packets = static_cast<std::uint64_t>(5 + std::exp(unit() * 6.0));
        give(flow.directions[0], flow, packets, packets * (60 + random_() % 120), flow.start_ns);
        give(flow.directions[1], flow, packets + random_() % 8, packets * (200 + random_() % 1200),
             flow.start_ns + flow.handshake_rtt_ns);
        for (auto& side : flow.directions) {
            side.tcp_flags_first = 2;
            side.tcp_flags_union = 0x1b;
            random_payload(side, flow.destination_port == 443 ? 5 : 8);
        }
        if (unit() < 0.05) flow.directions[1].retransmitted = static_cast<std::uint32_t>(random_() % 4);
    }

    // The last `random` of 16 bytes differ each time.
    void random_payload(api::FlowDirection& side, unsigned random) {
        side.payload_first_length = 16;
        for (unsigned i = 0; i < 16; ++i)
            side.payload_first[i] = static_cast<std::uint8_t>(i < 16 - random ? i : random_());
    }

    static void set_history(store::StoredFlow& flow, std::string_view text) {
        text.copy(flow.history.data(), flow.history.size() - 1);
    }

    std::mt19937_64 random_;
    std::uint64_t time_ns_;
    double gap_ns_;
    std::uint64_t id_ = std::uint64_t{3} << 48;
};

}  // namespace picket::bench
