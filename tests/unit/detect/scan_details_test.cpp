// What flows say of scans, and one list of scans from two.
#include "controlplane/detect/scan_details.h"

#include <gtest/gtest.h>

#include "controlplane/detect/scan_merge.h"
#include "tests/unit/store/store_fixtures.h"

namespace picket::detect {
namespace {

using store::FlowOutcome;
using tests::second_ns;

Scan scan_of(ScanKind kind, const std::string& source, std::uint64_t first_s, std::uint64_t last_s) {
    Scan scan;
    scan.kind = kind;
    scan.source = *store::parse_address(source);
    scan.destination = *store::parse_address("192.0.2.1");
    scan.port = 80;
    scan.protocol = 6;
    scan.first_ns = first_s * second_ns;
    scan.last_ns = last_s * second_ns;
    scan.flagged_ns = scan.last_ns;
    scan.targets = scan.failures = 20;
    return scan;
}

std::uint64_t count(const ScanDetails& details, FlowOutcome outcome) {
    return details.outcomes[static_cast<std::size_t>(outcome)];
}

TEST(ScanDetails, TheFirstContactOfATargetCountsInWhateverOrderFlowsCome) {
    const std::vector<Scan> scans{scan_of(ScanKind::sweep, "10.0.0.1", 100, 300)};
    ScanDetailer detailer(scans);
    detailer.add(tests::flow(3, "10.0.0.1", "192.0.2.7", 300));
    auto first = tests::flow(1, "10.0.0.1", "192.0.2.7", 100);
    first.state = api::ConnState::rej;
    first.history = {'S', 'r'};
    detailer.add(first);
    detailer.add(tests::flow(2, "10.0.0.1", "192.0.2.8", 200));
    detailer.add(tests::flow(4, "10.0.0.2", "192.0.2.9", 200));
    const auto details = detailer.details(0, 301 * second_ns);
    EXPECT_EQ(details.flows, 3U);
    EXPECT_EQ(details.destinations, 2U);
    EXPECT_EQ(details.failures, 1U);
    EXPECT_EQ(count(details, FlowOutcome::refused), 1U);
    EXPECT_EQ(count(details, FlowOutcome::connected), 1U);
    EXPECT_EQ(details.first_ns, 100 * second_ns);
    EXPECT_EQ(details.last_ns, 200 * second_ns);
    EXPECT_FALSE(details.stopped);
}

TEST(ScanDetails, ADistributedScanTakesNothingFromASweepOfItsPort) {
    const std::vector<Scan> scans{scan_of(ScanKind::sweep, "10.0.0.1", 100, 300),
                                  scan_of(ScanKind::distributed, "10.0.0.2", 100, 200)};
    ScanDetailer detailer(scans);
    detailer.add(tests::flow(1, "10.0.0.1", "192.0.2.7", 100));
    EXPECT_EQ(detailer.details(0, 0).flows, 1U);
    EXPECT_EQ(detailer.details(1, 0).flows, 0U);
    EXPECT_FALSE(detailer.details(1, 499 * second_ns).stopped);
    EXPECT_TRUE(detailer.details(1, 501 * second_ns).stopped) << "it does not go on for ever";
}

TEST(MergedScans, AScanThatBothKnowIsOne) {
    const auto archived = scan_of(ScanKind::sweep, "10.0.0.1", 100, 300);
    auto running = scan_of(ScanKind::sweep, "10.0.0.1", 200, 400);
    running.destination = *store::parse_address("192.0.2.99");
    running.targets = 25;
    const auto other = scan_of(ScanKind::sweep, "10.0.0.3", 200, 400);
    const auto scans = merge_scans({archived}, {running, other});
    ASSERT_EQ(scans.size(), 2U);
    EXPECT_EQ(scans[0].first_ns, 100 * second_ns);
    EXPECT_EQ(scans[0].last_ns, 400 * second_ns);
    EXPECT_EQ(scans[0].flagged_ns, 300 * second_ns);
    EXPECT_EQ(scans[0].targets, 25U);
    EXPECT_EQ(scans[0].destination, running.destination);
    EXPECT_EQ(scans[1].source, other.source);
}

TEST(MergedScans, WhatIsScannedMakesThemDiffer) {
    auto host = scan_of(ScanKind::port_scan, "10.0.0.1", 100, 300);
    auto other_host = host;
    other_host.destination = *store::parse_address("192.0.2.99");
    auto crowd = scan_of(ScanKind::distributed, "10.0.0.1", 100, 300);
    auto same_crowd = crowd;
    same_crowd.source = *store::parse_address("10.0.0.9");
    auto other_port = crowd;
    other_port.port = 445;
    EXPECT_EQ(merge_scans({host, crowd}, {other_host, same_crowd, other_port}).size(), 4U);
}

}  // namespace
}  // namespace picket::detect
