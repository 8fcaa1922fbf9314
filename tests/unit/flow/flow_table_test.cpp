#include "dataplane/flow/flow_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <fstream>
#include <string>

#include "dataplane/flow/timer_wheel.h"
#include "tests/support/flow_harness.h"

namespace picket::flow {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

FlowKey key_of(std::uint32_t number) {
    FlowKey key;
    key.address_a = number;
    key.port_b = 80;
    key.protocol = 6;
    key.family = 4;
    return key;
}

TEST(FlowTable, GrowsAndFindsAll) {
    FlowTable table(testing::test_hash, 16, false);
    for (std::uint32_t i = 0; i < 50'000; ++i) {
        const FlowKey key = key_of(i);
        HotFlow* hot = table.insert(key, table.hash(key), nullptr);
        ASSERT_NE(hot, nullptr);
        table.cold(hot->cold).flow_id = i;
    }
    EXPECT_LE(table.entries() * 2, table.slots());
    for (std::uint32_t i = 0; i < 50'000; ++i) {
        const FlowKey key = key_of(i);
        HotFlow* hot = table.find(key, table.hash(key), nullptr);
        ASSERT_NE(hot, nullptr);
        EXPECT_EQ(table.cold(hot->cold).flow_id, i);
        EXPECT_EQ(&table.hot_of(hot->cold), hot);
    }
}

// Bytes of this process on reserved pages.
std::size_t reserved_bytes() {
    std::ifstream smaps("/proc/self/smaps_rollup");
    std::string word;
    std::size_t kib = 0;
    while (smaps >> word) {
        if (word == "Private_Hugetlb:") smaps >> kib;
    }
    return kib * 1024;
}

std::size_t reserved_pages(const std::string& which) {
    std::size_t pages = 0;
    std::ifstream("/sys/kernel/mm/hugepages/hugepages-2048kB/" + which + "_hugepages") >> pages;
    return pages;
}

// tests/live/reserved_pages_test.py reserves some, fewer than the table needs.
TEST(FlowTable, GrowsOnReservedPagesWhileHalfStayFree) {
    const std::size_t all = reserved_pages("nr");
    if (all < 8 || all > 64 || reserved_pages("free") < all)
        GTEST_SKIP() << "no pages are reserved, or for others than this test";
    FlowTable table(testing::test_hash, 32'768, false);
    std::uint32_t count = 0;
    std::size_t most = 0;
    // Each flow takes at least 256 bytes.
    for (; count < all * (std::size_t{2} << 20) / 256; ++count) {
        const FlowKey key = key_of(count);
        ASSERT_NE(table.insert(key, table.hash(key), nullptr), nullptr);
        if (count % 16'384 == 0) most = std::max(most, reserved_bytes());
    }
    EXPECT_GT(most, 0u);
    EXPECT_LE(most, all * (std::size_t{1} << 20));
    EXPECT_GE(reserved_pages("free"), all / 2);
    for (std::uint32_t i = 0; i < count; ++i) {
        const FlowKey key = key_of(i);
        ASSERT_NE(table.find(key, table.hash(key), nullptr), nullptr);
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which need terabytes of address space
// As many tables as a replay's workers have, each filled as far as it goes.
int fill_tables_within(rlim_t address_space) {
    const rlimit limit{address_space, address_space};
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 1;
    std::deque<FlowTable> tables;
    try {
        while (tables.size() < 8) {
            FlowTable& table = tables.emplace_back(testing::test_hash, 1024, false);
            std::uint32_t count = 0;
            while (count < 400'000 &&
                   table.insert(key_of(count), table.hash(key_of(count)), nullptr) != nullptr)
                ++count;
            if (table.entries() != count) return 2;
            for (std::uint32_t i = 0; i < count; ++i) {
                HotFlow* hot = table.find(key_of(i), table.hash(key_of(i)), nullptr);
                if (hot == nullptr) return 3;
                table.far(hot->cold).duplicates = i;
            }
        }
    } catch (const std::exception&) {
        // No address space for one more: its worker says so.
    }
    return tables.empty() ? 4 : 0;
}

TEST(FlowTable, LivesWithLittleAddressSpace) {
    for (const unsigned mib : {500, 1000, 2000, 5000, 20'000}) {
        EXPECT_EXIT(_exit(fill_tables_within(rlim_t{mib} << 20)), ::testing::ExitedWithCode(0), "") << mib;
    }
}
#endif

TEST(FlowTable, EraseLeavesNoHoles) {
    FlowTable table(testing::test_hash, 4096, true);
    std::vector<std::uint32_t> cold(4096);
    for (std::uint32_t i = 0; i < 4096; ++i)
        cold[i] = table.insert(key_of(i), table.hash(key_of(i)), nullptr)->cold;
    EXPECT_EQ(table.insert(key_of(9999), table.hash(key_of(9999)), nullptr), nullptr);
    for (std::uint32_t i = 0; i < 4096; i += 2) table.erase(cold[i]);
    for (std::uint32_t i = 0; i < 4096; ++i) {
        EXPECT_EQ(table.find(key_of(i), table.hash(key_of(i)), nullptr) != nullptr, i % 2 == 1);
    }
    EXPECT_EQ(table.entries(), 2048u);
}

// The hash only says where to look: flows whose keys collide in everything but the addresses stay apart.
TEST(FlowTable, Ipv6AddressesAreComparedWhole) {
    FlowTable table(testing::test_hash, 64, true);
    FlowKey key = key_of(1);
    key.family = 6;
    Ipv6Sides one;
    one.a[15] = 1;
    Ipv6Sides two;
    two.a[15] = 2;
    HotFlow* first = table.insert(key, table.hash(key), &one);
    EXPECT_EQ(table.find(key, table.hash(key), &two), nullptr);
    HotFlow* second = table.insert(key, table.hash(key), &two);
    EXPECT_NE(first->cold, second->cold);
    EXPECT_EQ(table.find(key, table.hash(key), &one), first);
    EXPECT_EQ(table.find(key, table.hash(key), &two), second);
}

constexpr std::uint64_t second_ns = 1'000'000'000;

std::vector<std::uint32_t> take(TimerWheel& wheel, std::uint64_t now_ns, std::size_t most = 10) {
    std::vector<std::uint32_t> taken(most);
    taken.resize(wheel.take(now_ns, taken));
    return taken;
}

TEST(TimerWheel, GivesEachAtItsTime) {
    TimerWheel wheel;
    ASSERT_TRUE(wheel.provide(64));
    const std::uint64_t start = 1'000 * second_ns;
    wheel.start(start);
    wheel.file(1, start + 5 * second_ns);
    wheel.file(2, start + 2'000 * second_ns);  // beyond the wheel: comes up early, to be filed again
    EXPECT_THAT(take(wheel, start + 4 * second_ns), IsEmpty());
    EXPECT_THAT(take(wheel, start + 8 * second_ns), ElementsAre(1));
    EXPECT_THAT(take(wheel, start + 600 * second_ns), ElementsAre(2));
    EXPECT_THAT(take(wheel, start + 3'000 * second_ns), IsEmpty());
}

TEST(TimerWheel, AJumpOfYearsGivesEverythingOnce) {
    TimerWheel wheel;
    ASSERT_TRUE(wheel.provide(500));
    wheel.start(0);
    for (std::uint32_t i = 0; i < 500; ++i) wheel.file(i, std::uint64_t{i} << 30);
    std::vector<std::uint32_t> all;
    for (;;) {
        const auto some = take(wheel, std::uint64_t{1} << 60, 7);
        all.insert(all.end(), some.begin(), some.end());
        if (some.size() < 7) break;
    }
    std::sort(all.begin(), all.end());
    ASSERT_EQ(all.size(), 500u);
    for (std::uint32_t i = 0; i < 500; ++i) EXPECT_EQ(all[i], i);
}

// Flows that come up and are filed again, for many rounds, in no more memory than was provided: every page
// that is emptied is used again.
TEST(TimerWheel, MemoryStaysWhatWasProvided) {
    constexpr std::uint32_t flows = 3'000;
    TimerWheel wheel;
    ASSERT_TRUE(wheel.provide(flows));
    wheel.start(0);
    std::uint64_t random = 1;
    const auto spread = [&random] {
        random = random * 6364136223846793005 + 1442695040888963407;
        return (random >> 40) % 300 * second_ns;
    };
    for (std::uint32_t i = 0; i < flows; ++i) wheel.file(i, spread());
    std::vector<std::uint32_t> visits(flows);
    for (std::uint64_t now = 0; now < 3'000 * second_ns; now += second_ns) {
        for (;;) {
            const auto due = take(wheel, now, 32);
            for (const std::uint32_t cold : due) {
                ++visits[cold];
                wheel.file(cold, now + spread());
            }
            if (due.size() < 32) break;
        }
    }
    EXPECT_EQ(wheel.provided(), flows);
    for (const std::uint32_t count : visits) EXPECT_GT(count, 5u);
}

// A lookup in steps finds what find() finds, whatever the load.
TEST(FlowTable, StepsFindWhatFindFinds) {
    constexpr std::uint32_t flows = 20'000;
    FlowTable table(testing::test_hash, flows, true);
    for (std::uint32_t i = 0; i < flows; ++i) {
        ASSERT_NE(table.insert(key_of(i), table.hash(key_of(i)), nullptr), nullptr);
    }
    std::size_t at_home = 0;
    for (std::uint32_t i = 0; i < 2 * flows; ++i) {
        const FlowKey key = key_of(i);
        const std::uint64_t hash = table.hash(key);
        const HotFlow* found = table.find(key, hash, nullptr);
        auto look = table.look(key, hash, 0);
        if (look.hot != nullptr) ++at_home;
        for (std::size_t distance = 1; look.further; ++distance) look = table.look(key, hash, distance);
        EXPECT_EQ(look.hot, found);
    }
    // The table is 61 % full at most; linear probing leaves more than two thirds where they belong.
    EXPECT_GT(at_home, flows * 2 / 3);
}

}  // namespace
}  // namespace picket::flow
