// Loading lists and counting their entries.
#include "controlplane/detect/watch_lists.h"

#include <gtest/gtest.h>

#include "tests/unit/store/store_fixtures.h"

namespace picket::detect {
namespace {

TEST(WatchLists, GoodLinesLoadAndBadOnesAreNamed) {
    WatchLists lists;
    std::vector<store::NetworkLine> rejects;
    EXPECT_FALSE(lists.load("sobig", "10.0.0.1\nbogus\n192.0.2.0/24\n", rejects));
    ASSERT_EQ(rejects.size(), 1U);
    EXPECT_EQ(rejects[0].line, 2U);
    ASSERT_TRUE(lists.find("sobig"));
    EXPECT_EQ(lists.find("sobig")->entries().size(), 2U);
    EXPECT_EQ(lists.sources()[0].ranges.size(), 2U);
    EXPECT_TRUE(lists.remove("sobig"));
    EXPECT_FALSE(lists.remove("sobig"));
}

TEST(WatchLists, ProblemsChangeNothing) {
    WatchLists lists;
    std::vector<store::NetworkLine> rejects;
    EXPECT_TRUE(lists.load("a b", "10.0.0.1", rejects));
    EXPECT_TRUE(lists.load(std::string(64, 'x'), "10.0.0.1", rejects));
    EXPECT_TRUE(lists.load("empty", "# nothing\n", rejects));
    EXPECT_TRUE(lists.all().empty());
    for (int i = 0; i < 64; ++i) EXPECT_FALSE(lists.load("l" + std::to_string(i), "10.0.0.1", rejects));
    const auto problem = lists.load("one-more", "10.0.0.1", rejects);
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->http_status, 409);
    EXPECT_FALSE(lists.load("l3", "10.0.0.2", rejects)) << "replacing is always possible";
}

TEST(WatchCount, EitherEndOnce) {
    auto networks = std::make_shared<store::NetworkSet>(std::vector{*store::parse_network("10.0.0.0/8"),
                                                                    *store::parse_network("10.0.0.1"),
                                                                    *store::parse_network("9.9.9.9")});
    WatchCount count(networks);
    count.add(tests::flow(1, "10.0.0.1", "10.0.0.2"));
    count.add(tests::flow(2, "192.0.2.1", "10.0.0.1", 50));
    EXPECT_EQ(count.entries()[0].flows, 2U);
    EXPECT_EQ(count.entries()[1].flows, 2U);
    EXPECT_EQ(count.entries()[1].first_ns, 50 * tests::second_ns);
    EXPECT_FALSE(count.entries()[2].seen());
}

}  // namespace
}  // namespace picket::detect
