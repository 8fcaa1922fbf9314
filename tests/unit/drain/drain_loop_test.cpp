// The drain thread against a fake data plane.
#include "controlplane/drain/drain_loop.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "controlplane/drain/mailbox_client.h"
#include "controlplane/drain/walk_collector.h"
#include "tests/support/fake_dataplane.h"
#include "tests/unit/drain/recording_sink.h"

namespace picket::drain {
namespace {

using tests::eventually;
using tests::flow_record;

class Observer final : public LinkObserver {
  public:
    void on_connected(const std::shared_ptr<Segments>& segments, bool same) override {
        mailbox.attach(segments);
        same_run = same;
        ++connections;
    }
    void on_disconnected(const std::shared_ptr<Segments>&) override {
        mailbox.detach();
        ++losses;
    }
    void on_trouble(const std::string&) override { ++troubles; }
    void on_tick(const std::shared_ptr<Segments>&) override {}
    void on_input_finished() override { ++finished; }
    void on_unconnected() override { ++unconnected; }

    MailboxClient mailbox;
    std::atomic<bool> same_run{false};
    std::atomic<int> connections{0};
    std::atomic<int> losses{0};
    std::atomic<int> troubles{0};
    std::atomic<int> finished{0};
    std::atomic<int> unconnected{0};
};

// Delivers what the mailbox and the walks wait for.
class DeliveringSink final : public tests::RecordingSink {
  public:
    DeliveringSink(MailboxClient& mailbox, WalkCollector& walks) : mailbox_(mailbox), walks_(walks) {}
    void on_live_flow(const api::FlowRecord& record) override {
        walks_.deliver_flow(record.walk_id, store::store_flow(record, 0, 1));
    }
    void on_note(const api::NoteEvent& event) override {
        if (event.header.kind == api::EventKind::walk_done)
            walks_.deliver_done(event.value, event.header.worker, event.header.time_ns);
    }
    void on_reply(const api::ReplyEvent& event, std::string_view text) override {
        mailbox_.deliver(event.command_id, event.status, text);
    }

  private:
    MailboxClient& mailbox_;
    WalkCollector& walks_;
};

TEST(DrainLoop, DrainsEveryRingAndItsWrapAround) {
    tests::FakeDataplane fake;
    Observer observer;
    tests::RecordingSink sink;
    DrainLoop loop({fake.socket_path(), {}}, sink, observer);
    loop.start();
    for (std::uint64_t id = 1; id <= 20'000; ++id) {
        while (!fake.write_flow(static_cast<std::uint32_t>(id % 2), flow_record(id)))
            std::this_thread::yield();
    }
    ASSERT_TRUE(eventually([&] { return sink.flow_count() == 20'000; }));
    EXPECT_TRUE(fake.drained());
    std::uint64_t sum = 0;
    for (const auto& flow : sink.flows) sum += flow.flow_id;
    EXPECT_EQ(sum, 20'000ULL * 20'001 / 2);
}

TEST(DrainLoop, ANewPicketdGoesOnWhereTheLastOneStopped) {
    tests::FakeDataplane fake;
    for (std::uint64_t id = 1; id <= 3; ++id) {
        Observer observer;
        tests::RecordingSink sink;
        DrainLoop loop({fake.socket_path(), {}}, sink, observer);
        ASSERT_TRUE(fake.write_flow(0, flow_record(id)));
        ASSERT_TRUE(eventually([&] { return !fake.connected(); }));
        loop.start();
        ASSERT_TRUE(eventually([&] { return sink.flow_count() > 0; }));
        loop.stop();
        ASSERT_EQ(sink.flows.size(), 1U);
        EXPECT_EQ(sink.flows[0].flow_id, id);
    }
}

TEST(DrainLoop, DrainsWhatADeadDataPlaneLeft) {
    auto fake = std::make_unique<tests::FakeDataplane>();
    Observer observer;
    tests::RecordingSink sink;
    DrainLoop loop({fake->socket_path(), {}}, sink, observer);
    loop.start();
    ASSERT_TRUE(eventually([&] { return observer.connections == 1; }));
    for (std::uint64_t id = 1; id <= 500; ++id) fake->write_flow(0, flow_record(id));
    fake->disconnect();
    ASSERT_TRUE(eventually([&] { return observer.losses == 1; }));
    EXPECT_EQ(sink.flow_count(), 500U);
    EXPECT_FALSE(loop.status().connected);
    EXPECT_FALSE(loop.status().input_finished);
}

TEST(DrainLoop, FinishedIsToldOnceAndAfterTheLastEvent) {
    tests::FakeSettings settings;
    settings.replay = true;
    tests::FakeDataplane fake(settings);
    Observer observer;
    tests::RecordingSink sink;
    for (std::uint64_t id = 1; id <= 2'000; ++id) ASSERT_TRUE(fake.write_flow(1, flow_record(id)));
    fake.finish();
    DrainLoop loop({fake.socket_path(), {}}, sink, observer);
    loop.start();
    ASSERT_TRUE(eventually([&] { return observer.finished > 0; }));
    EXPECT_EQ(sink.flow_count(), 2'000U);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(observer.finished, 1);
}

TEST(DrainLoop, MalformedEventsAreCountedAndABrokenRingIsLeftAlone) {
    tests::FakeDataplane fake;
    Observer observer;
    tests::RecordingSink sink;
    DrainLoop loop({fake.socket_path(), {}}, sink, observer);
    api::NoteEvent strange;
    strange.header = {sizeof strange, static_cast<api::EventKind>(999), 0, 0};
    fake.write(0, &strange, sizeof strange);
    fake.write_flow(0, flow_record(1));
    loop.start();
    ASSERT_TRUE(eventually([&] { return sink.flow_count() == 1; }));
    ASSERT_TRUE(eventually([&] { return loop.status().malformed_events == 1; }));
    fake.evidence().ring_written[1].value = ~std::uint64_t{0};
    ASSERT_TRUE(eventually([&] { return loop.status().broken_rings == 1; }));
    fake.write_flow(0, flow_record(2));
    EXPECT_TRUE(eventually([&] { return sink.flow_count() == 2; })) << "the other rings go on";
}

TEST(DrainLoop, GivesUpWhenTold) {
    Observer observer;
    tests::RecordingSink sink;
    DrainLoop loop({"/nonexistent/socket", std::chrono::milliseconds(50)}, sink, observer);
    loop.start();
    EXPECT_TRUE(eventually([&] { return loop.status().given_up; }));
    EXPECT_EQ(observer.troubles, 1) << "the same trouble is told once";
    EXPECT_NE(loop.status().trouble.find("/nonexistent/socket"), std::string::npos);
}

TEST(DrainLoop, CommandsAndWalks) {
    tests::FakeDataplane fake;
    Observer observer;
    WalkCollector walks(observer.mailbox, 100);
    DeliveringSink sink(observer.mailbox, walks);
    DrainLoop loop({fake.socket_path(), {}}, sink, observer);
    loop.start();
    ASSERT_TRUE(eventually([&] { return observer.connections == 1; }));
    api::Command command;
    command.kind = api::CommandKind::drain;
    const auto reply = observer.mailbox.run(command, std::chrono::seconds(2));
    EXPECT_EQ(reply.status, 0);
    fake.set_live_flows({flow_record(1), flow_record(2)});
    auto result = walks.walk(
        {}, [](const store::StoredFlow& flow) { return flow.id == 2; }, 2, std::chrono::seconds(2));
    EXPECT_TRUE(result.complete);
    ASSERT_EQ(result.flows.size(), 1U);
    fake.set_mute(true);
    result = walks.walk({}, nullptr, 2, std::chrono::milliseconds(30));
    EXPECT_FALSE(result.complete);
    EXPECT_FALSE(result.why_incomplete.empty());
    EXPECT_EQ(observer.mailbox.run(command, std::chrono::milliseconds(20)).status, ETIMEDOUT);
}

}  // namespace
}  // namespace picket::drain
