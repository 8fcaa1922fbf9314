// A damaged or hostile blob is refused with a sentence or, where the damage keeps it sound, is harmless.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/unit/match/match_harness.h"

namespace picket::match {
namespace {

const std::string rules_text =
    "alert http any any -> [10.0.0.0/8,192.0.2.0/24] [80,8080] (flow:to_server; http.uri; "
    "content:\"/b.cgi\"; "
    "content:\"x\"; distance:1; within:9; pcre:\"/[0-9]{3}$/\"; sid:1;)\n"
    "alert http any any -> any any (flow:to_server; http.header; content:\"Evil-Header|3a| 1\"; sid:2;)\n"
    "alert http any any -> any any (flow:to_server; http.accept; content:\"strange\"; sid:3;)\n"
    "alert http any any -> any any (flow:to_server; http.method; content:\"BREW\"; sid:4;)\n"
    "alert udp any any -> any 8998 (content:\"probe\"; sid:5;)\n";

std::vector<rules::WatchListSource> watch_lists() {
    std::vector<rules::Reject> rejects;
    return {rules::parse_watch_list("twenty", "12.158.102.205\n24.0.0.0/8\n", "w", rejects),
            rules::parse_watch_list("six", "2001:db8::/32\n24.1.0.0/16 # part\n", "w", rejects)};
}

const std::vector<TestRequest> requests{
    {"GET", "/b.cgi?x=123", "Host: h\r\nEvil-Header: 1\r\n", ""},
    {"BREW", "/pot", "Accept: strange\r\n", ""},
    {"GET", "/ordinary", "Host: h\r\n", ""},
};

void exercise(const std::shared_ptr<const RuleSet>& set) {
    std::string error;
    const auto matcher = Matcher::create(set, error);
    if (!matcher) {
        return;
    }
    std::vector<RequestTexts> texts;
    texts.reserve(requests.size());
    std::vector<RequestView> views;
    for (const TestRequest& request : requests) {
        texts.emplace_back(request, set->dialect());
        views.push_back(texts.back().view());
    }
    const HitSink sink{[](void*, std::uint32_t, std::uint32_t) noexcept {}, nullptr};
    matcher->match_requests(views, sink);
    PayloadView payload;
    payload.ends.protocol = 17;
    payload.ends.destination_port = 8998;
    const std::uint8_t bytes[] = {'p', 'r', 'o', 'b', 'e'};
    payload.payload = bytes;
    matcher->match_payloads({&payload, 1}, sink);
    EXPECT_LT(set->watch_lookup(views[0].ends.source), ~std::uint64_t{0});
}

void repair_checksum(std::vector<std::byte>& blob) {
    if (blob.size() >= sizeof(api::RuleBlobHeader)) {
        const std::uint64_t checksum =
            api::blob_checksum(std::span<const std::byte>(blob).subspan(api::rule_blob_checksum_from));
        std::memcpy(blob.data() + offsetof(api::RuleBlobHeader, checksum), &checksum, sizeof(checksum));
    }
}

TEST(RuleBlob, LoadsAndFinds) {
    Harness harness(rules_text, {}, watch_lists());
    ASSERT_EQ(harness.rejects, "");
    EXPECT_EQ(harness.set->rule_count(), 5u);
    EXPECT_EQ(harness.set->generation(), 1u);
    EXPECT_EQ(harness.requests(requests), (Hits{{0, 1}, {0, 2}, {1, 3}, {1, 4}}));
}

TEST(RuleBlob, LooksUpWatchLists) {
    Harness harness("", {}, watch_lists());
    const auto lookup = [&](const char* text) {
        api::AddressRange range;
        std::vector<rules::Reject> rejects;
        range = rules::parse_watch_list("", text, "", rejects).ranges.at(0);
        return harness.set->watch_lookup(range.first);
    };
    EXPECT_EQ(harness.set->watch_list_count(), 2u);
    EXPECT_EQ(harness.set->watch_list_name(1), "six");
    EXPECT_EQ(harness.set->watch_list_name(2), "");
    EXPECT_EQ(lookup("12.158.102.205"), 1u);
    EXPECT_EQ(lookup("12.158.102.204"), 0u);
    EXPECT_EQ(lookup("12.158.102.206"), 0u);
    EXPECT_EQ(lookup("24.0.255.255"), 1u);
    EXPECT_EQ(lookup("24.1.0.0"), 3u);
    EXPECT_EQ(lookup("24.1.255.255"), 3u);
    EXPECT_EQ(lookup("24.2.0.0"), 1u);
    EXPECT_EQ(lookup("2001:db8:ffff::1"), 2u);
    EXPECT_EQ(lookup("2001:db9::"), 0u);
    EXPECT_FALSE(harness.set->wants_requests());
}

TEST(RuleBlob, RefusesEveryFlippedBit) {
    Harness harness(rules_text, {}, watch_lists());
    std::mt19937 random(1);
    for (int round = 0; round < 3000; ++round) {
        std::vector<std::byte> blob = harness.compiled.blob;
        blob[random() % blob.size()] ^= static_cast<std::byte>(1u << random() % 8);
        std::string error;
        EXPECT_FALSE(RuleSet::load(blob, 1, error));
        EXPECT_TRUE(error.starts_with("rule set refused: ")) << error;
    }
}

TEST(RuleBlob, RefusesEveryLength) {
    Harness harness(rules_text);
    for (std::size_t length = 0; length < harness.compiled.blob.size(); length += length < 1024 ? 1 : 997) {
        std::vector<std::byte> blob(harness.compiled.blob.begin(),
                                    harness.compiled.blob.begin() + static_cast<std::ptrdiff_t>(length));
        std::string error;
        EXPECT_FALSE(RuleSet::load(blob, 1, error));
        EXPECT_FALSE(error.empty());
    }
}

// Damage with a right checksum, everywhere but inside of Hyperscan's databases (which have their own CRC).
TEST(RuleBlob, SurvivesForgedTables) {
    Harness harness(rules_text, {}, watch_lists());
    const auto* header = reinterpret_cast<const api::RuleBlobHeader*>(harness.compiled.blob.data());
    const std::size_t tables_end = header->groups[0].database_offset;
    std::mt19937 random(2);
    int accepted = 0;
    for (int round = 0; round < 6000; ++round) {
        std::vector<std::byte> blob = harness.compiled.blob;
        const int changes = 1 + static_cast<int>(random() % 3);
        for (int change = 0; change < changes; ++change) {
            std::byte& target = blob[random() % tables_end];
            target = random() % 2 == 0 ? static_cast<std::byte>(random())
                                       : target ^ static_cast<std::byte>(1u << random() % 8);
        }
        repair_checksum(blob);
        std::string error;
        if (const auto set = RuleSet::load(blob, 1, error)) {
            ++accepted;
            exercise(set);
        } else {
            EXPECT_FALSE(error.empty());
        }
    }
    EXPECT_GT(accepted, 100);  // the test would be vacuous otherwise
}

TEST(RuleBlob, NamesWhatIsWrong) {
    Harness harness(rules_text);
    const auto error_after = [&](std::size_t offset, auto value) {
        std::vector<std::byte> blob = harness.compiled.blob;
        std::memcpy(blob.data() + offset, &value, sizeof(value));
        repair_checksum(blob);
        std::string error;
        EXPECT_FALSE(RuleSet::load(blob, 1, error));
        return error;
    };
    EXPECT_EQ(error_after(offsetof(api::RuleBlobHeader, version), std::uint32_t{9}),
              "rule set refused: it has version 9, and this data plane reads 2");
    EXPECT_NE(error_after(offsetof(api::RuleBlobHeader, engine), std::uint64_t{9}).find("another version of"),
              std::string::npos);
    EXPECT_NE(error_after(offsetof(api::RuleBlobHeader, cpu_features), ~std::uint64_t{0}).find("processor"),
              std::string::npos);
}

}  // namespace
}  // namespace picket::match
