// The index of watch lists against a plain walk over all entries.
#include "dataplane/match/watch_index.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "controlplane/rules/watch_list.h"

namespace picket::match {
namespace {

using rules::WatchListSource;

std::uint64_t walk(const std::vector<WatchListSource>& lists, const api::Address& address) {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < lists.size(); ++i) {
        for (const auto& range : lists[i].ranges) {
            if (!(address < range.first) && !(range.last < address)) found |= std::uint64_t{1} << i;
        }
    }
    return found;
}

// Of few bits, so that entries meet.
std::string any_entry(std::mt19937& random) {
    const auto part = [&] { return std::to_string(random() % 4 == 0 ? random() % 256 : random() % 3); };
    if (random() % 3 != 0) {
        const std::string address = part() + "." + part() + "." + part() + "." + part();
        return random() % 2 == 0 ? address : address + "/" + std::to_string(random() % 33);
    }
    const std::string address = (random() % 2 == 0 ? "2001:db8::" : "::") + std::to_string(random() % 4);
    return random() % 2 == 0 ? address : address + "/" + std::to_string(random() % 129);
}

void add_neighbours(const api::AddressRange& range, std::vector<api::Address>& asked) {
    for (api::Address address : {range.first, range.last}) {
        asked.push_back(address);
        for (const int step : {1, -1}) {
            api::Address next = address;
            for (std::size_t i = next.bytes.size(); i-- > 0;) {
                next.bytes[i] = static_cast<std::uint8_t>(next.bytes[i] + step);
                if (next.bytes[i] != (step == 1 ? 0 : 255)) break;
            }
            asked.push_back(next);
        }
    }
}

TEST(WatchIndex, SaysWhatAWalkSays) {
    std::mt19937 random(5);
    for (int round = 0; round < 400; ++round) {
        std::vector<WatchListSource> lists(1 + random() % 64);
        std::vector<api::Address> asked;
        for (auto& list : lists) {
            std::string text;
            for (std::size_t i = random() % 12; i > 0; --i) text += any_entry(random) + "\n";
            std::vector<rules::Reject> rejects;
            list = rules::parse_watch_list("list", text, "f", rejects);
            for (const auto& range : list.ranges) add_neighbours(range, asked);
        }
        const auto ranges = rules::merge_watch_lists(lists);
        const WatchIndex index(ranges);
        for (int i = 0; i < 100; ++i) {
            std::vector<rules::Reject> rejects;
            const auto any = rules::parse_watch_list("any", any_entry(random), "f", rejects);
            for (const auto& range : any.ranges) asked.push_back(range.first);
        }
        for (const auto& address : asked)
            ASSERT_EQ(index.lookup(address), walk(lists, address)) << "round " << round;
    }
}

TEST(WatchIndex, OneRangeOverEverything) {
    for (const char* text : {"::/0", "::/1\n8000::/1", "0.0.0.0/0\n::/0"}) {
        std::vector<rules::Reject> rejects;
        const std::vector<WatchListSource> lists{rules::parse_watch_list("all", text, "f", rejects)};
        EXPECT_TRUE(rejects.empty());
        const auto ranges = rules::merge_watch_lists(lists);
        const WatchIndex index(ranges);
        std::mt19937 random(6);
        for (int i = 0; i < 1000; ++i) {
            api::Address address;
            for (auto& byte : address.bytes) byte = static_cast<std::uint8_t>(random());
            EXPECT_EQ(index.lookup(address), 1u) << text;
            EXPECT_EQ(index.lookup(api::ipv4_mapped(address.bytes.data())), 1u) << text;
        }
    }
    EXPECT_EQ(WatchIndex().lookup({}), 0u);
}

// As long as lists may be.
TEST(WatchIndex, AMillionEntries) {
    std::mt19937 random(7);
    WatchListSource list;
    std::vector<std::uint32_t> numbers;
    for (int i = 0; i < 1'000'000; ++i) {
        const std::array<std::uint8_t, 4> bytes{
            static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(random()),
            static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(random())};
        const api::Address address = api::ipv4_mapped(bytes.data());
        list.ranges.push_back({address, address});
    }
    const auto ranges = rules::merge_watch_lists({list});
    const WatchIndex index(ranges);
    for (const auto& range : list.ranges) ASSERT_EQ(index.lookup(range.first), 1u);
    std::size_t found = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        const auto number = static_cast<std::uint32_t>(random());
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), &number, sizeof number);
        const api::Address address = api::ipv4_mapped(bytes.data());
        const bool is_there =
            std::binary_search(ranges.begin(), ranges.end(), api::WatchRange{address, address, 0},
                               [](const auto& a, const auto& b) { return a.first < b.first; });
        // Neighbours are one range.
        if (is_there) {
            ASSERT_EQ(index.lookup(address), 1u);
        }
        found += index.lookup(address) != 0 ? 1 : 0;
    }
    EXPECT_GT(found, 100u);
    EXPECT_LT(found, 1000u);
}

}  // namespace
}  // namespace picket::match
