// Sources that agree where strangers differ.
#include "controlplane/detect/single_origin.h"

#include <gtest/gtest.h>

#include <deque>

#include "controlplane/store/address_text.h"

namespace picket::detect {
namespace {

constexpr std::uint64_t ms_ns = 1'000'000;

// Flows of one packet to 192.0.2.7:27015, a second apart unless a test says otherwise.
class SingleOrigin : public testing::Test {
  protected:
    store::StoredFlow& add(const std::string& source, std::uint8_t ttl, std::uint16_t ip_id,
                           std::uint8_t tos = 0) {
        store::StoredFlow& flow = flows_.emplace_back();
        flow.id = flows_.size();
        flow.source = *store::parse_address(source);
        flow.destination = *store::parse_address("192.0.2.7");
        flow.source_port = static_cast<std::uint16_t>(1000 + 777 * flows_.size());
        flow.destination_port = 27015;
        flow.protocol = 17;
        flow.start_ns = flow.last_ns = 1000 * ms_ns * flows_.size();
        auto& out = flow.directions[0];
        out.packets = 1;
        out.first_ns = out.last_ns = flow.start_ns;
        out.ttl_min = out.ttl_max = ttl;
        out.ip_id_first = ip_id;
        out.tos_first = tos;
        return flow;
    }

    std::vector<OriginGroup> find() {
        std::vector<const store::StoredFlow*> rows;
        for (const auto& flow : flows_) rows.push_back(&flow);
        return find_single_origins(rows);
    }

    std::deque<store::StoredFlow> flows_;
};

TEST_F(SingleOrigin, one_ttl_and_one_ip_id_are_one_sender) {
    for (const char* source : {"12.0.0.1", "24.0.0.1", "24.0.0.2", "61.0.0.1", "63.0.0.1"})
        add(source, 112, 39936);
    const auto groups = find();
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].confidence, Confidence::high);
    EXPECT_EQ(groups[0].sources.size(), 5U);
    EXPECT_EQ(groups[0].networks, 4U);
    EXPECT_EQ(groups[0].totals.flows, 5U);
    EXPECT_EQ(groups[0].ttl, 112);
    EXPECT_EQ(groups[0].ip_id, 39936);
    EXPECT_EQ(groups[0].reasons.size(), 2U);
}

TEST_F(SingleOrigin, strangers_are_none) {
    std::uint16_t id = 100;
    std::uint8_t ttl = 40;
    for (const char* source : {"12.0.0.1", "24.0.0.1", "61.0.0.1", "63.0.0.1", "65.0.0.1"}) {
        add(source, ttl += 3, id = static_cast<std::uint16_t>(id * 7 + 13));
    }
    EXPECT_TRUE(find().empty());
}

TEST_F(SingleOrigin, one_network_is_no_evidence) {
    for (int i = 1; i < 30; ++i) add("12.0.0." + std::to_string(i), 112, 39936);
    EXPECT_TRUE(find().empty()) << "hosts beside each other have the same way";
}

TEST_F(SingleOrigin, who_goes_on_after_an_answer_receives_it) {
    for (const char* source : {"12.0.0.1", "24.0.0.1", "61.0.0.1", "63.0.0.1"}) {
        auto& flow = add(source, 112, 39936);
        flow.directions[0].packets = 2;
        flow.directions[1].packets = 1;
        flow.directions[1].first_ns = flow.start_ns + 10 * ms_ns;
        flow.directions[0].last_ns = flow.last_ns = flow.start_ns + 20 * ms_ns;
    }
    EXPECT_TRUE(find().empty());
    // An answer that nobody goes on after proves nothing: that is reflection.
    for (auto& flow : flows_) flow.directions[0].last_ns = flow.start_ns;
    EXPECT_EQ(find().size(), 1U);
}

TEST_F(SingleOrigin, a_completed_handshake_proves_its_source) {
    for (const char* source : {"12.0.0.1", "24.0.0.1", "61.0.0.1", "63.0.0.1"}) {
        auto& flow = add(source, 112, 39936);
        flow.protocol = 6;
        flow.directions[1].packets = 1;
        flow.handshake_rtt_ns = ms_ns;
    }
    EXPECT_TRUE(find().empty());
}

TEST_F(SingleOrigin, rising_ports_count_only_from_source_to_source) {
    const std::array sources{"12.0.0.1", "24.0.0.1", "61.0.0.1", "63.0.0.1"};
    for (std::uint16_t i = 0; i < 12; ++i) {
        auto& flow = add(sources[i % 4], 50, static_cast<std::uint16_t>(i * 4099 + 17));
        flow.source_port = static_cast<std::uint16_t>(50416 + i);
        flow.start_ns = (1'000'000 + i) * ms_ns;
    }
    auto groups = find();
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].confidence, Confidence::high);
    EXPECT_EQ(groups[0].reasons.front(),
              "source ports rise from source to source (11 of 11 steps, 1 ms apart in the median)");
    EXPECT_FALSE(groups[0].ip_id);
    // The same ports, but each source's own: three steps between sources.
    for (std::size_t i = 0; i < flows_.size(); ++i) flows_[i].source = *store::parse_address(sources[i / 3]);
    EXPECT_TRUE(find().empty());
}

TEST_F(SingleOrigin, a_ttl_that_the_group_was_picked_by_weighs_nothing) {
    std::uint8_t ttl = 30;
    for (int i = 1; i < 80; ++i) {
        add(std::to_string(10 + i) + ".0.0.1", static_cast<std::uint8_t>(ttl + i % 20),
            static_cast<std::uint16_t>(i * 4099));
    }
    EXPECT_TRUE(find().empty());
}

TEST_F(SingleOrigin, ip_id_0_weighs_nothing) {
    for (const char* source : {"12.0.0.1", "24.0.0.1", "61.0.0.1"}) add(source, 50, 0);
    EXPECT_TRUE(find().empty());
}

TEST_F(SingleOrigin, logs_without_ttl_cannot_tell) {
    for (const char* source : {"12.0.0.1", "24.0.0.1", "61.0.0.1"}) add(source, 0, 0);
    const auto groups = find();
    ASSERT_EQ(groups.size(), 1U);
    EXPECT_EQ(groups[0].confidence, Confidence::unknown);
    EXPECT_EQ(groups[0].reasons.size(), 1U);
}

TEST_F(SingleOrigin, ipv6_has_networks_too) {
    for (const char* source : {"2001:db8::1", "2a00:1::1", "2600:1::1", "2400:1::1"})
        add(source, 57, 0, 0x20);
    EXPECT_TRUE(find().size() == 1 && find()[0].confidence == Confidence::low);
}

}  // namespace
}  // namespace picket::detect
