#include "dataplane/http/body_skipper.h"

#include <gtest/gtest.h>

#include <string>

namespace picket::http {
namespace {

constexpr std::string_view chunks =
    "5;name=\"v\"\r\nhello\r\n1A \r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n";

TEST(BodySkipper, ChunksCutAnywhere) {
    const std::string text = std::string(chunks) + "GET / HTTP/1.1\r\n";
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); ++second) {
            BodySkipper body = BodySkipper::chunked();
            const std::string_view all = text;
            std::string data;
            const auto take = [&](std::string_view bytes) { data += bytes; };
            std::size_t taken = body.skip(all.substr(0, first), take);
            if (taken == first) taken += body.skip(all.substr(first, second - first), take);
            if (taken == second) taken += body.skip(all.substr(second), take);
            ASSERT_EQ(data, "helloabcdefghijklmnopqrstuvwxyz");
            ASSERT_EQ(taken, chunks.size()) << first << ' ' << second;
            ASSERT_EQ(body.phase, BodyPhase::none);
            ASSERT_EQ(body.bytes, 31u);
        }
    }
}

TEST(BodySkipper, WhatIsNoChunkBreaksOff) {
    for (const std::string_view text :
         {"GET / HTTP/1.1", "5\r\nhelloGET", "5x\r\n", "11111111111111111\r\n"}) {
        BodySkipper body = BodySkipper::chunked();
        const std::size_t taken = body.skip(text);
        EXPECT_EQ(body.phase, BodyPhase::broken) << text;
        EXPECT_LT(taken, text.size());
    }
}

TEST(BodySkipper, SizedBodiesMissBytesWithoutLosingTheirEnd) {
    BodySkipper body = BodySkipper::sized(std::uint64_t{5} << 32);
    EXPECT_EQ(body.skip("12345"), 5u);
    EXPECT_EQ(body.may_miss(), (std::uint64_t{5} << 32) - 5);
    body.miss((std::uint64_t{5} << 32) - 7);
    EXPECT_EQ(body.skip("abGET"), 2u);
    EXPECT_FALSE(body.active());
    EXPECT_FALSE(BodySkipper::sized(0).active());
    BodySkipper chunk = BodySkipper::chunked();
    EXPECT_EQ(chunk.skip("a\r\n123"), 6u);
    chunk.miss(7);
    EXPECT_EQ(chunk.skip("\r\n0\r\n\r\nX"), 7u);
    EXPECT_EQ(chunk.bytes, 10u);
}

}  // namespace
}  // namespace picket::http
