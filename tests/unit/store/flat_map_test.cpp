// The flat map against std::map, by random operations.
#include "controlplane/store/flat_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace picket::store {
namespace {

TEST(FlatMap, AgreesWithAPlainMap) {
    std::mt19937_64 random(1);
    FlatMap<std::uint64_t, std::uint64_t> map;
    std::map<std::uint64_t, std::uint64_t> plain;
    for (int i = 0; i < 200'000; ++i) {
        const std::uint64_t key = random() % 3000;
        if (random() % 3 == 0) {
            EXPECT_EQ(map.erase(key), plain.erase(key) > 0);
        } else {
            map[key] = plain[key] = static_cast<std::uint64_t>(i);
        }
        const auto* found = map.find(key);
        const auto expected = plain.find(key);
        ASSERT_EQ(found != nullptr, expected != plain.end());
        if (found) {
            ASSERT_EQ(*found, expected->second);
        }
    }
    EXPECT_EQ(map.size(), plain.size());
    std::size_t visited = 0;
    map.for_each([&](std::uint64_t key, std::uint64_t value) {
        ++visited;
        EXPECT_EQ(plain.at(key), value);
    });
    EXPECT_EQ(visited, plain.size());
}

}  // namespace
}  // namespace picket::store
