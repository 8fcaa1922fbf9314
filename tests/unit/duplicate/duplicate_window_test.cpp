#include "dataplane/duplicate/duplicate_window.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

namespace picket::duplicate {
namespace {

constexpr std::uint64_t start_ns = 1'700'000'000'000'000'000;
constexpr std::uint64_t us = 1000;
constexpr Fingerprint identified = is_fingerprint | has_identification;

// A fingerprint of the line, the `number`-th of many.
Fingerprint in_line(std::uint64_t line, std::uint64_t number, Fingerprint marks = identified) {
    return line << (64 - DuplicateWindow::line_bits) | number << 8 | marks;
}

TEST(DuplicateWindow, SeesACopyWithinTheWindowBeforeOrAfter) {
    for (const auto& [marks, window_ns] :
         {std::pair{identified, identified_window_ns}, {is_fingerprint, unidentified_window_ns}}) {
        for (const std::uint64_t distance : {std::uint64_t{0}, 1 * us, window_ns - 2 * us}) {
            DuplicateWindow window;
            EXPECT_FALSE(window.has_seen(in_line(1, 1, marks), start_ns));
            EXPECT_TRUE(window.has_seen(in_line(1, 1, marks), start_ns + distance));
            EXPECT_EQ(window.displaced(), 0u);
            DuplicateWindow backwards;
            EXPECT_FALSE(backwards.has_seen(in_line(1, 1, marks), start_ns));
            EXPECT_TRUE(backwards.has_seen(in_line(1, 1, marks), start_ns - distance));
        }
        for (const std::uint64_t distance : {window_ns + 2 * us, 100 * window_ns, 3'600'000'000'000ul}) {
            DuplicateWindow after;
            EXPECT_FALSE(after.has_seen(in_line(1, 1, marks), start_ns));
            EXPECT_FALSE(after.has_seen(in_line(1, 1, marks), start_ns + distance));
            // It is remembered at its new time.
            EXPECT_TRUE(after.has_seen(in_line(1, 1, marks), start_ns + distance + 1 * us));
            DuplicateWindow before;
            EXPECT_FALSE(before.has_seen(in_line(1, 1, marks), start_ns));
            EXPECT_FALSE(before.has_seen(in_line(1, 1, marks), start_ns - distance));
        }
    }
}

TEST(DuplicateWindow, ACopyDoesNotExtendTheWindow) {
    DuplicateWindow window;
    EXPECT_FALSE(window.has_seen(in_line(1, 1), start_ns));
    EXPECT_TRUE(window.has_seen(in_line(1, 1), start_ns + 9'000 * us));
    EXPECT_FALSE(window.has_seen(in_line(1, 1), start_ns + 18'000 * us));
}

// A flood of equal packets is none of copies, however long it lasts, until it pauses.
TEST(DuplicateWindow, TellsFewCopiesOfAPacket) {
    for (const auto& [marks, copies_max] :
         {std::pair{identified, identified_copies_max}, {is_fingerprint, 1u}}) {
        DuplicateWindow window;
        unsigned copies = 0;
        std::uint64_t time_ns = start_ns;
        for (int i = 0; i < 1000; ++i)
            copies += window.has_seen(in_line(1, 1, marks), time_ns += 100 * us) ? 1 : 0;
        EXPECT_EQ(copies, copies_max);
        time_ns += 20'000 * us;
        EXPECT_FALSE(window.has_seen(in_line(1, 1, marks), time_ns));
        EXPECT_TRUE(window.has_seen(in_line(1, 1, marks), time_ns + 1 * us));
    }
}

TEST(DuplicateWindow, OthersAreNone) {
    DuplicateWindow window;
    EXPECT_FALSE(window.has_seen(in_line(1, 1), start_ns));
    EXPECT_FALSE(window.has_seen(in_line(2, 1), start_ns));
    EXPECT_FALSE(window.has_seen(in_line(1, 2), start_ns));
    EXPECT_FALSE(window.has_seen(in_line(1, 1, is_fingerprint), start_ns));
    EXPECT_EQ(window.displaced(), 0u);
}

// The oldest of a full line gives way; that counts only while a copy of it could still come.
TEST(DuplicateWindow, TheOldestOfALineGivesWayAndIsCounted) {
    DuplicateWindow window;
    for (std::uint64_t i = 0; i < DuplicateWindow::ways; ++i) {
        EXPECT_FALSE(window.has_seen(in_line(7, i), start_ns + i));
    }
    EXPECT_EQ(window.displaced(), 0u);
    EXPECT_FALSE(window.has_seen(in_line(7, 100), start_ns + 1 * us));
    EXPECT_EQ(window.displaced(), 1u);
    EXPECT_TRUE(window.has_seen(in_line(7, 1), start_ns + 2 * us));
    EXPECT_FALSE(window.has_seen(in_line(7, 0), start_ns + 2 * us));  // forgotten, and displaces the next
    EXPECT_EQ(window.displaced(), 2u);
    EXPECT_FALSE(window.has_seen(in_line(7, 101), start_ns + 20'000 * us));
    EXPECT_EQ(window.displaced(), 2u);
    // One without identification is over after a tenth of the time.
    DuplicateWindow shorter;
    for (std::uint64_t i = 0; i < DuplicateWindow::ways; ++i) {
        EXPECT_FALSE(shorter.has_seen(in_line(7, i, is_fingerprint), start_ns));
    }
    EXPECT_FALSE(shorter.has_seen(in_line(7, 100), start_ns + 2'000 * us));
    EXPECT_EQ(shorter.displaced(), 0u);
}

// Against a map, with times that run and jump, and no more at once than there is room for.
TEST(DuplicateWindow, IsAMapWhileNothingIsDisplaced) {
    std::mt19937_64 random(4);
    DuplicateWindow window;
    struct Seen {
        std::uint64_t tick = 0;
        unsigned told = 0;
    };
    std::unordered_map<Fingerprint, Seen> seen;
    std::uint64_t time_ns = start_ns;
    std::uint64_t copies = 0;
    for (int i = 0; i < 200'000; ++i) {
        time_ns += random() % (20 * us);
        if (random() % 1000 == 0) time_ns -= 5'000 * us;
        const Fingerprint fingerprint = in_line(random() % 256, random() % 5, identified);
        const auto found = seen.find(fingerprint);
        const std::uint64_t tick = time_ns >> 10;
        bool copy = false;
        if (found != seen.end()) {
            const std::uint64_t then = found->second.tick;
            const bool within = (tick > then ? tick - then : then - tick) <= identified_window_ns >> 10;
            copy = within && found->second.told < identified_copies_max;
            found->second.told = copy ? found->second.told + 1 : within ? found->second.told : 0;
            if (!copy) found->second.tick = tick;
        } else {
            seen[fingerprint] = {tick, 0};
        }
        copies += copy ? 1 : 0;
        ASSERT_EQ(window.has_seen(fingerprint, time_ns), copy) << i;
    }
    EXPECT_EQ(window.displaced(), 0u);
    EXPECT_GT(copies, 1000u);
}

}  // namespace
}  // namespace picket::duplicate
