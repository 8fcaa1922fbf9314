// Requests, responses, hits, losses and watch lists in an archive, and SQL over it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/detect/watch_lists.h"
#include "tests/unit/archive/archive_fixtures.h"

namespace picket::archive {
namespace {

using tests::second_ns;

store::StoredRequest request_of(const store::StoredFlow& flow, std::uint32_t number, std::string uri) {
    store::StoredRequest request;
    request.flow = flow.key();
    request.request = number;
    request.time_ns = flow.start_ns + number;
    request.ends.flow_id = flow.id;
    request.ends.client = flow.source;
    request.ends.server = flow.destination;
    request.ends.client_port = flow.source_port;
    request.ends.server_port = flow.destination_port;
    request.ends.protocol = flow.protocol;
    request.method = "GET";
    request.uri = std::move(uri);
    request.host = "example.net";
    return request;
}

std::vector<store::StoredHit> hits_of(const Archive& archive, const store::Query& query = {}) {
    std::vector<store::StoredHit> hits;
    archive.each_hit(query, [&](const store::StoredHit& hit) { hits.push_back(hit); });
    return hits;
}

store::StoredFlow web_flow(std::uint64_t id) {
    auto flow = tests::flow(id);
    flow.requests = 1;
    return flow;
}

class ArchiveEvents : public ::testing::Test {
  protected:
    [[nodiscard]] std::unique_ptr<Archive> writer() {
        return std::make_unique<Archive>(settings_, rules_, events_);
    }
    [[nodiscard]] std::unique_ptr<Archive> reader() {
        return std::make_unique<Archive>(tests::closed_archive(directory_.archive()), rules_, events_);
    }
    nlohmann::json sql(const std::string& text) {
        const auto result = reader()->query(text, {});
        EXPECT_EQ(result.error, "") << text;
        nlohmann::json rows = nlohmann::json::array();
        for (const auto& row : result.rows) rows.push_back(nlohmann::json::parse(row));
        return rows;
    }

    tests::TemporaryDirectory directory_;
    ArchiveSettings settings_ = tests::archive_settings(directory_.archive());
    tests::FixedRules rules_;
    detect::EventLog events_;
};

TEST_F(ArchiveEvents, RequestsAreAnsweredWhereverTheirResponseLies) {
    const auto flow = web_flow(1);
    const std::string raw = std::string("/a\xff%2e") + '\0';
    {
        const auto archive = writer();
        archive->add_flows({&flow, 1});
        archive->add_request(request_of(flow, 0, raw));
        archive->add_request(request_of(flow, 1, "/second"));
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    {
        const auto archive = writer();
        archive->add_response(flow.key(), 0, {404, "text/html", 4096, flow.start_ns + 5, 100, true});
        archive->add_response_end(flow.key(), 0, 4096, flow.start_ns + 9);
        const auto open = archive->ask({}, {}).requests->of_flow(flow.key());
        ASSERT_EQ(open.size(), 2U);
        EXPECT_EQ(open[0].status, 404);
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    const auto requests = reader()->ask({}, {}).requests->of_flow(flow.key());
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].uri, raw);
    EXPECT_EQ(requests[0].host, "example.net");
    EXPECT_EQ(requests[0].ends.client, flow.source);
    EXPECT_EQ(requests[0].status, 404);
    EXPECT_EQ(requests[0].content_type, "text/html");
    EXPECT_EQ(requests[0].content_length, 4096);
    EXPECT_EQ(requests[0].body_bytes, 4096);
    EXPECT_EQ(requests[0].response_ns, flow.start_ns + 5);
    EXPECT_EQ(requests[1].uri, "/second");
    EXPECT_EQ(requests[1].status, 0);
}

TEST_F(ArchiveEvents, AlertsClimbAsLiveOnesDo) {
    detect::AlertTable live(1000);
    {
        const auto archive = writer();
        for (std::uint64_t i = 0; i < 5000; ++i) {
            detect::Hit hit;
            hit.time_ns = 7200 * second_ns + i * second_ns;
            hit.sid = 4711 + static_cast<std::uint32_t>(i % 3);
            hit.message = "probe";
            hit.source = *store::parse_address("10.0.0." + std::to_string(i % 7));
            hit.destination = *store::parse_address("192.0.2.7");
            hit.destination_port = 80;
            hit.uri = "/x";
            hit.flow_lost = i % 100 == 0;
            hit.buffers = {"http.uri", "http.host"};
            live.add(hit);
            archive->add_alert(1, hit);
        }
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    const auto expected = live.all();
    const auto found = reader()->alerts({}, {}).alerts;
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].hit.sid, expected[i].hit.sid);
        EXPECT_EQ(found[i].hit.buffers, expected[i].hit.buffers);
        EXPECT_EQ(found[i].count, expected[i].count);
        EXPECT_EQ(found[i].lost, expected[i].lost);
        EXPECT_EQ(found[i].first_ns, expected[i].first_ns);
        EXPECT_EQ(found[i].last_ns, expected[i].last_ns);
        EXPECT_EQ(found[i].sources, expected[i].sources);
    }
    // An interval within an hour brings the whole alert of that hour.
    EXPECT_EQ(reader()->alerts(8000 * second_ns, 8001 * second_ns).alerts.size(), 3U);
}

TEST_F(ArchiveEvents, RuleHitsComeBackInOrder) {
    store::StoredHit hit;
    hit.flow = {5, 77};
    hit.request = 3;
    hit.sid = 4711;
    hit.message = "probe";
    hit.ends.client = *store::parse_address("10.0.0.1");
    hit.ends.server_port = 80;
    hit.method = "GET";
    hit.uri = std::string("/\0x", 3);
    {
        const auto archive = writer();
        for (std::uint64_t i = 0; i < 100; ++i) {
            hit.time_ns = i * second_ns;
            archive->add_hit(hit);
        }
        EXPECT_EQ(hits_of(*archive).size(), 100U);
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    const auto found = hits_of(*reader());
    ASSERT_EQ(found.size(), 100U);
    for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(found[i].time_ns, i * second_ns);
    EXPECT_EQ(found[0].uri, hit.uri);
    EXPECT_EQ(found[0].flow, hit.flow);
    EXPECT_EQ(found[0].request, 3U);
    EXPECT_EQ(found[0].ends.client, hit.ends.client);
    EXPECT_EQ(found[0].ends.server_port, 80U);
}

TEST_F(ArchiveEvents, CoverageKnowsGapsAndLosses) {
    const auto flow = tests::flow(1);
    {
        const auto archive = writer();
        archive->begin_session(1, 100 * second_ns, false);
        archive->add_flows({&flow, 1});
        archive->add_loss(1, 120 * second_ns, 121 * second_ns, 7, 3);
        archive->end_session(200 * second_ns);
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    {
        const auto archive = writer();
        archive->begin_session(2, 260 * second_ns, false);
        archive->end_session(300 * second_ns);
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    const auto archive = reader();
    EXPECT_EQ(archive->losses_of(1).lost, 7U);
    EXPECT_EQ(archive->losses_of(2).lost, 0U);
    const auto all = archive->coverage({}, 300 * second_ns, UINT64_MAX);
    EXPECT_EQ(all.lost, 7U);
    EXPECT_EQ(all.folded, 3U);
    EXPECT_DOUBLE_EQ(all.seconds_blind, 60.0);
    const auto late = archive->coverage(150 * second_ns, 230 * second_ns, UINT64_MAX);
    EXPECT_EQ(late.lost, 0U);
    EXPECT_DOUBLE_EQ(late.seconds_blind, 30.0);
    EXPECT_DOUBLE_EQ(archive->coverage(50 * second_ns, 110 * second_ns, UINT64_MAX).seconds_blind, 50.0);
}

TEST_F(ArchiveEvents, WatchListsAreKept) {
    detect::WatchLists lists;
    std::vector<store::NetworkLine> rejects;
    ASSERT_FALSE(lists.load("evil", "192.0.2.7\n10.0.0.0/8\n", rejects));
    settings_.watch_lists = [&] { return lists.all(); };
    settings_.configured_lists = {"evil"};
    ASSERT_EQ(writer()->finish(), std::nullopt);
    EXPECT_EQ(reader()->watch_lists().at("evil"), "192.0.2.7\n10.0.0.0/8\n");
    lists.remove("evil");
    ASSERT_EQ(writer()->finish(), std::nullopt);
    EXPECT_TRUE(reader()->watch_lists().empty());
}

TEST_F(ArchiveEvents, SqlAddsPartsUpAndReadsText) {
    {
        const auto archive = writer();
        std::vector<store::StoredFlow> parts{tests::part(tests::flow(1), 1, false),
                                             tests::part(tests::flow(1), 2, true), tests::flow(2)};
        // The other way round: a SYN that came late.
        std::swap(parts[0].source, parts[0].destination);
        std::swap(parts[0].source_port, parts[0].destination_port);
        std::swap(parts[0].directions[0], parts[0].directions[1]);
        archive->add_flows(parts);
        archive->add_request(request_of(tests::flow(2), 0, "/b.cgi?x"));
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    EXPECT_EQ(sql("SELECT count(*) AS n FROM parts")[0]["n"], 3);
    const auto flows =
        sql("SELECT id, src_ip, dest_ip, state, pkts_toserver, bytes_toclient FROM flows ORDER BY id;");
    ASSERT_EQ(flows.size(), 2U);
    EXPECT_EQ(flows[0],
              nlohmann::json::parse(R"({"id":1,"src_ip":"10.0.0.1","dest_ip":"192.0.2.7","state":"SF",
                                                  "pkts_toserver":4,"bytes_toclient":100})"));
    EXPECT_EQ(sql("SELECT id FROM flows WHERE src_lo = v4('10.0.0.1') -- all of them").size(), 2U);
    EXPECT_EQ(sql("SELECT uri FROM requests")[0]["uri"], "/b.cgi?x");
    EXPECT_EQ(sql("SELECT * FROM hits").size(), 0U);
}

TEST_F(ArchiveEvents, SqlIsReadOnlyAndBounded) {
    {
        const auto archive = writer();
        const auto flow = tests::flow(1);
        archive->add_flows({&flow, 1});
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    const auto archive = reader();
    for (const char* refused :
         {"", "DROP VIEW flows", "SELECT 1; SELECT 2", "COPY (SELECT 1) TO '/tmp/x.csv'",
          "ATTACH '/tmp/x.db'", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
          "SET threads = 9", "INSTALL httpfs", "LOAD httpfs", "PRAGMA database_list",
          "SELECT * FROM glob('/etc/*')", "CREATE TABLE t AS SELECT 1", "SELECT nonsense FROM flows",
          "SELECT 1) UNION ALL (SELECT content FROM read_text('/etc/passwd')"}) {
        EXPECT_NE(archive->query(refused, {}).error, "") << refused;
    }
    SqlLimits limits;
    limits.rows_max = 10;
    const auto cut = archive->query("SELECT * FROM range(100)", limits);
    EXPECT_EQ(cut.rows.size(), 10U);
    EXPECT_TRUE(cut.truncated);
    limits.rows_max = SIZE_MAX;
    limits.text_bytes_max = 10'000;
    const auto long_rows = archive->query("SELECT repeat('x', 1000) FROM range(100)", limits);
    EXPECT_EQ(long_rows.rows.size(), 9U) << "each is more than its thousand bytes";
    EXPECT_TRUE(long_rows.truncated);
    limits.time = std::chrono::milliseconds(100);
    const auto slow = archive->query("SELECT count(*) FROM range(1000000000000) a", limits);
    EXPECT_NE(slow.error.find("longer than"), std::string::npos) << slow.error;
}

}  // namespace
}  // namespace picket::archive
