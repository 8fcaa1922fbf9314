#include "controlplane/rules/watch_list.h"

#include <gtest/gtest.h>

#include <random>

#include "controlplane/rules/range_set.h"
#include "controlplane/rules/rule_compiler.h"
#include "dataplane/api/setup_error.h"

namespace picket::rules {
namespace {

TEST(WatchList, ReadsOneEntryALine) {
    std::vector<Reject> rejects;
    const WatchListSource list = parse_watch_list(
        "l", "# head\n12.1.1.1\r\n\n 2001:db8::/64 # net\nnot-an-address\n1.2.3.4/40\n", "w.txt", rejects);
    EXPECT_EQ(list.name, "l");
    EXPECT_EQ(list.ranges.size(), 2u);
    ASSERT_EQ(rejects.size(), 2u);
    EXPECT_EQ(rejects[0].line, 5u);
    EXPECT_EQ(rejects[0].reason, "'not-an-address' is not an address or network");
}

// Every address of a small space is on exactly the lists that say so, for random overlapping lists.
TEST(WatchList, MergesAsAPlainSearchWould) {
    std::mt19937 random(3);
    const auto address = [](unsigned last) {
        const std::uint8_t bytes[] = {10, 0, 0, static_cast<std::uint8_t>(last)};
        return api::ipv4_mapped(bytes);
    };
    for (int round = 0; round < 300; ++round) {
        std::vector<WatchListSource> lists(1 + random() % 5);
        for (WatchListSource& list : lists) {
            list.ranges.resize(random() % 6);
            for (api::AddressRange& range : list.ranges) {
                const unsigned low = random() % 256;
                range = {address(low), address(low + random() % (256 - low))};
            }
        }
        const auto merged = merge_watch_lists(lists);
        for (std::size_t i = 0; i < merged.size(); ++i) {
            EXPECT_FALSE(merged[i].last < merged[i].first);
            EXPECT_TRUE(i == 0 || merged[i - 1].last < merged[i].first);
            EXPECT_NE(merged[i].lists, 0u);
        }
        for (unsigned last = 0; last < 256; ++last) {
            std::uint64_t expected = 0;
            for (std::size_t i = 0; i < lists.size(); ++i) {
                for (const api::AddressRange& range : lists[i].ranges) {
                    const bool inside = !(address(last) < range.first) && !(range.last < address(last));
                    expected |= inside ? std::uint64_t{1} << i : 0;
                }
            }
            std::uint64_t found = 0;
            for (const api::WatchRange& range : merged) {
                if (!(address(last) < range.first) && !(range.last < address(last))) {
                    found = range.lists;
                }
            }
            EXPECT_EQ(found, expected);
        }
    }
}

TEST(WatchList, ReachesTheLastAddress) {
    std::vector<Reject> rejects;
    const auto merged = merge_watch_lists(
        {parse_watch_list("a", "ff00::/8", "", rejects), parse_watch_list("b", "::/0", "", rejects)});
    ASSERT_EQ(merged.size(), 2u);
    EXPECT_EQ(merged[1].last, last_address());
    EXPECT_EQ(merged[1].lists, 3u);
}

TEST(WatchList, RefusesTooManyAndBadNames) {
    EXPECT_THROW(compile_rules({}, {}, std::vector<WatchListSource>(65, {"x", {}})), SetupError);
    EXPECT_THROW(compile_rules({}, {}, {{"", {}}}), SetupError);
    EXPECT_THROW(compile_rules({}, {}, {{std::string(64, 'x'), {}}}), SetupError);
    EXPECT_EQ(compile_rules({}, {}, {{std::string(63, 'x'), {}}}).watch_lists.size(), 1u);
}

}  // namespace
}  // namespace picket::rules
