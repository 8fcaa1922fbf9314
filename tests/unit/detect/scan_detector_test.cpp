// Who scans, and who only looks like it.
#include "controlplane/detect/scan_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "controlplane/store/address_text.h"
#include "tests/unit/detect/scan_fixtures.h"

namespace picket::detect {
namespace {

using tests::scanned_host;

constexpr std::uint64_t second_ns = 1'000'000'000;

class Scans : public testing::Test {
  protected:
    void add(const char* source, const api::Address& destination, std::uint16_t port, bool failed,
             double at_s, std::uint8_t protocol = 6) {
        detector_.add({*store::parse_address(source), destination,
                       static_cast<std::uint64_t>(at_s * second_ns) + second_ns, port, protocol, failed});
    }

    std::vector<Scan> found_;
    ScanDetector detector_{{}, [this](const Scan& scan) {
                               if (const auto confirmed = detector_.confirm(scan))
                                   found_.push_back(*confirmed);
                           }};
};

TEST_F(Scans, four_silent_hosts_are_a_sweep) {
    for (unsigned i = 0; i < 3; ++i) add("10.1.7.44", scanned_host(i), 80, true, 17 * i);
    EXPECT_TRUE(detector_.scans().empty());
    add("10.1.7.44", scanned_host(3), 80, true, 51);
    ASSERT_EQ(found_.size(), 1U);
    EXPECT_EQ(found_[0].kind, ScanKind::sweep);
    EXPECT_EQ(found_[0].port, 80);
    EXPECT_EQ(found_[0].flagged_ns, 52 * second_ns);
    for (unsigned i = 4; i < 63; ++i) add("10.1.7.44", scanned_host(i), 80, true, 17 * i);
    EXPECT_EQ(found_.size(), 1U) << "one scan is told once";
    EXPECT_EQ(detector_.scans()[0].targets, 63U);
    EXPECT_EQ(detector_.scans()[0].failures, 63U);
}

TEST_F(Scans, a_repeated_contact_of_one_host_counts_once) {
    for (unsigned i = 0; i < 40; ++i) add("10.1.7.44", scanned_host(i % 3), 80, true, i);
    EXPECT_TRUE(found_.empty());
}

TEST_F(Scans, a_late_answer_revokes) {
    for (unsigned i = 0; i < 4; ++i) add("10.1.7.44", scanned_host(i), 80, true, 17 * i);
    ASSERT_EQ(detector_.scans().size(), 1U);
    add("10.1.7.44", scanned_host(3), 80, false, 51);
    EXPECT_TRUE(detector_.scans().empty());
    add("10.1.7.44", scanned_host(4), 80, true, 70);
    add("10.1.7.44", scanned_host(5), 80, true, 90);
    EXPECT_EQ(detector_.scans().size(), 1U);
}

TEST_F(Scans, silence_at_the_end_counts_if_it_lasted) {
    const std::uint64_t end = 100 * second_ns;
    const auto wait = [&](unsigned number, std::uint64_t since) {
        Contact waiting{scanned_host(900), scanned_host(number), since, 80, 6, true};
        waiting.waiting_since_ns = since;
        detector_.add(waiting);
    };
    for (unsigned i = 0; i < 3; ++i) wait(i, end - 5 * second_ns);
    for (unsigned i = 3; i < 9; ++i) wait(i, end - second_ns / 2);
    detector_.note_flows({1, 0, end});
    EXPECT_TRUE(detector_.scans().empty());
    detector_.finish();
    EXPECT_TRUE(detector_.scans().empty()) << "three hosts had time to answer";
    for (unsigned i = 0; i < 3; ++i) wait(i, end - 5 * second_ns);
    wait(10, end - second_ns);
    detector_.finish();
    ASSERT_EQ(detector_.scans().size(), 1U);
    EXPECT_EQ(detector_.scans()[0].failures, 4U);
}

TEST(Contacts, traceroute_is_none) {
    store::StoredFlow flow;
    flow.protocol = 17;
    flow.end_reason = api::EndReason::idle_timeout;
    flow.destination_port = 33440;
    flow.directions[0].packets = 1;
    flow.directions[0].ttl_min = flow.directions[0].ttl_max = 3;
    EXPECT_FALSE(contact_of(flow));
    flow.directions[0].ttl_min = flow.directions[0].ttl_max = 120;
    EXPECT_TRUE(contact_of(flow));
    flow.directions[0].ttl_min = flow.directions[0].ttl_max = 3;
    flow.destination_port = 161;
    EXPECT_TRUE(contact_of(flow)) << "a low TTL alone hides no scan";
}

TEST_F(Scans, a_suspicion_that_does_not_hold_is_no_scan) {
    std::vector<Scan> suspected;
    ScanDetector detector({}, [&](const Scan& scan) { suspected.push_back(scan); });
    const auto tell = [&](unsigned number, bool failed) {
        detector.add({scanned_host(900), scanned_host(number), second_ns * (number + 1), 80, 6, failed});
    };
    for (unsigned i = 0; i < 4; ++i) tell(2 * i + 1, true);
    ASSERT_EQ(suspected.size(), 1U);
    EXPECT_TRUE(detector.scans().empty()) << "not confirmed yet";
    // Connections between them were made, and live.
    tell(2, false);
    tell(4, false);
    EXPECT_FALSE(detector.confirm(suspected[0]));
    EXPECT_TRUE(detector.scans().empty());
    for (unsigned i = 10; i < 16; ++i) tell(i, true);
    ASSERT_EQ(suspected.size(), 2U) << "it may be suspected again";
    EXPECT_TRUE(detector.confirm(suspected[1]));
    EXPECT_EQ(detector.scans().size(), 1U);
}

TEST_F(Scans, a_proxy_is_answered) {
    std::mt19937 random(1);
    std::vector<bool> fails(500);
    for (unsigned i = 0; i < 500; i += 10) fails[i + random() % 10] = true;
    for (unsigned i = 0; i < 500; ++i) add("10.1.0.5", scanned_host(i), 80, fails[i], i);
    EXPECT_TRUE(found_.empty());
}

// Each failure is told twice, provisionally and at its flow's end, which must not count twice however many
// came before.
TEST_F(Scans, what_is_told_again_counts_once) {
    for (unsigned i = 0; i < 1000; ++i) {
        const bool fails = i % 3 == 0;
        add("10.1.0.5", scanned_host(i), 80, fails, i);
        if (fails) add("10.1.0.5", scanned_host(i), 80, true, i);
    }
    EXPECT_TRUE(found_.empty());
}

TEST_F(Scans, peers_listen_on_ports_of_their_own) {
    for (unsigned i = 0; i < 500; ++i) {
        add("10.1.0.5", scanned_host(i), static_cast<std::uint16_t>(20000 + i * 7), i % 3 != 0, i,
            i % 2 == 0 ? 17 : 6);
    }
    EXPECT_TRUE(found_.empty());
}

TEST_F(Scans, many_ports_of_one_host_are_a_port_scan) {
    for (std::uint16_t i = 1; i <= 7; ++i) add("198.51.100.9", scanned_host(1), i, true, i);
    EXPECT_TRUE(found_.empty());
    for (std::uint16_t i = 8; i < 100; ++i) add("198.51.100.9", scanned_host(1), i, i != 22, i);
    ASSERT_EQ(found_.size(), 1U);
    EXPECT_EQ(found_[0].kind, ScanKind::port_scan);
    EXPECT_EQ(found_[0].destination, scanned_host(1));
    EXPECT_EQ(detector_.scans()[0].targets, 99U);
}

TEST_F(Scans, the_patient_are_found_within_a_day) {
    for (unsigned i = 0; i < 4; ++i) add("198.51.100.9", scanned_host(i), 23, true, 6 * 3600.0 * i);
    EXPECT_EQ(found_.size(), 1U);
}

TEST_F(Scans, many_sources_with_one_try_each_are_a_distributed_scan) {
    for (unsigned i = 0; i < 19; ++i)
        add(("198.51.100." + std::to_string(i)).c_str(), scanned_host(i), 2323, true, i);
    EXPECT_TRUE(found_.empty());
    for (unsigned i = 19; i < 60; ++i)
        add(("198.51.100." + std::to_string(i)).c_str(), scanned_host(i), 2323, true, i);
    ASSERT_EQ(found_.size(), 1U);
    EXPECT_EQ(found_[0].kind, ScanKind::distributed);
    EXPECT_EQ(detector_.scans()[0].sources, 60U);
}

TEST_F(Scans, an_outage_of_one_server_is_no_distributed_scan) {
    for (unsigned i = 0; i < 200; ++i)
        add(("198.51.100." + std::to_string(i)).c_str(), scanned_host(1), 443, true, i);
    EXPECT_TRUE(found_.empty());
}

TEST(ScanDetector, a_known_nat_is_no_scanner) {
    ScanSettings settings;
    settings.known_nat =
        std::make_shared<const store::NetworkSet>(std::vector{*store::parse_network("10.0.0.0/8")});
    std::size_t found = 0;
    ScanDetector detector(settings, [&](const Scan&) { ++found; });
    for (unsigned i = 0; i < 50; ++i) {
        detector.add({*store::parse_address("10.1.0.5"), scanned_host(i), second_ns * (i + 1), 80, 6, true});
    }
    EXPECT_EQ(found, 0U);
}

// The verdicts of a capture do not depend on the order in which workers tell of its flows.
TEST(ScanDetector, any_order_gives_the_same_verdicts) {
    std::vector<Contact> contacts;
    std::mt19937 random(7);
    for (unsigned i = 0; i < 3000; ++i) {
        const auto source = scanned_host(2000 + random() % 40);
        const bool bad = source.bytes[15] % 4 == 0;
        contacts.push_back({source, scanned_host(random() % 300), second_ns * (1 + random() % 5000), 80, 6,
                            random() % 10 < (bad ? 8u : 1u)});
    }
    std::vector<std::vector<std::uint64_t>> verdicts;
    for (unsigned round = 0; round < 4; ++round) {
        ScanSettings settings;
        settings.collect = true;
        std::vector<Scan> suspected;
        ScanDetector detector(settings, [&](const Scan& scan) { suspected.push_back(scan); });
        for (const Contact& contact : contacts) detector.add(contact);
        detector.finish();
        for (const Scan& scan : suspected) EXPECT_TRUE(detector.confirm(scan));
        std::vector<std::uint64_t> verdict;
        for (const Scan& scan : detector.scans()) verdict.push_back(scan.flagged_ns + scan.targets);
        std::ranges::sort(verdict);
        verdicts.push_back(verdict);
        std::ranges::shuffle(contacts, random);
    }
    EXPECT_FALSE(verdicts[0].empty());
    for (const auto& verdict : verdicts) EXPECT_EQ(verdict, verdicts[0]);
}

// At the end of a replay only contacts that can make a scan are judged: with the same verdicts as all of
// them.
TEST(ScanDetector, what_cannot_be_a_scan_makes_no_difference) {
    std::mt19937 random(11);
    std::size_t distributed = 0;
    for (unsigned round = 0; round < 300; ++round) {
        std::vector<Contact> contacts;
        // Ports with phases in which more or fewer contacts fail, of sources that come once or often.
        std::uint64_t time_ns = second_ns;
        for (unsigned phase = 0; phase < 6; ++phase) {
            const unsigned failing = std::array{0u, 50u, 85u, 90u, 95u, 100u}[random() % 6];
            const unsigned sources = random() % 2 == 0 ? 2000 : 40;
            for (unsigned i = 0; i < 60; ++i) {
                time_ns += 1 + random() % (round % 3 == 0 ? 2000 * second_ns : second_ns);
                const auto port = static_cast<std::uint16_t>(80 + random() % 2);
                const std::uint8_t protocol = random() % 4 == 0 ? 17 : 6;
                contacts.push_back({scanned_host(5000 + random() % sources), scanned_host(random() % 900),
                                    time_ns, port, protocol, random() % 100 < failing});
            }
        }
        const auto scans_of = [&](bool collect) {
            ScanSettings settings;
            settings.collect = collect;
            std::vector<Scan> suspected;
            ScanDetector detector(settings, [&](const Scan& scan) { suspected.push_back(scan); });
            detector.add(contacts);
            detector.finish();
            for (const Scan& scan : suspected) static_cast<void>(detector.confirm(scan));
            std::vector<std::string> scans;
            for (const Scan& scan : detector.scans()) {
                distributed += scan.kind == ScanKind::distributed ? 1 : 0;
                scans.push_back(std::to_string(scan.flagged_ns) + ' ' + describe(scan));
            }
            std::ranges::sort(scans);
            return scans;
        };
        ASSERT_EQ(scans_of(true), scans_of(false)) << round;
    }
    EXPECT_GT(distributed, 100U);
}

// Sources that fail elsewhere, once each at a port that answers all others, are no crowd at it.
TEST(ScanDetector, failures_elsewhere_make_no_crowd) {
    std::vector<Contact> contacts;
    for (unsigned i = 0; i < 25; ++i) {
        const auto source = scanned_host(7000 + i);
        const std::uint64_t time_ns = second_ns * (1 + i);
        for (std::uint16_t other = 0; other < 3; ++other)
            contacts.push_back({source, scanned_host(i), time_ns,
                                static_cast<std::uint16_t>(10'000 + 3 * i + other), 6, true});
        contacts.push_back({source, scanned_host(100 + i), time_ns, 443, 6, true});
        for (unsigned ordinary = 0; ordinary < 40; ++ordinary)
            contacts.push_back({scanned_host(9000 + 40 * i + ordinary), scanned_host(ordinary),
                                time_ns + 1000 + ordinary, 443, 6, false});
    }
    ScanSettings settings;
    settings.collect = true;
    std::vector<std::string> found;
    ScanDetector detector(settings, [&](const Scan& scan) { found.push_back(describe(scan)); });
    detector.add(contacts);
    detector.finish();
    EXPECT_EQ(found, std::vector<std::string>());
}

TEST(ScanDetector, room_is_bounded_and_what_is_forgotten_is_counted) {
    ScanSettings settings;
    settings.series_max = 1000;
    ScanDetector detector(settings, [](const Scan&) {});
    for (unsigned i = 0; i < 20'000; ++i) {
        detector.add({scanned_host(i), scanned_host(i % 7), second_ns * (i + 1),
                      static_cast<std::uint16_t>(i % 50 + 1), 6, true});
    }
    EXPECT_GT(detector.forgotten(), 10'000U);
}

TEST(ScanDetector, where_nothing_comes_back_silence_proves_little) {
    ScanDetector detector({}, [](const Scan&) {});
    detector.note_flows({19, 0, 0});
    EXPECT_FALSE(detector.one_way());
    detector.note_flows({1, 0, 0});
    EXPECT_TRUE(detector.one_way());
    detector.note_flows({1, 1, 0});
    EXPECT_FALSE(detector.one_way());
}

}  // namespace
}  // namespace picket::detect
