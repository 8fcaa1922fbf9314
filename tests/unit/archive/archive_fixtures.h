// Archives in directories of their own, and flows whose every field is random.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "controlplane/archive/archive.h"
#include "tests/unit/store/store_fixtures.h"

namespace picket::tests {

// Sanitized programs ask fewer random questions.
#ifdef __SANITIZE_ADDRESS__
inline constexpr unsigned slowness = 4;
#else
inline constexpr unsigned slowness = 1;
#endif

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "picket-archive-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        path_ = name;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string archive() const { return path_ + "/archive"; }

  private:
    std::string path_;
};

// Flows of one or several parts around one hour, from few addresses, so that queries find some of them.
class FlowMaker {
  public:
    // Flows begin within the hour from begin_ns on.
    explicit FlowMaker(unsigned seed, std::uint64_t begin_ns = 1'000'000 * second_ns)
        : random_(seed), begin_ns_(begin_ns) {}

    [[nodiscard]] std::uint64_t below(std::uint64_t end) { return random_() % end; }

    // All parts of a flow, in their order.
    std::vector<store::StoredFlow> flow(std::uint64_t id) {
        const std::size_t parts = below(4) == 0 ? 2 + below(4) : 1;
        store::StoredFlow like = any_part(id);
        std::vector<store::StoredFlow> flow;
        std::uint64_t time = like.start_ns;
        for (std::size_t i = 0; i < parts; ++i) {
            store::StoredFlow part = any_part(id);
            part.start_ns = like.start_ns;
            part.source = like.source;
            part.destination = like.destination;
            part.source_port = like.source_port;
            part.destination_port = like.destination_port;
            part.protocol = like.protocol;
            part.vlan = like.vlan;
            part.vlan_inner = like.vlan_inner;
            part.port = like.port;
            part.first_status = like.first_status;
            part.handshake_rtt_ns = like.handshake_rtt_ns;
            part.icmp_error = like.icmp_error;
            part.tunnel = like.tunnel;
            for (std::size_t side = 0; side < 2; ++side) {
                part.directions[side].ip_id_first = like.directions[side].ip_id_first;
                part.directions[side].tos_first = like.directions[side].tos_first;
                part.directions[side].tcp_flags_first = like.directions[side].tcp_flags_first;
                part.directions[side].payload_first = like.directions[side].payload_first;
                part.directions[side].payload_first_length = like.directions[side].payload_first_length;
            }
            part.part = static_cast<std::uint32_t>(i + 1);
            part.final = i + 1 == parts ? 1 : 0;
            part.end_reason = part.final ? api::EndReason::idle_timeout : api::EndReason::active_timeout;
            part.part_first_ns = time;
            time += below(300) * second_ns / 2;
            part.last_ns = time;
            // A SYN that came late has shown who began.
            if (i > 0 && like.source != like.destination && below(8) == 0) {
                std::swap(part.source, part.destination);
                std::swap(part.source_port, part.destination_port);
                std::swap(part.tunnel.source, part.tunnel.destination);
                std::swap(part.directions[0], part.directions[1]);
            }
            tell_payload(part);
            flow.push_back(part);
        }
        return flow;
    }

    store::StoredFlow any_part(std::uint64_t id) {
        store::StoredFlow flow;
        flow.id = id;
        flow.run = 0xfeedfacecafebeef;
        flow.start_ns = flow.part_first_ns = begin_ns_ + below(3600 * second_ns);
        flow.last_ns = flow.start_ns + below(second_ns);
        flow.source = address();
        flow.destination = address();
        flow.part = flow.final = 1;
        flow.source_port = static_cast<std::uint16_t>(below(5) * 1000);
        flow.destination_port = static_cast<std::uint16_t>(below(4) * 80);
        flow.protocol = below(3) == 0 ? 17 : below(20) == 0 ? 1 : 6;
        flow.vlan = static_cast<std::uint16_t>(below(3));
        flow.vlan_inner = static_cast<std::uint16_t>(below(3));
        flow.port = static_cast<std::uint16_t>(below(2));
        flow.end_reason = api::EndReason::end_of_flow;
        flow.state = static_cast<api::ConnState>(below(13));
        flow.first_status = static_cast<std::uint16_t>(below(2) * 404);
        flow.flags = static_cast<std::uint32_t>(below(1 << 13));
        flow.requests = static_cast<std::uint32_t>(below(3));
        flow.duplicates = static_cast<std::uint32_t>(below(3));
        flow.rule_count = static_cast<std::uint16_t>(below(4) == 0 ? below(12) : 0);
        flow.rule_generation = flow.rule_count > 0 ? 1 : 0;
        for (unsigned i = 0; i < flow.rules_kept(); ++i) flow.rules[i] = static_cast<std::uint32_t>(below(3));
        const std::string history = std::string("ShAaFfRr").substr(0, below(9));
        history.copy(flow.history.data(), history.size());
        flow.watch_lists = below(2) ? random_() : 0;
        flow.handshake_rtt_ns = below(2) * below(second_ns);
        for (auto& direction : flow.directions) fill(direction, flow.start_ns);
        if (below(5) == 0) flow.tunnel = {address(), address(), 77, api::TunnelKind::vxlan, 2};
        flow.icmp_error = static_cast<std::uint16_t>(below(3));
        tell_payload(flow);
        return flow;
    }

    // The history has a letter for each side whose first payload was seen, as the data plane's has; the bytes
    // may be left out, as privacy asks for.
    static void tell_payload(store::StoredFlow& flow) {
        std::string history(flow.history.data());
        std::erase_if(history, [](char letter) { return letter == 'D' || letter == 'd'; });
        if (flow.directions[0].payload_first_length > 0) history += 'D';
        if (flow.directions[1].payload_first_length > 0) history += 'd';
        flow.history = {};
        history.copy(flow.history.data(), history.size());
        for (auto& direction : flow.directions) {
            if (flow.id % 5 == 0) direction.payload_first_length = 0;
        }
    }

    api::Address address() {
        // Equal lower halves in two networks.
        if (below(10) == 0) {
            return *store::parse_address((below(2) == 0 ? "2001:db8:a::" : "2001:db8:b::") +
                                         std::to_string(below(4)));
        }
        return *store::parse_address("10.0." + std::to_string(below(3)) + "." + std::to_string(below(6)));
    }

  private:
    void fill(api::FlowDirection& direction, std::uint64_t start_ns) {
        direction.packets = below(20);
        direction.bytes = direction.packets * (40 + below(1400));
        if (direction.packets > 0) {
            direction.first_ns = start_ns + below(1000);
            direction.last_ns = start_ns + 1000 + below(second_ns);
        }
        direction.retransmitted = static_cast<std::uint32_t>(below(3));
        direction.out_of_order = static_cast<std::uint32_t>(below(3));
        direction.lost_bytes = below(2) * below(5000);
        direction.ip_id_first = static_cast<std::uint16_t>(random_());
        direction.ttl_min = static_cast<std::uint8_t>(below(64));
        direction.ttl_max = static_cast<std::uint8_t>(64 + below(64));
        direction.tos_first = static_cast<std::uint8_t>(below(4));
        direction.tcp_flags_first = static_cast<std::uint8_t>(random_());
        direction.tcp_flags_union = static_cast<std::uint8_t>(random_());
        direction.payload_first_length = static_cast<std::uint8_t>(below(17));
        for (unsigned i = 0; i < direction.payload_first_length; ++i)
            direction.payload_first[i] = static_cast<std::uint8_t>(random_());
    }

    std::mt19937_64 random_;
    std::uint64_t begin_ns_;
};

// Every field of a flow as text, so that a difference can be read.
inline std::string fields_of(const store::StoredFlow& flow) {
    std::string text;
    const auto add = [&](const char* name, auto value) {
        text += std::string(name) + "=" + std::to_string(value) + " ";
    };
    add("id", flow.id), add("run", flow.run), add("start", flow.start_ns), add("first", flow.part_first_ns);
    add("last", flow.last_ns), add("part", flow.part), add("final", flow.final);
    text += store::format_address(flow.source) + " " + store::format_address(flow.destination) + " ";
    add("sport", flow.source_port), add("dport", flow.destination_port), add("vlan", flow.vlan);
    add("inner", flow.vlan_inner), add("port", flow.port), add("proto", flow.protocol);
    add("end", static_cast<int>(flow.end_reason)), add("state", static_cast<int>(flow.state));
    add("status", flow.first_status), add("flags", flow.flags), add("requests", flow.requests);
    add("duplicates", flow.duplicates), add("rules", flow.rule_count);
    for (unsigned i = 0; i < flow.rules_kept(); ++i) add("rule", flow.rules[i]);
    text += std::string(flow.history.data()) + " ";
    add("watch", flow.watch_lists), add("rtt", flow.handshake_rtt_ns), add("icmp", flow.icmp_error);
    add("tunnel", static_cast<int>(flow.tunnel.kind)), add("depth", flow.tunnel.depth);
    add("tunnel_id", flow.tunnel.id);
    text += store::format_address(flow.tunnel.source) + " " + store::format_address(flow.tunnel.destination);
    for (const auto& side : flow.directions) {
        text += "\n  ";
        add("packets", side.packets), add("bytes", side.bytes), add("first", side.first_ns);
        add("last", side.last_ns), add("retransmitted", side.retransmitted), add("order", side.out_of_order);
        add("lost", side.lost_bytes), add("ip_id", side.ip_id_first), add("ttl", side.ttl_min);
        add("ttl", side.ttl_max), add("tos", side.tos_first), add("first", side.tcp_flags_first);
        add("union", side.tcp_flags_union), add("payload", side.payload_first_length);
        for (unsigned i = 0; i < side.payload_first_length; ++i) add("", side.payload_first[i]);
    }
    return text;
}

inline archive::ArchiveSettings archive_settings(const std::string& directory) {
    archive::ArchiveSettings settings;
    settings.directory = directory;
    settings.sensor = "test";
    return settings;
}

inline archive::ArchiveSettings closed_archive(const std::string& directory) {
    auto settings = archive_settings(directory);
    settings.read_only = true;
    return settings;
}

// Archives that are watched while they work.
class ArchiveTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::unique_ptr<archive::Archive> open(const archive::ArchiveSettings& settings) {
        return std::make_unique<archive::Archive>(settings, rules_, events_);
    }
    template <typename Condition>
    static bool becomes_true(Condition&& condition) {
        for (unsigned i = 0; i < 1000 && !condition(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return condition();
    }
    [[nodiscard]] bool was_said(const std::string& text) const {
        const auto events = events_.all();
        return std::any_of(events.begin(), events.end(),
                           [&](const auto& event) { return event.text.find(text) != std::string::npos; });
    }

    TemporaryDirectory directory_;
    FixedRules rules_;
    detect::EventLog events_;
};

}  // namespace picket::tests
