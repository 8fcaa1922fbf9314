#include "dataplane/rx/capture_merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "tests/unit/rx/capture_builder.h"

namespace picket::rx::test {
namespace {

std::shared_ptr<const CaptureFile> file_of(const std::vector<std::uint32_t>& seconds) {
    PcapBuilder builder;
    for (const std::uint32_t second : seconds) builder.packet(second, 0, 60);
    return open_bytes(builder.bytes());
}

std::vector<Frame> all_of(MergedCapture& merged) {
    std::vector<Frame> frames;
    Frame frame;
    while (merged.next(frame)) frames.push_back(frame);
    return frames;
}

std::vector<std::pair<std::uint64_t, int>> seconds_and_ports(const std::vector<Frame>& frames) {
    std::vector<std::pair<std::uint64_t, int>> out;
    for (const Frame& frame : frames) out.emplace_back(frame.time_ns / 1'000'000'000, frame.port);
    return out;
}

TEST(MergedCapture, OrdersByTimeAndThenByArgument) {
    MergedCapture merged(
        {{file_of({1, 3, 3, 9}), 7}, {file_of({2, 3, 4}), 8}, {file_of({}), 5}, {file_of({3}), 6}});
    const auto frames = all_of(merged);
    using Pairs = std::vector<std::pair<std::uint64_t, int>>;
    EXPECT_EQ(seconds_and_ports(frames),
              (Pairs{{1, 7}, {2, 8}, {3, 7}, {3, 7}, {3, 8}, {3, 6}, {4, 8}, {9, 7}}));
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(frames[i].sequence, i);
}

TEST(MergedCapture, EachFileKeepsItsOwnOrder) {
    MergedCapture merged({{file_of({5, 1, 6}), 0}, {file_of({2, 7}), 1}});
    using Pairs = std::vector<std::pair<std::uint64_t, int>>;
    EXPECT_EQ(seconds_and_ports(all_of(merged)), (Pairs{{2, 1}, {5, 0}, {1, 0}, {6, 0}, {7, 1}}));
}

TEST(MergedCapture, OneFileIsPassedThrough) {
    MergedCapture merged({{file_of({5, 1, 6}), 3}});
    const auto frames = all_of(merged);
    using Pairs = std::vector<std::pair<std::uint64_t, int>>;
    EXPECT_EQ(seconds_and_ports(frames), (Pairs{{5, 3}, {1, 3}, {6, 3}}));
    EXPECT_EQ(frames[2].sequence, 2U);
    MergedCapture none({});
    Frame frame;
    EXPECT_FALSE(none.next(frame));
    EXPECT_EQ(none.future_min_time_ns(), UINT64_MAX);
}

TEST(MergedCapture, SameFileMayBeMergedWithItself) {
    const auto file = file_of({1, 2});
    MergedCapture merged({{file, 0}, {file, 1}});
    using Pairs = std::vector<std::pair<std::uint64_t, int>>;
    EXPECT_EQ(seconds_and_ports(all_of(merged)), (Pairs{{1, 0}, {1, 1}, {2, 0}, {2, 1}}));
}

TEST(MergedCapture, ReceivesInBursts) {
    MergedCapture merged({{file_of({1, 2, 3, 4, 5}), 0}});
    RxQueue& queue = merged;
    std::array<Frame, 2> burst;
    EXPECT_EQ(queue.receive(burst), 2U);
    queue.release();
    EXPECT_EQ(queue.receive(burst), 2U);
    EXPECT_EQ(burst[1].time_ns, 4'000'000'000U);
    EXPECT_EQ(queue.receive(burst), 1U);
    EXPECT_EQ(queue.receive(burst), 0U);
}

TEST(MergedCapture, FutureMinimumOfOrderedFilesIsExact) {
    MergedCapture merged({{file_of({1, 3, 9}), 0}, {file_of({2, 4}), 1}});
    Frame frame;
    for (const std::uint64_t second : {1, 2, 3, 4, 9}) {
        EXPECT_EQ(merged.future_min_time_ns(), second * 1'000'000'000);
        ASSERT_TRUE(merged.next(frame));
    }
    EXPECT_EQ(merged.future_min_time_ns(), UINT64_MAX);
}

// Against the true minimum: never above it, and at most a block behind it.
TEST(MergedCapture, FutureMinimumNeverExceedsTheTruth) {
    std::mt19937 random(3);
    for (int files = 1; files <= 3; ++files) {
        std::vector<MergeInput> inputs;
        for (int f = 0; f < files; ++f) {
            std::vector<std::uint32_t> seconds;
            for (std::uint32_t i = 0; i < 20'000; ++i) seconds.push_back(1000 + i / 4);
            for (int late = 0; late < 5; ++late) seconds[random() % seconds.size()] = random() % 7000;
            inputs.push_back({file_of(seconds), static_cast<std::uint16_t>(f)});
        }
        MergedCapture first_pass(inputs);
        const auto frames = all_of(first_pass);
        std::vector<std::uint64_t> least(frames.size() + 1, UINT64_MAX);
        for (std::size_t i = frames.size(); i-- > 0;) least[i] = std::min(least[i + 1], frames[i].time_ns);
        MergedCapture merged(inputs);
        Frame frame;
        std::size_t exact = 0;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            ASSERT_LE(merged.future_min_time_ns(), least[i]);
            exact += merged.future_min_time_ns() == least[i];
            ASSERT_TRUE(merged.next(frame));
        }
        EXPECT_GT(exact, frames.size() / 10);
        EXPECT_EQ(merged.future_min_time_ns(), UINT64_MAX);
    }
}

}  // namespace
}  // namespace picket::rx::test
