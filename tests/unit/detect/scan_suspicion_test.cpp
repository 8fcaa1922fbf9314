// What is found is a suspicion until everything that bears on it is known.
#include <gtest/gtest.h>

#include "controlplane/detect/scan_detector.h"
#include "controlplane/store/address_text.h"
#include "tests/unit/detect/scan_fixtures.h"

namespace picket::detect {
namespace {

using tests::scanned_host;

constexpr std::uint64_t second_ns = 1'000'000'000;

Contact contact(unsigned number, std::uint64_t at_s, bool failed) {
    return {*store::parse_address("10.1.0.5"), scanned_host(number), at_s * second_ns, 80, 6, failed};
}

class Suspicions : public testing::Test {
  protected:
    // Twelve contacts, a second apart, of which every third fails: known are the failures alone.
    void suspect() {
        for (unsigned i = 0; i < 12; i += 3) detector_.add(contact(i, 100 + i, true));
    }
    [[nodiscard]] static std::vector<Contact> all(unsigned count) {
        std::vector<Contact> contacts;
        for (unsigned i = 0; i < count; ++i) contacts.push_back(contact(i, 100 + i, i % 3 == 0));
        return contacts;
    }

    // 0: it has not held, or is confirmed.
    [[nodiscard]] std::uint64_t decided_ns(const Scan& suspicion) {
        const auto scan = detector_.suspicion(suspicion);
        return scan ? ScanDetector::decided_ns(*scan) : 0;
    }

    std::vector<Scan> suspected_;
    ScanDetector detector_{{}, [this](const Scan& scan) { suspected_.push_back(scan); }};
};

TEST_F(Suspicions, AreDecidedASecondAfterTheContactThatDecides) {
    suspect();
    ASSERT_EQ(suspected_.size(), 1U);
    EXPECT_EQ(suspected_[0].flagged_ns, 109 * second_ns);
    EXPECT_EQ(decided_ns(suspected_[0]), 110 * second_ns);
    EXPECT_FALSE(detector_.confirm(suspected_[0], 110 * second_ns - 1));
    EXPECT_TRUE(detector_.scans().empty());
    EXPECT_TRUE(detector_.confirm(suspected_[0], 110 * second_ns));
    EXPECT_EQ(detector_.scans().size(), 1U);
    EXPECT_EQ(decided_ns(suspected_[0]), 0U);
    EXPECT_FALSE(detector_.confirm(suspected_[0])) << "it is told once";
}

// The case of a proxy whose failures are known before its successes: while it is looked into, more fail.
TEST_F(Suspicions, AreNotDecidedByWhatWasAskedBeforeTheContactThatDecidesNow) {
    suspect();
    for (unsigned i = 12; i < 36; i += 3) detector_.add(contact(i, 100 + i, true));
    std::vector<Contact> answered;
    for (unsigned i = 0; i < 12; ++i) {
        if (i % 3 != 0) answered.push_back(contact(i, 100 + i, false));
    }
    EXPECT_TRUE(detector_.tell_again(suspected_[0], answered, 112 * second_ns));
    EXPECT_FALSE(detector_.confirm(suspected_[0], 112 * second_ns)) << "of later ones nothing was asked";
    EXPECT_GT(decided_ns(suspected_[0]), 112 * second_ns);
    for (const Contact& late : all(36)) {
        if (!late.failed) detector_.add(late);
    }
    EXPECT_EQ(decided_ns(suspected_[0]), 0U) << "it has not held";
    EXPECT_FALSE(detector_.confirm(suspected_[0]));
    EXPECT_EQ(suspected_.size(), 1U);
}

TEST_F(Suspicions, AreJudgedAnewByAllContacts) {
    // What was answered before the first failure was known is not kept.
    for (const Contact& early : all(9)) {
        if (!early.failed) detector_.add(early);
    }
    suspect();
    ASSERT_EQ(suspected_.size(), 1U);
    detector_.judge_anew(suspected_[0], all(12), 1, 112 * second_ns);
    EXPECT_EQ(decided_ns(suspected_[0]), 0U);
    EXPECT_FALSE(detector_.confirm(suspected_[0]));
    // It knows them from here on.
    for (unsigned i = 12; i < 16; ++i) detector_.add(contact(i, 100 + i, true));
    EXPECT_EQ(suspected_.size(), 1U);
    for (unsigned i = 16; i < 20; ++i) detector_.add(contact(i, 100 + i, true));
    ASSERT_EQ(suspected_.size(), 2U) << "it may be suspected again";
    EXPECT_EQ(suspected_[1].first_ns, 100 * second_ns);
}

TEST_F(Suspicions, WhatBecameKnownWhileTheRestWasAskedForIsNotLost) {
    suspect();
    std::vector<Contact> asked;
    for (unsigned i = 0; i < 9; i += 3) asked.push_back(contact(i, 100 + i, true));
    detector_.judge_anew(suspected_[0], asked, 1, 112 * second_ns);
    const auto scan = detector_.confirm(suspected_[0]);
    ASSERT_TRUE(scan);
    EXPECT_EQ(scan->failures, 4U);
}

TEST_F(Suspicions, OfPortScansAreJudgedAnewByHostAndPort) {
    const auto to_port = [](std::uint16_t port, bool failed) {
        return Contact{
            *store::parse_address("10.1.0.5"), scanned_host(1), (100 + port) * second_ns, port, 6, failed};
    };
    for (std::uint16_t port = 1; port <= 8; ++port) detector_.add(to_port(port, true));
    ASSERT_EQ(suspected_.size(), 1U);
    ASSERT_EQ(suspected_[0].kind, ScanKind::port_scan);
    std::vector<Contact> answered;
    for (std::uint16_t port = 1; port <= 8; ++port) answered.push_back(to_port(port, port % 2 == 0));
    EXPECT_TRUE(detector_.tell_again(suspected_[0], answered, 112 * second_ns));
    EXPECT_EQ(decided_ns(suspected_[0]), 0U);
}

TEST_F(Suspicions, OfPortScansDoNotHoldWithFewerThanEightFailures) {
    const auto to_port = [](std::uint16_t port, bool failed) {
        return Contact{
            *store::parse_address("10.1.0.5"), scanned_host(1), (100 + port) * second_ns, port, 6, failed};
    };
    for (std::uint16_t port = 1; port <= 8; ++port) detector_.add(to_port(port, true));
    ASSERT_EQ(suspected_.size(), 1U);
    EXPECT_TRUE(detector_.tell_again(suspected_[0], {{to_port(8, false)}}, 200 * second_ns));
    EXPECT_FALSE(detector_.confirm(suspected_[0]));
}

TEST_F(Suspicions, ALateAnswerRevokesWhatWasJudgedAnew) {
    suspect();
    std::vector<Contact> asked = all(12);
    asked[0].failed = false;
    detector_.judge_anew(suspected_[0], asked, 1, 112 * second_ns);
    EXPECT_FALSE(detector_.confirm(suspected_[0]));
}

TEST_F(Suspicions, OfASeriesThatIsForgottenAreNoScans) {
    ScanSettings settings;
    settings.series_max = 100;
    std::vector<Scan> suspected;
    ScanDetector detector(settings, [&](const Scan& scan) { suspected.push_back(scan); });
    for (unsigned i = 0; i < 4; ++i) detector.add(contact(i, 100 + i, true));
    for (unsigned i = 0; i < 500; ++i) {
        Contact other = contact(i, 200, true);
        other.source = scanned_host(1000 + i);
        other.destination = scanned_host(i % 7);
        detector.add(other);
    }
    ASSERT_EQ(suspected.size(), 1U);
    EXPECT_TRUE(detector.tell_again(suspected[0], {}, 300 * second_ns));
    EXPECT_FALSE(detector.confirm(suspected[0]));
}

TEST_F(Suspicions, OfCrowdsDoNotHoldWhereOthersAreConnectedAndGoOn) {
    for (unsigned i = 0; i < 40; ++i) {
        Contact failed = contact(i, 100 + i, true);
        failed.source = scanned_host(1000 + i);
        detector_.add_so_far(failed);
        EXPECT_TRUE(suspected_.empty()) << "of a crowd only what has ended counts";
    }
    for (unsigned i = 0; i < 40; ++i) {
        Contact failed = contact(i, 100 + i, true);
        failed.source = scanned_host(1000 + i);
        detector_.add(failed);
    }
    ASSERT_EQ(suspected_.size(), 1U);
    ASSERT_EQ(suspected_[0].kind, ScanKind::distributed);
    detector_.add_live_successes(suspected_[0], 4);
    EXPECT_NE(decided_ns(suspected_[0]), 0U);
    detector_.add_live_successes(suspected_[0], 5);
    EXPECT_EQ(decided_ns(suspected_[0]), 0U) << "40 of 45 are less than nine tenths";
    Contact failed = contact(50, 150, true);
    failed.source = scanned_host(1050);
    detector_.add(failed);
    EXPECT_EQ(suspected_.size(), 1U) << "not at once";
    for (unsigned i = 51; i < 70; ++i) {
        failed = contact(i, 100 + i, true);
        failed.source = scanned_host(1000 + i);
        detector_.add(failed);
    }
    ASSERT_EQ(suspected_.size(), 2U) << "it may be suspected again";
    const auto scan = detector_.confirm(suspected_[1]);
    ASSERT_TRUE(scan);
    EXPECT_EQ(scan->failures, 60U);
    EXPECT_EQ(scan->first_ns, 100 * second_ns);
}

TEST_F(Suspicions, OfCapturesWaitForTheEnd) {
    detector_.collect(true);
    detector_.add_so_far(contact(0, 100, true));
    suspect();
    EXPECT_TRUE(suspected_.empty());
    detector_.finish();
    ASSERT_EQ(suspected_.size(), 1U);
    EXPECT_EQ(suspected_[0].failures, 4U);
    detector_.collect(false);
    for (unsigned i = 20; i < 28; ++i) {
        Contact failed = contact(i, 200 + i, true);
        failed.port = 443;
        detector_.add(failed);
    }
    EXPECT_EQ(suspected_.size(), 2U) << "what comes from a port afterwards does not";
}

}  // namespace
}  // namespace picket::detect
