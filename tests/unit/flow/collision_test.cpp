// Keys crafted against a linear hash lie in the flow table like any others.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "dataplane/flow/flow_table.h"
#include "dataplane/rx/rss.h"
#include "tests/support/crafted_keys.h"
#include "tests/support/flow_harness.h"

namespace picket::testing {
namespace {

constexpr std::size_t count = 50'000;

std::uint32_t toeplitz(const KeyBytes& key) {
    return rx::toeplitz_hash(key, rx::symmetric_key);
}

// How long a lookup goes on, told by the stretches of occupied lines: a key's line is in the stretch that its
// home is in, whatever the home.
struct Stretches {
    std::size_t longest = 0;
    double lines_mean = 0;  // of the stretch that a key is in
};

Stretches stretches_of(const std::vector<KeyBytes>& keys) {
    flow::FlowTable table(test_hash, keys.size(), true);
    for (const auto& bytes : keys) {
        const flow::FlowKey key = key_of(bytes);
        EXPECT_NE(table.insert(key, table.hash(key), nullptr), nullptr);
    }
    Stretches found;
    double squares = 0;
    std::size_t length = 0;
    for (std::size_t slot = 0; slot <= table.slots(); ++slot) {
        if (table.at(slot) != nullptr) {
            ++length;
            continue;
        }
        found.longest = std::max(found.longest, length);
        squares += static_cast<double>(length * length);
        length = 0;
    }
    found.lines_mean = squares / static_cast<double>(keys.size());
    return found;
}

std::vector<KeyBytes> random_keys() {
    std::mt19937 random(1);
    std::vector<KeyBytes> keys(count);
    for (auto& key : keys) {
        for (auto& byte : key) byte = static_cast<std::uint8_t>(random());
    }
    return keys;
}

void expect_like_random(const LinearHash& hash) {
    const auto crafted = colliding_keys(hash, count);
    EXPECT_EQ(std::set<KeyBytes>(crafted.begin(), crafted.end()).size(), count);
    for (const auto& key : crafted) ASSERT_EQ(hash(key), hash(crafted[0])) << "the keys are no attack";
    const Stretches attack = stretches_of(crafted);
    const Stretches usual = stretches_of(random_keys());
    EXPECT_LT(attack.lines_mean, usual.lines_mean * 1.1);
    EXPECT_LT(attack.longest, usual.longest * 2);
}

TEST(Collisions, KeysCraftedAgainstCrc32AreLikeOthers) {
    expect_like_random([](const KeyBytes& key) { return crc32c(key); });
}

TEST(Collisions, CrcCollisionsDoNotDependOnTheSeed) {
    for (const auto& key : colliding_keys([](const KeyBytes& bytes) { return crc32c(bytes); }, 1000)) {
        const KeyBytes first = colliding_keys([](const KeyBytes& bytes) { return crc32c(bytes); }, 1)[0];
        ASSERT_EQ(crc32c(key, 4711), crc32c(first, 4711));
    }
}

TEST(Collisions, KeysCraftedAgainstToeplitzAreLikeOthers) {
    expect_like_random(toeplitz);
}

}  // namespace
}  // namespace picket::testing
