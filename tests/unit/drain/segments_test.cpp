// Headers of a hostile or merely different data plane.
#include "controlplane/drain/segments.h"

#include <gtest/gtest.h>

#include <functional>

#include "controlplane/drain/dataplane_link.h"
#include "tests/support/fake_dataplane.h"

namespace picket::drain {
namespace {

constexpr std::uint64_t mapped = std::uint64_t{1} << 30;

std::unique_ptr<api::EvidenceHeader> good_header() {
    auto header = std::make_unique<api::EvidenceHeader>();
    header->header_size = sizeof(api::EvidenceHeader);
    header->total_size = mapped;
    header->workers = 2;
    header->ports = 1;
    header->worker_areas_offset = 1 << 16;
    header->port_areas_offset = 1 << 20;
    header->rule_costs_offset = 1 << 21;
    header->rings_offset = 1 << 23;
    header->ring_size = 1 << 20;
    header->worker_area_size = sizeof(api::WorkerArea);
    header->port_area_size = sizeof(api::PortArea);
    header->rule_costs_size = sizeof(api::RuleCostArea);
    return header;
}

TEST(Segments, AGoodHeaderPasses) {
    SegmentLayout layout;
    EXPECT_FALSE(check_evidence(*good_header(), mapped, layout));
    EXPECT_EQ(layout.workers, 2U);
}

TEST(Segments, EveryLyingFieldIsFound) {
    using Change = std::function<void(api::EvidenceHeader&)>;
    const std::vector<Change> changes{
        [](auto& h) { h.magic = 1; },
        [](auto& h) { h.version = 77; },
        [](auto& h) { h.header_size = 8; },
        [](auto& h) { h.worker_area_size = 8; },
        [](auto& h) { h.port_area_size = 1 << 30; },
        [](auto& h) { h.workers = 0; },
        [](auto& h) { h.workers = api::workers_max + 1; },
        [](auto& h) { h.workers = 0xffffffff; },
        [](auto& h) { h.ports = api::ports_max + 1; },
        [](auto& h) { h.ring_size = (1 << 20) + 8; },
        [](auto& h) { h.ring_size = 4096; },
        [](auto& h) { h.ring_size = std::uint64_t{1} << 63; },
        [](auto& h) { h.rings_offset = mapped - 8; },
        [](auto& h) { h.rings_offset = ~std::uint64_t{7}; },
        [](auto& h) { h.rings_offset += 4; },
        [](auto& h) { h.worker_areas_offset = mapped; },
        [](auto& h) { h.worker_areas_offset += 8; },
        [](auto& h) { h.port_areas_offset = ~std::uint64_t{63}; },
        [](auto& h) { h.rule_costs_size = 8; },
        [](auto& h) { h.rule_costs_offset = mapped - 64; },
        [](auto& h) { h.rule_costs_offset += 8; },
        [](auto& h) { h.total_size = 1 << 20; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const auto header = good_header();
        changes[i](*header);
        SegmentLayout layout;
        EXPECT_TRUE(check_evidence(*header, mapped, layout)) << "change " << i;
    }
    SegmentLayout layout;
    EXPECT_TRUE(check_evidence(*good_header(), 3 << 20, layout)) << "less is mapped than the header says";
}

TEST(Segments, TheRuleAreaLiesWithinTheSegment) {
    auto header = std::make_unique<api::ControlHeader>();
    header->header_size = sizeof(api::ControlHeader);
    header->rule_area_offset = 1 << 20;
    header->rule_area_size = 1 << 20;
    SegmentLayout layout;
    EXPECT_FALSE(check_control(*header, 2 << 20, layout));
    EXPECT_TRUE(check_control(*header, (2 << 20) - 1, layout));
    header->rule_area_size = ~std::uint64_t{0};
    EXPECT_TRUE(check_control(*header, 2 << 20, layout));
}

TEST(DataplaneLink, AnotherContractVersionIsNamed) {
    tests::FakeSettings settings;
    settings.hello_version = api::abi_version + 1;
    const tests::FakeDataplane fake(settings);
    DataplaneLink link;
    std::string error;
    EXPECT_EQ(link.connect(fake.socket_path(), error), LinkResult::refused);
    EXPECT_NE(error.find("another contract version"), std::string::npos) << error;
    EXPECT_NE(error.find(fake.socket_path()), std::string::npos) << error;
}

TEST(DataplaneLink, AbsentBusyAndLost) {
    DataplaneLink link;
    DataplaneLink second;
    std::string error;
    EXPECT_EQ(link.connect("/nonexistent/socket", error), LinkResult::absent);
    EXPECT_EQ(link.connect(std::string(200, 'x'), error), LinkResult::refused);
    tests::FakeDataplane fake;
    ASSERT_EQ(link.connect(fake.socket_path(), error), LinkResult::connected) << error;
    EXPECT_EQ(second.connect(fake.socket_path(), error), LinkResult::busy);
    EXPECT_TRUE(link.alive());
    fake.disconnect();
    EXPECT_FALSE(link.alive());
    EXPECT_TRUE(link.segments()) << "what it left can still be read";
}

}  // namespace
}  // namespace picket::drain
