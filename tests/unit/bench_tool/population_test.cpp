#include "bench/tool/population.h"

#include <gtest/gtest.h>

namespace picket::bench {
namespace {

RowSettings with_share(double share) {
    RowSettings row;
    row.flows = 1'000'000;
    row.new_flows_share = share;
    return row;
}

TEST(Population, a_steady_table_is_all_live) {
    const Population population = population_of(with_share(0));
    EXPECT_EQ(population.live, 1'000'000u);
    EXPECT_EQ(population.silent, 0u);
    EXPECT_GE(population.capacity, 1'000'000u);
    EXPECT_DOUBLE_EQ(population.packet_gap_ns, line_gap_ns);
}

// As many flows fall silent within a timeout as the table holds silent ones, and none of the live ones waits
// longer than its timeout.
TEST(Population, births_and_ends_balance) {
    for (const double share : {0.0001, 0.001, 0.01, 0.05, 0.2, 0.5}) {
        const Population population = population_of(with_share(share));
        EXPECT_EQ(population.live + population.silent, 1'000'000u) << share;
        const double timeout = static_cast<double>(population.idle_timeout_ns) / population.packet_gap_ns;
        // A silent flow stays for its timeout, and, where that is short, a tick of the wheel (1.07 s).
        const double late = population.idle_timeout_ns < 15'000'000'000 ? 1.07 / 6 : 0;
        EXPECT_NEAR(share * timeout * (1 + late), static_cast<double>(population.silent), 1e4) << share;
        EXPECT_GE(timeout, 15.9 * static_cast<double>(population.live)) << share;
        EXPECT_GT(population.capacity, 1'000'000u);
    }
}

TEST(Population, new_flows_only) {
    const Population population = population_of(with_share(1));
    EXPECT_EQ(population.live, 0u);
    EXPECT_EQ(population.silent, 1'000'000u);
}

TEST(Population, a_flood_fills_its_table) {
    RowSettings row;
    row.flood = true;
    const Population population = population_of(row);
    EXPECT_EQ(population.live, 1000u);
    EXPECT_EQ(population.live + population.silent, population.capacity);
}

TEST(Population, workers_share_the_flows) {
    RowSettings row = with_share(0);
    row.workers = 4;
    EXPECT_EQ(population_of(row).live, 250'000u);
}

}  // namespace
}  // namespace picket::bench
