#include "dataplane/match/flow_bits.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "dataplane/match/bit_names.h"

namespace picket::match {
namespace {

TEST(FlowBits, AgreesWithAMapOfSets) {
    FlowBits bits(4096);
    std::map<std::uint32_t, std::set<std::uint32_t>> expected;
    std::mt19937 random(5);
    for (int step = 0; step < 200'000; ++step) {
        const std::uint32_t flow = random() % 40 * 8191;
        const std::uint32_t bit = random() % 60;
        switch (random() % 8) {
            case 0:
                if (random() % 16 == 0) {
                    bits.forget(flow);
                    expected.erase(flow);
                }
                break;
            case 1:
            case 2:
                bits.unset(flow, bit);
                expected[flow].erase(bit);
                break;
            case 3:
            case 4:
                ASSERT_TRUE(bits.set(flow, bit));
                expected[flow].insert(bit);
                break;
            default:
                ASSERT_EQ(bits.is_set(flow, bit), expected[flow].contains(bit));
        }
    }
    for (const auto& [flow, unused] : expected) bits.forget(flow);
    EXPECT_EQ(bits.records_in_use(), 0u);
}

TEST(FlowBits, SaysWhenNoRecordIsLeft) {
    FlowBits bits(2);
    for (std::uint32_t bit = 0; bit < 13; ++bit) EXPECT_TRUE(bits.set(1, bit));
    EXPECT_TRUE(bits.set(2, 0));
    EXPECT_FALSE(bits.set(3, 0));
    EXPECT_FALSE(bits.is_set(3, 0));
    EXPECT_FALSE(bits.set(1, 13));  // its record is full
    EXPECT_TRUE(bits.set(2, 13));
    bits.unset(2, 0);
    EXPECT_EQ(bits.records_in_use(), 2u);
    bits.unset(2, 13);
    EXPECT_EQ(bits.records_in_use(), 1u);
    EXPECT_TRUE(bits.set(3, 0));
    EXPECT_TRUE(bits.is_set(1, 12));
}

TEST(BitNames, KeepsIdsAndEnds) {
    BitNames names;
    EXPECT_EQ(names.id_of("a"), 0u);
    EXPECT_EQ(names.id_of("b"), 1u);
    EXPECT_EQ(names.id_of("a"), 0u);
    for (std::size_t i = 2; i < BitNames::names_max; ++i) ASSERT_TRUE(names.id_of(std::to_string(i)));
    EXPECT_EQ(names.id_of("one more"), std::nullopt);
    EXPECT_EQ(names.id_of("b"), 1u);
}

}  // namespace
}  // namespace picket::match
