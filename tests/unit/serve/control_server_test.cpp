// The control socket from end to end: a fake data plane below, an HTTP client above.
#include "controlplane/serve/control_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "dataplane/api/setup_error.h"
#include "tests/unit/serve/control_server_fixture.h"

namespace picket::serve {
namespace {

using tests::flow_record;

TEST_F(ControlServerTest, FlowsEndedAndLive) {
    start();
    await_rules(1);
    auto ended = flow_record(1);
    auto cut = flow_record(2);
    cut.final = 0;
    cut.end_reason = api::EndReason::active_timeout;
    fake().write_flow(0, ended);
    fake().write_flow(1, cut);
    auto living = flow_record(2);
    living.part = 2;
    fake().set_live_flows({living});
    ASSERT_TRUE(eventually([&] { return sensor_->flows().size() == 2; }));
    const auto answer = get("/v1/flows?sort=bytes");
    ASSERT_EQ(answer["rows"].size(), 2U);
    EXPECT_EQ(answer["rows"][0]["id"], 2);
    EXPECT_EQ(answer["rows"][0]["pkts_toserver"], 2);
    EXPECT_EQ(answer["rows"][0]["end_reason"], "live");
    EXPECT_EQ(answer["rows"][0]["part"], 2);
    EXPECT_EQ(answer["sum"]["flows"], 2);
    EXPECT_EQ(answer["sum"]["packets"], 6);
    EXPECT_EQ(answer["sum"]["sources"], 1);
    const auto uncounted = get("/v1/flows?count_ends=0");
    EXPECT_EQ(uncounted["sum"]["flows"], 2);
    EXPECT_FALSE(uncounted["sum"].contains("sources") || uncounted["sum"].contains("destinations"));
    EXPECT_EQ(answer["coverage"]["lost"], 0);
    EXPECT_EQ(answer["truncated"], false);
    const auto one = get("/v1/flows/2");
    EXPECT_EQ(one["rows"][0]["parts"].size(), 2U);
    EXPECT_EQ(get("/v1/flows/99", 404)["error"]["what"], "no flow 99");
    EXPECT_EQ(get("/v1/flows?limit=1")["truncated"], true);
    EXPECT_EQ(get("/v1/flows?shape=talkers")["rows"][0]["ip"], "10.0.0.1");
    EXPECT_EQ(get("/v1/flows?shape=by&by=port")["rows"][0]["port"], 80);
}

TEST_F(ControlServerTest, AWalkWithoutAnswerIsSaid) {
    start();
    await_rules(1);
    fake().write_flow(0, flow_record(1));
    ASSERT_TRUE(eventually([&] { return sensor_->flows().size() == 1; }));
    fake().set_mute(true);
    const auto answer = get("/v1/flows");
    EXPECT_EQ(answer["rows"].size(), 1U);
    ASSERT_TRUE(answer.contains("notes"));
    EXPECT_NE(answer["notes"][0].get<std::string>().find("not ended yet"), std::string::npos);
}

TEST_F(ControlServerTest, AWalkThatCameTooLateDoesNotSpoilTheNext) {
    start();
    await_rules(1);
    fake().set_live_flows({flow_record(7)});
    fake().set_mute(true);
    ASSERT_TRUE(get("/v1/flows").contains("notes"));
    const auto& posted = fake().control().mailbox.posted.value;
    const auto late = posted.load();
    std::thread finishing([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        EXPECT_EQ(posted.load(), late) << "no walk behind one that is not done";
        fake().set_mute(false);
    });
    const auto answer = get("/v1/flows");
    finishing.join();
    EXPECT_FALSE(answer.contains("notes"));
    EXPECT_EQ(answer["rows"].size(), 1U);
}

TEST_F(ControlServerTest, ManyTailsLeaveRoomForOthers) {
    start();
    await_rules(1);
    std::vector<std::thread> tails;
    std::atomic<int> at_once{0};
    for (int i = 0; i < 32; ++i) {
        tails.emplace_back([&] {
            const auto begin = std::chrono::steady_clock::now();
            EXPECT_EQ(get("/v1/alerts/tail?after=0&wait_ms=2000")["next"], 0);
            if (std::chrono::steady_clock::now() - begin < std::chrono::seconds(1)) ++at_once;
        });
        // One after the other, so that the first ones wait already.
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(get("/v1/status")["sensor"], "test");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
    for (auto& tail : tails) tail.join();
    EXPECT_GT(at_once, 0) << "some found no place to wait";
}

TEST_F(ControlServerTest, RequestsAlertsAndRules) {
    start();
    await_rules(1);
    api::RequestEvent request;
    request.ends.flow_id = 1;
    fake().write_request(0, request, "GET", "/b.cgi?alt", "victim");
    api::ResponseEvent response;
    response.ends.flow_id = 1;
    response.status = 404;
    fake().write_response(0, response);
    api::HitEvent hit;
    hit.ends.flow_id = 1;
    hit.generation = 1;
    hit.ends.protocol = 6;
    hit.ends.server_port = 80;
    for (int i = 0; i < 3; ++i) fake().write_hit(0, hit);
    auto record = flow_record(1);
    record.requests = 1;
    record.flags = api::flow_http;
    record.rule_count = 1;
    record.rule_generation = 1;
    fake().write_flow(0, record);
    ASSERT_TRUE(eventually([&] { return sensor_->flows().size() == 1; }));
    const auto flows = get("/v1/flows?uri=b.cgi&status=404&rule=4711");
    ASSERT_EQ(flows["rows"].size(), 1U);
    EXPECT_EQ(flows["rows"][0]["http"]["uri"], "/b.cgi?alt");
    EXPECT_EQ(flows["rows"][0]["rules"][0], 4711);
    const auto alerts = get("/v1/alerts?rule=4711");
    ASSERT_EQ(alerts["rows"].size(), 1U);
    EXPECT_EQ(alerts["rows"][0]["count"], 3);
    EXPECT_EQ(alerts["rows"][0]["rev"], 2);
    EXPECT_EQ(get("/v1/alerts/tail?after=0&wait_ms=0")["rows"].size(), 1U);
    EXPECT_EQ(get("/v1/alerts/tail")["rows"].size(), 0U);
    const auto rules = get("/v1/rules");
    EXPECT_EQ(rules["rows"][0]["hits"], 3);
    ASSERT_EQ(rules["rejects"].size(), 1U);
    EXPECT_EQ(rules["rejects"][0]["line"], 2);
    get("/v1/alerts?min_bytes=3", 400);
    for (const char* path : {"/v1/alerts", "/v1/probes", "/v1/scans", "/v1/spoof"}) {
        const auto problem = get(path + std::string("?count_ends=0"), 400)["error"];
        EXPECT_EQ(problem["where"], "parameter count_ends") << path;
    }
    for (const char* path : {"/v1/alerts/ack?limit=1", "/v1/alerts/ack?sort=-last"})
        EXPECT_EQ(send("POST", path)->status, 400) << path;
    get("/v1/alerts/tail?after=0&wait_ms=0&limit=1", 400);
    EXPECT_EQ(get("/v1/alerts?unacknowledged=1")["rows"].size(), 1U) << "none was acknowledged";
}

TEST_F(ControlServerTest, ReloadMovesTheGenerationAndBlobsAlternate) {
    start();
    await_rules(1);
    const auto result = send("POST", "/v1/rules/reload", " ");
    ASSERT_TRUE(result);
    EXPECT_EQ(Json::parse(result->body)["generation"], 2);
    std::vector<std::uint64_t> offsets;
    for (const auto& command : fake().commands()) {
        if (command.kind == api::CommandKind::load_rules) offsets.push_back(command.offset);
    }
    ASSERT_EQ(offsets.size(), 2U) << "one hand-over for the start, one for the reload";
    EXPECT_NE(offsets[0], offsets[1]);
    EXPECT_EQ(send("POST", "/v1/rules/load?path=relative.rules", " ")->status, 400);
    EXPECT_EQ(send("POST", "/v1/rules/load?path=/nonexistent.rules", " ")->status, 404);
}

TEST_F(ControlServerTest, ANewPicketdKnowsTheRulesThatTheDataPlaneHas) {
    start();
    await_rules(1);
    server_->stop();
    sensor_->stop();
    server_.reset();
    sensor_.reset();
    ASSERT_TRUE(eventually([&] { return !fake().connected(); }));
    api::HitEvent hit;
    hit.ends.flow_id = 1;
    hit.generation = 1;
    fake().write_hit(0, hit);
    start();
    ASSERT_TRUE(eventually([&] { return sensor_->alerts().alerts_total() == 1; }));
    EXPECT_EQ(sensor_->alerts().all()[0].hit.sid, 4711U) << "a hit from the time between has its name";
    EXPECT_EQ(sensor_->rules().state().generation, 1U);
    std::size_t loads = 0;
    for (const auto& command : fake().commands())
        loads += command.kind == api::CommandKind::load_rules ? 1 : 0;
    EXPECT_EQ(loads, 1U) << "the same set is not handed over again";
    ASSERT_EQ(send("PUT", "/v1/watch/list", "10.0.0.1\n")->status, 200);
    for (const auto* path : {"/v1/flows", "/v1/alerts", "/v1/watch", "/v1/watch/list", "/v1/status"}) {
        const auto answer = get(path);
        EXPECT_FALSE(answer["horizon"].is_null()) << path << ": what the former picketd drained is not here";
        EXPECT_TRUE(answer.contains("notes")) << path;
    }
}

TEST_F(ControlServerTest, ANewPicketdWithOtherRulesHandsThemOver) {
    start();
    await_rules(1);
    server_->stop();
    sensor_->stop();
    server_.reset();
    sensor_.reset();
    ASSERT_TRUE(eventually([&] { return !fake().connected(); }));
    std::ofstream(rules_file_)
        << "alert http any any -> any any (msg:\"other\"; http.uri; content:\"/c.cgi\"; sid:5;)\n";
    start();
    await_rules(2);
    EXPECT_EQ(get("/v1/rules")["rows"][0]["sid"], 5);
}

TEST_F(ControlServerTest, WatchListsAfterTheFact) {
    start();
    await_rules(1);
    fake().write_flow(0, flow_record(1));
    ASSERT_TRUE(eventually([&] { return sensor_->flows().size() == 1; }));
    auto result = send("PUT", "/v1/watch/late", "10.0.0.1\nbogus\n203.0.113.0/24\n");
    ASSERT_TRUE(result);
    ASSERT_EQ(result->status, 200) << result->body;
    EXPECT_EQ(Json::parse(result->body)["rejects"][0]["line"], 2);
    EXPECT_EQ(Json::parse(result->body)["generation"], 2);
    const auto shown = get("/v1/watch/late");
    EXPECT_EQ(shown["sum"]["seen"], 1);
    EXPECT_EQ(shown["sum"]["not_seen"], 1);
    EXPECT_EQ(shown["rows"][0]["flows"], 1);
    EXPECT_EQ(shown["rows"][1]["network"], "203.0.113.0/24");
    EXPECT_EQ(get("/v1/flows?src=@late")["sum"]["flows"], 1);
    EXPECT_EQ(get("/v1/watch")["rows"][0]["seen"], 1);
    api::WatchEvent watch;
    watch.header.kind = api::EventKind::watch_hit;
    watch.header.size = sizeof watch;
    watch.generation = 2;
    watch.client_lists = 1;
    fake().write(0, &watch, sizeof watch);
    ASSERT_TRUE(eventually([&] { return sensor_->alerts().alerts_total() == 1; }));
    const auto alerts = get("/v1/alerts");
    EXPECT_EQ(alerts["rows"][0]["sid"], 0);
    EXPECT_EQ(alerts["rows"][0]["msg"], "watch list late");
    EXPECT_TRUE(alerts["horizon"].is_null());
    EXPECT_FALSE(alerts.contains("notes"));
    EXPECT_EQ(send("DELETE", "/v1/watch/late")->status, 200);
    EXPECT_EQ(send("DELETE", "/v1/watch/late")->status, 404);
    get("/v1/flows?src=@late", 404);
}

TEST_F(ControlServerTest, ManyWatchListLoadsDoNotTakeTheNamesOfRules) {
    start();
    await_rules(1);
    auto record = flow_record(1);
    record.rule_count = 1;
    record.rule_generation = 1;
    fake().write_flow(0, record);
    ASSERT_TRUE(eventually([&] { return sensor_->flows().size() == 1; }));
    for (int i = 0; i < 40; ++i) {
        ASSERT_EQ(send("PUT", "/v1/watch/list", "10.0.1." + std::to_string(i) + "\n")->status, 200);
    }
    EXPECT_EQ(get("/v1/flows")["rows"][0]["rules"][0], 4711);
    EXPECT_EQ(sensor_->rules().generation(1)->rules, sensor_->rules().newest()->rules) << "shared";
}

TEST_F(ControlServerTest, ReplayWaitsForTheEnd) {
    fake_settings_.replay = true;
    fake_settings_.held = true;
    start(true, 0);
    ASSERT_TRUE(eventually([&] { return fake().evidence().state.load() == 2; })) << "started after the rules";
    for (std::uint64_t id = 1; id <= 100; ++id) fake().write_flow(0, flow_record(id));
    std::thread ending([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        fake().finish();
    });
    const auto report = get("/v1/report?wait=1");
    ending.join();
    EXPECT_EQ(report["finished"], true);
    EXPECT_FALSE(report.contains("failed"));
    EXPECT_EQ(report["talkers"][0]["flows"], 100);
    EXPECT_EQ(report["protocols"]["TCP"], 100);
    EXPECT_EQ(report["rules"]["rejected"], 1);
    get("/v1/flows", 409);
}

TEST_F(ControlServerTest, ReplayOfADyingDataPlaneFailsWithASentence) {
    fake_settings_.replay = true;
    start(true, 0);
    await_rules(1);
    std::thread ending([&] { fake().disconnect(); });
    const auto report = get("/v1/report?wait=1");
    ending.join();
    EXPECT_NE(report["failed"].get<std::string>().find("went away"), std::string::npos);
}

TEST_F(ControlServerTest, StatusCountersMetricsEvents) {
    fake().worker(1).counters.quotes_lost = 3;
    start();
    await_rules(1);
    const auto status = get("/v1/status");
    EXPECT_EQ(status["sensor"], "test");
    EXPECT_EQ(status["state"], "running");
    EXPECT_EQ(status["dataplane"]["connected"], true);
    EXPECT_EQ(status["audit"]["balanced"], true);
    EXPECT_EQ(get("/v1/ports")["rows"][0]["name"], "port-0");
    EXPECT_EQ(get("/v1/workers")["rows"].size(), 2U);
    EXPECT_FALSE(get("/v1/counters")["rows"].empty());
    EXPECT_FALSE(get("/v1/events")["rows"].empty());
    const auto metrics = send("GET", "/metrics");
    EXPECT_NE(metrics->body.find("picket_port_rx_packets_total{port=\"port-0\",queue=\"0\"} 0"),
              std::string::npos);
    EXPECT_NE(metrics->body.find("picket_build_info{version="), std::string::npos);
    EXPECT_NE(metrics->body.find("picket_quotes_lost_total 3\n"), std::string::npos);
    fake().disconnect();
    ASSERT_TRUE(eventually([&] { return !sensor_->link().connected; }));
    EXPECT_EQ(get("/v1/status")["state"], "gone");
}

TEST_F(ControlServerTest, ErrorsAreDocumentsWithFourParts) {
    start();
    for (const auto* path : {"/v1/nothing", "/v1/flows?hots=1", "/v1/watch/none", "/v1/spoof?sort=last",
                             "/v1/flows?shape=timeline&sort=duration"}) {
        const auto result = send("GET", path);
        ASSERT_TRUE(result);
        EXPECT_GE(result->status, 400);
        const auto error = Json::parse(result->body)["error"];
        for (const auto* part : {"what", "where", "why", "remedy"})
            EXPECT_FALSE(error[part].get<std::string>().empty());
    }
    EXPECT_EQ(send("POST", "/v1/flows", "10.0.0.1\n")->status, 200) << "a text body is a list of addresses";
    EXPECT_EQ(send("POST", "/v1/flows", "bogus\n")->status, 400);
    EXPECT_EQ(send("POST", "/v1/stop", " ")->status, 200);
    EXPECT_TRUE(stop_asked_);
}

TEST_F(ControlServerTest, TheSocketIsForOwnerAndGroupAndHasOneServer) {
    start();
    struct stat found {};
    ASSERT_EQ(stat(control_path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0660U);
    EXPECT_THROW(ControlServer(control_path(), *sensor_, [] {}), SetupError);
    EXPECT_THROW(ControlServer("/nonexistent/control.sock", *sensor_, [] {}), SetupError);
}

}  // namespace
}  // namespace picket::serve
