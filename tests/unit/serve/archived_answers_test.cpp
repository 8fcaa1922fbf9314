// What probes and scans are told to be where their flows and hits lie in an archive.
#include <algorithm>

#include "controlplane/archive/archive.h"
#include "controlplane/store/time_text.h"
#include "tests/unit/serve/control_server_fixture.h"
#include "tests/unit/store/store_fixtures.h"

namespace picket::serve {
namespace {

using tests::second_ns;

constexpr std::uint64_t day_s = 86'400;
constexpr std::uint64_t begin_s = 20'000 * day_s;  // 2024-10-04

std::string at(std::uint64_t time_s) {
    return store::format_time(time_s * second_ns);
}

store::StoredHit hit_of(const store::StoredFlow& flow, std::uint32_t sid, std::string uri) {
    store::StoredHit hit;
    hit.flow = flow.key();
    hit.time_ns = flow.start_ns;
    hit.sid = sid;
    hit.message = "probe";
    hit.ends.flow_id = flow.id;
    hit.ends.client = flow.source;
    hit.ends.server = flow.destination;
    hit.ends.client_port = flow.source_port;
    hit.ends.server_port = flow.destination_port;
    hit.ends.protocol = flow.protocol;
    hit.uri = hit.uri_normalized = std::move(uri);
    return hit;
}

store::StoredFlow attempt(std::uint64_t id, const std::string& source, const std::string& destination,
                          std::uint64_t start_s) {
    auto flow = tests::flow(id, source, destination, start_s);
    flow.state = api::ConnState::s0;
    flow.history = {'S'};
    flow.end_reason = api::EndReason::idle_timeout;
    flow.directions[1].packets = flow.directions[1].bytes = 0;
    return flow;
}

class ArchivedAnswers : public ControlServerTest {
  protected:
    ArchivedAnswers() {
        archive_settings_.directory = (directory_ / "archive").string();
        archive_settings_.may_wait = true;
    }
    // An archive of what `fill` adds.
    template <typename Fill>
    void write(Fill&& fill) {
        archive::Archive archive(archive_settings_, rules_, events_);
        archive.begin_session(1, begin_s * second_ns, false);
        fill(archive);
        ASSERT_EQ(archive.finish(), std::nullopt);
    }
    void open_closed() {
        archive_settings_.read_only = true;
        settings_.archive = archive_settings_;
        start();
    }

    archive::ArchiveSettings archive_settings_;
    tests::FixedRules rules_;
    detect::EventLog events_;
};

TEST_F(ArchivedAnswers, ProbesAreFoundBehindManyNewerHits) {
    auto old = tests::flow(1, "10.1.7.44", "203.0.113.80", begin_s);
    auto busy = tests::flow(2, "10.1.7.45", "203.0.113.81", begin_s + day_s);
    old.requests = busy.requests = 1;
    write([&](archive::Archive& archive) {
        archive.add_flows({&old, 1});
        archive.add_flows({&busy, 1});
        archive.add_hit(hit_of(old, 9, "/b.cgi"));
        for (unsigned i = 0; i < 200'010; ++i) archive.add_hit(hit_of(busy, 8, "/x"));
    });
    open_closed();
    for (const std::string& filter :
         {std::string("uri=/b.cgi"), std::string("rule=9"), std::string("src=10.1.7.44"),
          std::string("dst=203.0.113.80"), "until=" + at(begin_s + 1)}) {
        const auto answer = get("/v1/probes?" + filter);
        ASSERT_EQ(answer["rows"].size(), 1U) << filter;
        EXPECT_EQ(answer["rows"][0]["source"], "10.1.7.44") << filter;
        EXPECT_TRUE(answer["horizon"].is_null()) << filter;
    }
    const auto rules = get("/v1/rules/hit?src=10.1.7.44")["rows"];
    ASSERT_EQ(rules.size(), 1U);
    EXPECT_EQ(rules[0]["sid"], 9);
    EXPECT_EQ(get("/v1/rules/hit")["rows"][0]["hits"], 200'010) << "each is counted";
    const auto all = get("/v1/probes?limit=1");
    EXPECT_EQ(all["sum"]["seen"], 200'000);
    const std::string note = all["notes"][0];
    EXPECT_NE(note.find("only the newest 200000 of 200011 hits"), std::string::npos) << note;
    EXPECT_NE(note.find("--rule"), std::string::npos) << note;
    EXPECT_FALSE(all["horizon"].is_null());
}

TEST_F(ArchivedAnswers, ACampaignThatReachesIntoTheIntervalStaysWhole) {
    // Attempts of twenty minutes, of which the last one sends a request; the same again a day later.
    write([&](archive::Archive& archive) {
        std::uint64_t id = 0;
        for (const std::uint64_t first : {begin_s, begin_s + day_s}) {
            for (std::uint64_t minute = 0; minute < 20; ++minute) {
                const auto flow =
                    attempt(++id, "10.1.7.44", "203.0.113." + std::to_string(minute), first + minute * 60);
                archive.add_flows({&flow, 1});
            }
            auto answered = tests::flow(++id, "10.1.7.44", "203.0.113.80", first + 20 * 60);
            answered.requests = 1;
            archive.add_flows({&answered, 1});
            archive.add_hit(hit_of(answered, 9, "/b.cgi"));
        }
    });
    open_closed();
    const auto early =
        get("/v1/probes?since=" + at(begin_s + day_s) + "&until=" + at(begin_s + day_s + 5 * 60));
    EXPECT_EQ(early["sum"]["inferred"], 5);
    EXPECT_EQ(early["sum"]["seen"], 0);
    EXPECT_EQ(get("/v1/probes")["sum"]["inferred"], 40);
    EXPECT_EQ(get("/v1/probes?dst=203.0.113.3")["sum"]["inferred"], 2) << "its hits are elsewhere";
}

// Whoever reads a file that was spoilt fails.
TEST_F(ArchivedAnswers, AnIntervalReadsNothingOfOtherDays) {
    const auto add_day = [&](std::uint64_t day) {
        write([&](archive::Archive& archive) {
            auto flow = tests::flow(100 * day + 50, "10.1.7.44", "203.0.113.80", begin_s + day * day_s);
            flow.requests = 1;
            archive.add_flows({&flow, 1});
            archive.add_hit(hit_of(flow, 9, "/b.cgi"));
            for (std::uint64_t i = 0; i < 12; ++i) {
                const auto tried = attempt(100 * day + i, "10.1.7.44", "192.0.2." + std::to_string(i),
                                           begin_s + day * day_s + i);
                archive.add_flows({&tried, 1});
            }
        });
    };
    add_day(0);
    for (const auto& file : std::filesystem::directory_iterator(archive_settings_.directory)) {
        if (file.path().extension() != ".parquet") continue;
        const std::string spoilt(file.file_size(), 'x');
        std::ofstream(file.path(), std::ios::trunc) << spoilt;
    }
    add_day(2);
    open_closed();
    const std::string since = "since=" + at(begin_s + 2 * day_s);
    get("/v1/probes", 500);
    const auto probes = get("/v1/probes?" + since);
    EXPECT_EQ(probes["sum"]["seen"], 1);
    EXPECT_EQ(probes["sum"]["inferred"], 12);
    const auto scans = get("/v1/scans?" + since)["rows"];
    ASSERT_EQ(scans.size(), 1U);
    EXPECT_EQ(scans[0]["flows"], 13);
    EXPECT_EQ(get("/v1/rules/hit?" + since)["rows"][0]["hits"], 1);
}

std::string host(std::uint64_t number) {
    return "192.0.2." + std::to_string(number);
}

// One host an hour and port, none of which answers; then one more that does.
void add_sweep(archive::Archive& archive, std::uint64_t id, const std::string& source, std::uint64_t hosts) {
    for (std::uint64_t i = 0; i < hosts; ++i) {
        const auto flow = attempt(id + i, source, host(i), begin_s + i * 3600);
        archive.add_flows({&flow, 1});
    }
    const auto answered = tests::flow(id + hosts, source, host(hosts), begin_s + hosts * 3600);
    archive.add_flows({&answered, 1});
}

TEST_F(ArchivedAnswers, AScanIsToldOfTheIntervalThatIsAskedFor) {
    write([](archive::Archive& archive) { add_sweep(archive, 1, "10.1.7.44", 12); });
    open_closed();
    const auto all = get("/v1/scans")["rows"];
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0]["destinations"], 13);
    EXPECT_EQ(all[0]["flows"], 13);
    EXPECT_EQ(all[0]["outcomes"], (Json{{"no-reply", 12}, {"connected", 1}}));
    const auto part =
        get("/v1/scans?since=" + at(begin_s + 2 * 3600 - 5) + "&until=" + at(begin_s + 7 * 3600 - 5))["rows"];
    ASSERT_EQ(part.size(), 1U);
    EXPECT_EQ(part[0]["destinations"], 5);
    EXPECT_EQ(part[0]["outcomes"], (Json{{"no-reply", 5}}));
    EXPECT_EQ(part[0]["first"], at(begin_s + 2 * 3600));
    EXPECT_EQ(part[0]["last"], at(begin_s + 6 * 3600));
    EXPECT_EQ(part[0]["state"], "going on") << "at the end of the interval";
}

TEST_F(ArchivedAnswers, AVictimOfASweepFindsIt) {
    write([](archive::Archive& archive) {
        add_sweep(archive, 1, "10.1.7.44", 12);
        const auto visitor = tests::flow(100, "10.1.0.5", host(3), begin_s + 60);
        archive.add_flows({&visitor, 1});
    });
    open_closed();
    for (const std::string& filter : {"host=" + host(3), "dst=" + host(3), "dst=" + host(12),
                                      "src=10.1.7.44&dst=" + host(0), std::string("host=10.1.7.44")}) {
        const auto rows = get("/v1/scans?" + filter)["rows"];
        ASSERT_EQ(rows.size(), 1U) << filter;
        EXPECT_EQ(rows[0]["destinations"], 13) << filter << ": of the whole sweep";
    }
    for (const std::string& filter :
         {"host=" + host(13), "dst=" + host(13), "src=10.1.0.5&dst=" + host(3), std::string("host=10.1.0.5"),
          "dst=" + host(3) + "&since=" + at(begin_s + 4 * 3600)}) {
        EXPECT_EQ(get("/v1/scans?" + filter)["rows"].size(), 0U) << filter;
    }
}

TEST_F(ArchivedAnswers, ADistributedScanHasNothingOfASweepOfItsPort) {
    write([](archive::Archive& archive) {
        add_sweep(archive, 1, "10.1.7.44", 12);
        for (std::uint64_t i = 0; i < 60; ++i) {
            const auto flow = attempt(100 + i, "10.9.0." + std::to_string(i % 30),
                                      "198.51.100." + std::to_string(i % 40), begin_s + 100 + i);
            archive.add_flows({&flow, 1});
        }
    });
    open_closed();
    const auto rows = get("/v1/scans")["rows"];
    const auto crowd =
        std::find_if(rows.begin(), rows.end(), [](const Json& row) { return row["kind"] == "distributed"; });
    ASSERT_NE(crowd, rows.end());
    EXPECT_EQ((*crowd)["sources"], 31) << "the sweeper's first tries were nobody's yet";
    EXPECT_EQ((*crowd)["destinations"], 43);
    EXPECT_EQ((*crowd)["flows"], 0);
    EXPECT_EQ((*crowd)["outcomes"], Json::object());
    EXPECT_EQ((*crowd)["last"], at(begin_s + 2 * 3600));
    EXPECT_EQ((*crowd)["state"], "stopped");
    EXPECT_EQ(get("/v1/scans?dst=198.51.100.7")["rows"].size(), 1U);
    EXPECT_EQ(get("/v1/scans?host=10.9.0.7")["rows"].size(), 1U);
    EXPECT_EQ(get("/v1/scans?host=198.51.100.77")["rows"].size(), 0U);
}

TEST_F(ArchivedAnswers, AScanThatGoesOnNowIsToldBesideTheArchive) {
    write([](archive::Archive& archive) { add_sweep(archive, 1, "10.1.7.44", 12); });
    settings_.archive = archive_settings_;
    start();
    const std::uint64_t now_ns = detect::utc_now_ns();
    for (std::uint64_t i = 0; i < 6; ++i) {
        auto record = tests::flow_record(1000 + i, now_ns - (10 - i) * 3600 * second_ns);
        record.source = *store::parse_address("10.1.7.46");
        record.destination = *store::parse_address(host(100 + i));
        record.state = api::ConnState::s0;
        record.history = {'S'};
        record.end_reason = api::EndReason::idle_timeout;
        record.directions[1] = {};
        fake().write_flow(0, record);
    }
    ASSERT_TRUE(eventually([&] { return fake().drained(); }));
    ASSERT_TRUE(eventually([&] { return get("/v1/scans?src=10.1.7.46")["rows"].size() == 1; }));
    EXPECT_EQ(get("/v1/scans")["rows"].size(), 2U) << "none twice";
    const auto rows = get("/v1/scans?since=" + store::format_time(now_ns - 6 * 3600 * second_ns))["rows"];
    ASSERT_EQ(rows.size(), 1U) << "two of its hosts lie within the interval";
    EXPECT_EQ(rows[0]["destinations"], 2);
}

}  // namespace
}  // namespace picket::serve
