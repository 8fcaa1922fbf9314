// What is done for many requests, or many bytes, at once says what a plain loop says.
#include "dataplane/match/request_shapes.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "dataplane/match/find_text.h"
#include "dataplane/match/head_text.h"

namespace picket::match {
namespace {

using Random = std::mt19937_64;

std::string text_of(Random& random, std::size_t length) {
    static constexpr std::string_view letters = "aAbBzZ@[`{/%.\x80\xc1\xff";
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += letters[random() % letters.size()];
    return text;
}

bool admits_plainly(const RuleGuard& guard, const RequestView& request) {
    const unsigned method = request.method == "GET"    ? method_get
                            : request.method == "POST" ? method_post
                                                       : method_other;
    const auto within = [](const LengthBounds& bounds, std::size_t length) {
        return length >= bounds.min && length <= bounds.max;
    };
    return (guard.methods & method) != 0 && (guard.phases & request.phases) != 0 &&
           within(guard.uri, request.normalized_uri.size()) && within(guard.raw_uri, request.raw_uri.size());
}

RuleGuard random_guard(Random& random) {
    static constexpr std::uint32_t bounds[] = {0, 1, 7, 8, 30, 0x7fffffff, 0x80000000, 0xffffffff};
    RuleGuard guard;
    guard.methods = static_cast<std::uint8_t>(random() % 8);
    guard.phases = static_cast<std::uint8_t>(random()) & api::rule_phases;
    for (LengthBounds* of : {&guard.uri, &guard.raw_uri}) {
        if (random() % 2 == 0) *of = {bounds[random() % 8], bounds[random() % 8]};
    }
    return guard;
}

TEST(RequestShapes, AdmitWhatAPlainTestAdmits) {
    static constexpr std::string_view methods[] = {"GET", "POST", "PUT", "get", ""};
    Random random(7);
    const std::string text(64, 'x');
    for (unsigned round = 0; round < 200; ++round) {
        std::vector<RequestView> requests(1 + random() % RequestShapes::slots_max);
        for (RequestView& request : requests) {
            request.method = methods[random() % 5];
            request.normalized_uri = std::string_view(text).substr(0, random() % 40);
            request.raw_uri = std::string_view(text).substr(0, random() % 40);
            request.phases = static_cast<std::uint8_t>(random()) & api::rule_phases;
        }
        RequestShapes shapes;
        shapes.set(requests);
        const RuleGuard guard = random_guard(random);
        const std::uint64_t admitted = shapes.admitted(guard);
        for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
            const bool admits = admits_plainly(guard, requests[slot]);
            ASSERT_EQ(admitted >> slot & 1, admits ? 1u : 0u) << round << " " << slot;
            ASSERT_EQ(shapes.admits(guard, slot), admits) << round << " " << slot;
        }
        const std::uint64_t there =
            requests.size() == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << requests.size()) - 1;
        ASSERT_EQ(admitted & ~there, 0u) << round;
    }
}

// Long texts are hashed otherwise than short ones.
TEST(TextSignature, OfATextHoldsThatOfEachOfItsParts) {
    Random random(8);
    for (unsigned round = 0; round < 300; ++round) {
        const std::string text = text_of(random, random() % 300);
        const std::string other = text_of(random, random() % 60);
        TextSignature whole;
        whole.add(text, other);
        for (unsigned i = 0; i < 20; ++i) {
            const std::string_view from = i % 4 == 0 ? other : text;
            const std::size_t at = random() % (from.size() + 1);
            TextSignature part;
            part.add(from.substr(at, random() % 200));
            ASSERT_TRUE(whole.holds(part)) << round;
        }
    }
    TextSignature missing;
    missing.add("qx");
    for (const std::size_t length : {20u, 200u}) {
        TextSignature whole;
        whole.add(std::string(length, 'y'));
        EXPECT_FALSE(whole.holds(missing)) << length;
    }
}

TEST(EqualsText, IsWhatBytesSay) {
    Random random(9);
    for (unsigned round = 0; round < 20'000; ++round) {
        const std::string text = text_of(random, random() % 24);
        std::string wanted = text;
        for (char& byte : wanted) byte = static_cast<char>(lower_byte(static_cast<unsigned char>(byte)));
        ASSERT_TRUE(equals_caseless(text, wanted)) << round;
        ASSERT_TRUE(equals_text<false>(text, text)) << round;
        ASSERT_FALSE(equals_caseless(text, wanted + "a")) << round;
        if (wanted.empty()) continue;
        std::string changed = wanted;
        char& byte = changed[random() % changed.size()];
        byte = static_cast<char>(byte ^ 0x01);
        ASSERT_FALSE(equals_caseless(text, changed)) << round;
        ASSERT_EQ(equals_text<false>(text, wanted), text == wanted) << round;
        const std::size_t found = find_caseless("//" + text + "//", wanted);
        ASSERT_LE(found, 2u) << round;
    }
}

}  // namespace
}  // namespace picket::match
