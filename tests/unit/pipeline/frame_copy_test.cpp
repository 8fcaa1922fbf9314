// Frames that pass an operator's filter are copied where they are received; no program can do harm.
#include <gtest/gtest.h>

#include <random>

#include "controlplane/drain/live_capture.h"
#include "dataplane/capture/frame_filter.h"
#include "tests/support/pipeline_harness.h"

namespace picket {
namespace {

using capture::FrameFilter;
using testing::OwnedFrame;
using testing::PacketBuilder;
using testing::PipelineHarness;
using testing::second_ns;

api::FrameProgram program_of(const std::string& expression, std::uint32_t capture = 7,
                             std::uint32_t frame_bytes = 1u << 18) {
    std::vector<api::FilterInstruction> instructions;
    std::string error;
    EXPECT_TRUE(drain::compile_filter(expression, instructions, error)) << error;
    api::FrameProgram program;
    program.capture = capture;
    program.frame_bytes = frame_bytes;
    program.length = static_cast<std::uint32_t>(instructions.size());
    std::copy(instructions.begin(), instructions.end(), program.instructions.begin());
    return program;
}

void offer(PipelineHarness& worker, const api::FrameProgram& program) {
    std::string error;
    auto filter = FrameFilter::create(program, error);
    ASSERT_NE(filter, nullptr) << error;
    delete worker.pipeline.filters().offer(filter.release());
    worker.pipeline.housekeep(second_ns);
    delete worker.pipeline.filters().take_retired();
}

void feed(PipelineHarness& worker) {
    for (std::uint16_t port = 1; port <= 10; ++port) {
        worker.feed(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(port, 53).payload("question"),
                    second_ns + port);
    }
}

TEST(FrameCopy, WhatPassesUntilItIsStopped) {
    PipelineHarness worker;
    feed(worker);
    worker.run();
    EXPECT_TRUE(worker.packets.empty());
    offer(worker, program_of("udp src portrange 3-5", 7, 20));
    feed(worker);
    worker.run(3);
    ASSERT_EQ(worker.packets.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& event = worker.packets[i].event;
        EXPECT_EQ(event.capture, 7u);
        EXPECT_EQ(event.flow_id, 0u);
        EXPECT_EQ(event.header.time_ns, second_ns + 3 + i);
        EXPECT_EQ(event.captured, 20u);
        EXPECT_EQ(event.wire_length, 50u);
    }
    offer(worker, program_of("", 8));
    feed(worker);
    worker.run();
    EXPECT_EQ(worker.packets.size(), 13u) << "all of them";
    offer(worker, api::FrameProgram());
    feed(worker);
    worker.run();
    EXPECT_EQ(worker.packets.size(), 13u);
    worker.pipeline.publish();
    EXPECT_EQ(worker.area.ports[0].in_flows, 40u) << "flows are what they are without it";
}

TEST(FrameCopy, OtherLinkTypesDoNotPass) {
    PipelineHarness worker;
    offer(worker, program_of(""));
    OwnedFrame frame(PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1, 53).payload("q").bytes(), second_ns);
    frame.frame.link_type = rx::LinkType::raw_ip;
    worker.feed(std::move(frame));
    worker.run();
    EXPECT_TRUE(worker.packets.empty());
}

TEST(FrameCopy, MistakesAreSentences) {
    std::vector<api::FilterInstruction> program;
    std::string error;
    EXPECT_FALSE(drain::compile_filter("udp prot 53", program, error));
    EXPECT_FALSE(error.empty());
    std::string many = "host 10.0.0.1";
    for (int i = 2; i < 250; ++i) many += " or host 10.0." + std::to_string(i) + ".1";
    program.clear();
    EXPECT_FALSE(drain::compile_filter(many, program, error));
    EXPECT_NE(error.find("at most 512 are possible"), std::string::npos) << error;
}

// The program comes from another process.
TEST(FrameCopy, AnyProgramIsRefusedOrHarmless) {
    std::mt19937 random(11);
    std::string error;
    api::FrameProgram too_long;
    too_long.length = api::filter_instructions_max + 1;
    EXPECT_EQ(FrameFilter::create(too_long, error), nullptr);
    api::FrameProgram endless;
    endless.length = 1;
    endless.instructions[0] = {0x05, 0, 0, 0xffffffff};  // jump to itself
    EXPECT_EQ(FrameFilter::create(endless, error), nullptr);
    std::size_t taken = 0;
    for (int round = 0; round < 20'000; ++round) {
        api::FrameProgram program = program_of(round % 2 == 0 ? "tcp port 80 and host 10.0.0.1"
                                                              : "ip[2] / ip[3] = udp[1] % ip[4] ^ 7");
        for (std::size_t i = 0; i < 1 + random() % 3; ++i) {
            auto& changed = program.instructions[random() % program.length];
            changed.code = static_cast<std::uint16_t>(random() % 4 == 0 ? random() : changed.code);
            changed.if_true = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : changed.if_true);
            changed.value = random() % 4 == 0 ? static_cast<std::uint32_t>(random()) : changed.value;
        }
        const auto filter = FrameFilter::create(program, error);
        if (!filter) continue;
        ++taken;
        // Allocated anew, so that a sanitizer sees every byte beyond.
        std::vector<std::uint8_t> bytes(1 + random() % 60);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
        rx::Frame frame;
        frame.data = bytes.data();
        frame.captured_length = frame.wire_length = static_cast<std::uint32_t>(bytes.size());
        (void)filter->passes(frame);
    }
    EXPECT_GT(taken, 1000u);
}

}  // namespace
}  // namespace picket
