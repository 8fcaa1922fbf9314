// Lines of EVE, read back as JSON.
#include "controlplane/export/eve_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dataplane/api/setup_error.h"
#include "tests/unit/store/store_fixtures.h"

namespace picket::exporter {
namespace {

using Json = nlohmann::json;

class EveWriterTest : public ::testing::Test {
  protected:
    ~EveWriterTest() override { std::filesystem::remove(path_); }
    std::vector<Json> lines() {
        std::vector<Json> result;
        std::ifstream file(path_);
        for (std::string line; std::getline(file, line);) result.push_back(Json::parse(line));
        return result;
    }
    std::string path_ =
        (std::filesystem::temp_directory_path() / ("eve-" + std::to_string(getpid()))).string();
};

TEST_F(EveWriterTest, FlowWithItsPartsAddedUp) {
    EveWriter writer(path_, true);
    writer.set_port_names({"tap-a"});
    auto base = tests::flow(42);
    base.vlan = 7;
    writer.flow_part(tests::part(base, 1, false));
    writer.flow_part(tests::part(base, 2, true));
    writer.flow_part(tests::flow(43));
    writer.finish();
    const auto written = lines();
    ASSERT_EQ(written.size(), 2U);
    const auto& flow = written[0];
    EXPECT_EQ(flow["event_type"], "flow");
    EXPECT_EQ(flow["flow_id"], 42);
    EXPECT_EQ(flow["in_iface"], "tap-a");
    EXPECT_EQ(flow["vlan"][0], 7);
    EXPECT_EQ(flow["src_ip"], "10.0.0.1");
    EXPECT_EQ(flow["dest_port"], 80);
    EXPECT_EQ(flow["proto"], "TCP");
    EXPECT_EQ(flow["flow"]["pkts_toserver"], 4);
    EXPECT_EQ(flow["flow"]["bytes_toclient"], 100);
    EXPECT_EQ(flow["flow"]["start"], "1970-01-01T00:01:40.000000+0000");
    EXPECT_EQ(flow["flow"]["alerted"], false);
    EXPECT_EQ(flow["tcp"]["tcp_flags_ts"], "00");
}

TEST_F(EveWriterTest, TheTunnelAroundAFlow) {
    EveWriter writer(path_, true);
    auto flow = tests::flow(42);
    flow.tunnel = {*store::parse_address("198.51.100.1"), *store::parse_address("198.51.100.2"), 5000,
                   api::TunnelKind::vxlan, 2};
    writer.flow_part(flow);
    auto labelled = tests::flow(43);
    labelled.tunnel.kind = api::TunnelKind::mpls;  // no addresses: not what EVE calls a tunnel
    writer.flow_part(labelled);
    writer.flow_part(tests::flow(44));
    writer.finish();
    const auto written = lines();
    ASSERT_EQ(written.size(), 3U);
    const Json expected{{"src_ip", "198.51.100.1"},
                        {"dest_ip", "198.51.100.2"},
                        {"proto", "UDP"},
                        {"kind", "vxlan"},
                        {"id", 5000},
                        {"depth", 2}};
    EXPECT_EQ(written[0]["tunnel"], expected);
    EXPECT_EQ(written[0]["src_ip"], "10.0.0.1");
    EXPECT_FALSE(written[1].contains("tunnel"));
    EXPECT_FALSE(written[2].contains("tunnel"));
}

TEST_F(EveWriterTest, UrlIsRawAndItsOtherBytesAreHex) {
    EveWriter writer(path_, true);
    store::StoredRequest request;
    request.flow = {1, 1};
    request.method = "GET";
    request.uri = std::string("/%62.cgi?\"\\\xff\x01\n\0x", 16);
    request.host = "a\xc3\xa4";
    request.flags = api::request_has_referer;
    writer.request(request);
    writer.response({1, 1}, 0, {404, "text/html", 12, 5});
    writer.finish();
    const auto written = lines();
    ASSERT_EQ(written.size(), 1U);
    const auto& http = written[0]["http"];
    EXPECT_EQ(http["url"], "/%62.cgi?\"\\\\xFF\\x01\\x0A\\x00x");
    EXPECT_EQ(http["hostname"], "a\\xC3\\xA4");
    EXPECT_EQ(http["http_refer"], "");
    EXPECT_EQ(http["status"], 404);
    EXPECT_EQ(http["length"], 12);
    EXPECT_FALSE(http.contains("http_user_agent"));
}

TEST_F(EveWriterTest, AlertsOfRequestsAndPackets) {
    EveWriter writer(path_, true);
    detect::Hit hit;
    hit.sid = 4711;
    hit.message = "probe";
    hit.generation = 3;
    hit.flow_lost = true;
    hit.buffers = {"http.uri", "http.host"};
    hit.protocol = 17;
    hit.source = *store::parse_address("2001:db8::1");
    hit.destination = *store::parse_address("192.0.2.7");
    writer.alert(hit, 0, {"attempted-recon", nullptr});
    store::StoredRequest request;
    request.uri = "/b.cgi";
    writer.alert(hit, 0, {"attempted-recon", &request});
    writer.finish();
    const auto written = lines();
    ASSERT_EQ(written.size(), 2U);
    EXPECT_EQ(written[0]["alert"]["signature_id"], 4711);
    EXPECT_EQ(written[0]["alert"]["category"], "attempted-recon");
    EXPECT_EQ(written[0]["alert"]["generation"], 3);
    EXPECT_EQ(written[0]["alert"]["flow_lost"], true);
    EXPECT_EQ(written[0]["alert"]["buffers"], (nlohmann::json{"http.uri", "http.host"}));
    EXPECT_EQ(written[0]["src_ip"], "2001:db8::1");
    EXPECT_FALSE(written[0].contains("http"));
    EXPECT_EQ(written[1]["http"]["url"], "/b.cgi");
}

TEST_F(EveWriterTest, ManyLinesInOrder) {
    {
        EveWriter writer(path_, true);
        for (std::uint64_t id = 1; id <= 50'000; ++id) writer.flow_part(tests::flow(id));
        writer.finish();
        EXPECT_EQ(writer.sink().written(), 50'000U);
        EXPECT_EQ(writer.sink().dropped(), 0U);
    }
    std::uint64_t expected = 0;
    for (const auto& line : lines()) ASSERT_EQ(line["flow_id"], ++expected);
    EXPECT_EQ(expected, 50'000U);
}

TEST_F(EveWriterTest, AFullDiskIsASentenceAndNoHang) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
    EveWriter writer("/dev/full", true);
    for (std::uint64_t id = 1; id <= 50'000; ++id) writer.flow_part(tests::flow(id));
    writer.finish();
    EXPECT_NE(writer.sink().error().find("/dev/full"), std::string::npos);
    EXPECT_EQ(writer.sink().written() + writer.sink().dropped(), 50'000U);
}

TEST_F(EveWriterTest, APathThatCannotBeOpened) {
    EXPECT_THROW(EveWriter("/nonexistent/eve.json", true), SetupError);
}

}  // namespace
}  // namespace picket::exporter
