// Flow keys that all collide under a hash that is linear over bits, as CRC32 and Toeplitz are: what somebody
// can craft who knows the hash, whatever its seed is.
//
// For a linear hash h(k ^ x) = h(k) ^ l(x). The x for which l(x) is zero are a vector space, found by
// Gaussian elimination from the hashes of single bits; of the 96 bits of addresses and ports at least 64
// remain free.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "dataplane/flow/flow_key.h"

namespace picket::testing {

// Addresses and ports as they follow each other in a packet.
using KeyBytes = std::array<std::uint8_t, 12>;
using LinearHash = std::function<std::uint32_t(const KeyBytes&)>;

inline std::uint32_t crc32c(const KeyBytes& bytes, std::uint32_t seed = 0xffffffff) {
    std::uint32_t crc = seed;
    for (const std::uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    }
    return crc;
}

inline KeyBytes operator^(KeyBytes left, const KeyBytes& right) {
    for (std::size_t i = 0; i < left.size(); ++i) left[i] ^= right[i];
    return left;
}

inline flow::FlowKey key_of(const KeyBytes& bytes) {
    flow::FlowKey key;
    std::memcpy(&key.address_a, bytes.data(), 4);
    std::memcpy(&key.address_b, bytes.data() + 4, 4);
    key.port_a = static_cast<std::uint16_t>(bytes[8] << 8 | bytes[9]);
    key.port_b = static_cast<std::uint16_t>(bytes[10] << 8 | bytes[11]);
    key.protocol = 6;
    key.family = 4;
    return key;
}

// Differences that do not change the hash; each cannot be made of the others.
inline std::vector<KeyBytes> differences_unseen_by(const LinearHash& hash) {
    struct Row {
        std::uint32_t hash;
        KeyBytes bits;
    };
    const std::uint32_t zero = hash(KeyBytes{});
    std::vector<Row> pivots;
    std::vector<KeyBytes> unseen;
    for (std::size_t bit = 0; bit < 96; ++bit) {
        KeyBytes single{};
        single[bit / 8] = static_cast<std::uint8_t>(1u << bit % 8);
        Row row{hash(single) ^ zero, single};
        for (const Row& pivot : pivots) {
            // Each pivot owns its highest bit.
            const unsigned top = 31u - static_cast<unsigned>(__builtin_clz(pivot.hash));
            if ((row.hash >> top & 1) == 0) continue;
            row = {row.hash ^ pivot.hash, row.bits ^ pivot.bits};
        }
        if (row.hash == 0) {
            unseen.push_back(row.bits);
        } else {
            pivots.push_back(row);
        }
    }
    return unseen;
}

// So many different keys of one and the same hash. REQUIRES: count <= 2^20.
inline std::vector<KeyBytes> colliding_keys(const LinearHash& hash, std::size_t count) {
    const auto unseen = differences_unseen_by(hash);
    const KeyBytes first{10, 1, 2, 3, 192, 0, 2, 1, 4, 0, 0, 80};
    std::vector<KeyBytes> keys(count, first);
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t bit = 0; bit < 20; ++bit) {
            if ((i >> bit & 1) != 0) keys[i] = keys[i] ^ unseen[bit];
        }
    }
    return keys;
}

}  // namespace picket::testing
