// Every key of the contract: accepted as documented, held with its unit, refused with line and column.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "controlplane/config/dataplane_arguments.h"
#include "controlplane/config/load.h"

namespace picket::config {
namespace {

constexpr const char* port = "[[port]]\ndevice = \"af_xdp:eth1\"\n";

LoadResult parse(const std::string& text) {
    return parse_config(text, "/etc/picket/picket.toml");
}

std::string errors_of(LoadResult& result) {
    std::string text;
    for (const Finding& finding : result.findings.all()) {
        if (finding.severity == Severity::error) text += text_of(finding) + "\n";
    }
    return text;
}

constexpr const char* contract = R"(sensor = "edge-1"

[dataplane]
workers = "2-5"               # cores; housekeeping stays off them
memory_mib = 2048

[[port]]
device = "0000:3b:00.0"
name = "tap-a"
group = "uplink"
rss = "auto"

[flow]
capacity = 4000000
fold_above = 0.9
idle_timeout = "15s"
tcp_idle_timeout = "300s"
syn_timeout = "75s"
active_timeout = "120s"
vlan_in_key = false
tunnels = ["gre", "ipip", "vxlan", "geneve", "gtpu", "erspan"]
duplicates = "count"

[rules]
files = ["/etc/picket/rules/*.rules"]
dialect = "suricata"
variables = { HOME_NET = "10.0.0.0/8" }

[watch]
sobig = "/etc/picket/watch/sobig.txt"

[networks]
inside = ["10.0.0.0/8"]
known_nat = []

[privacy]
uri_query = "keep"
payload_bytes = 16

[archive]
directory = "/var/lib/picket"
retain = "30d"
max_size = "200GiB"

[export.ipfix]
collector = "192.0.2.1:4739/udp"

[export.eve]
file = "/var/log/picket/eve.json"

[export.kafka]
brokers = "192.0.2.2:9092"
topic = "picket.flows"

[export.clickhouse]
url = "http://192.0.2.3:8123"
table = "flows"

[metrics]
listen = "127.0.0.1:9469"
)";

TEST(Config, ContractsExampleIsValidAndHeld) {
    LoadResult result = parse(contract);
    EXPECT_EQ(errors_of(result), "");
    const Config& config = result.config;
    EXPECT_EQ(config.sensor, "edge-1");
    EXPECT_EQ(config.dataplane.worker_cores, (std::vector<unsigned>{2, 3, 4, 5}));
    EXPECT_EQ(config.dataplane.memory_mib, 2048u);
    ASSERT_EQ(config.ports.size(), 1u);
    EXPECT_EQ(config.ports[0].device.kind, DeviceKind::pci);
    EXPECT_EQ(config.ports[0].name, "tap-a");
    EXPECT_EQ(config.ports[0].group, "uplink");
    EXPECT_EQ(config.flow.capacity_flows, 4'000'000u);
    EXPECT_EQ(config.flow.idle_timeout_ms, 15'000u);
    EXPECT_EQ(config.flow.tcp_idle_timeout_ms, 300'000u);
    EXPECT_EQ(config.flow.syn_timeout_ms, 75'000u);
    EXPECT_EQ(config.flow.active_timeout_ms, 120'000u);
    ASSERT_TRUE(config.rules.files);
    EXPECT_EQ(config.rules.files->front().path, "/etc/picket/rules/*.rules");
    EXPECT_EQ(config.rules.variables.at("HOME_NET"), "10.0.0.0/8");
    ASSERT_EQ(config.watch.size(), 1u);
    EXPECT_EQ(config.watch[0].name, "sobig");
    EXPECT_EQ(config.networks.inside, (std::vector<std::string>{"10.0.0.0/8"}));
    ASSERT_TRUE(config.archive);
    EXPECT_EQ(config.archive->retain_ms, std::uint64_t{30} * 86'400'000);
    EXPECT_EQ(config.archive->size_bytes_max, std::uint64_t{200} << 30);
    ASSERT_TRUE(config.export_ipfix);
    EXPECT_EQ(config.export_ipfix->host, "192.0.2.1");
    EXPECT_EQ(config.export_ipfix->port, 4739);
    EXPECT_EQ(config.export_eve_file, "/var/log/picket/eve.json");
    EXPECT_EQ(config.metrics_listen, "127.0.0.1:9469");
}

TEST(Config, WhatThisBuildLacksIsSaid) {
    LoadResult result = parse(contract);
    std::string text;
    for (const Finding& finding : result.findings.all()) text += text_of(finding) + "\n";
    for (const char* word : {"[export.ipfix]", "[export.kafka]", "[export.clickhouse]"}) {
        EXPECT_NE(text.find(word), std::string::npos) << word << " in\n" << text;
    }
    EXPECT_EQ(text.find("/metrics"), std::string::npos) << "picketd listens there";
#ifdef PICKET_ARCHIVE
    const bool has_archive = true;
#else
    const bool has_archive = false;
#endif
    EXPECT_EQ(text.find("[archive]") == std::string::npos, has_archive) << text;
}

TEST(Config, DefaultsNeedOnlyPorts) {
    LoadResult result = parse(port);
    EXPECT_EQ(errors_of(result), "");
    EXPECT_EQ(result.findings.warnings(), 0u);
    EXPECT_FALSE(result.config.sensor.empty());
    EXPECT_EQ(result.config.ports[0].name, "eth1");
    EXPECT_EQ(result.config.ports[0].group, "eth1");
    EXPECT_FALSE(result.config.rules.files);
    EXPECT_FALSE(result.config.archive);
    LoadResult none = parse("sensor = \"a\"\n");
    EXPECT_NE(errors_of(none).find("no [[port]]"), std::string::npos);
    LoadResult replay = parse_config("", "x.toml", {.ports_required = false});
    EXPECT_EQ(errors_of(replay), "");
}

struct Mistake {
    const char* text;  // follows a valid port, whose two lines come first
    std::uint32_t line;
    std::uint32_t column;
    const char* says;
};

class ConfigMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, IsFoundAtItsPlaceWithARemedy) {
    const Mistake& mistake = GetParam();
    LoadResult result = parse(std::string(port) + mistake.text);
    ASSERT_GE(result.findings.errors(), 1u) << mistake.text;
    bool found = false;
    for (const Finding& finding : result.findings.all()) {
        if (finding.severity != Severity::error) continue;
        EXPECT_FALSE(finding.remedy.empty()) << text_of(finding);
        EXPECT_EQ(finding.location.file, "/etc/picket/picket.toml");
        const bool here = finding.location.line == mistake.line && finding.location.column == mistake.column;
        found = found || (here && finding.what.find(mistake.says) != std::string::npos);
    }
    EXPECT_TRUE(found) << "expected " << mistake.line << ":" << mistake.column << " '" << mistake.says
                       << "' in\n"
                       << errors_of(result);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, ConfigMistake,
    testing::Values(
        Mistake{"[dataplane]\nworkers = \"5-2\"", 4, 11, "list of cores"},
        Mistake{"[dataplane]\nworkers = \"2,2\"", 4, 11, "list of cores"},
        Mistake{"[dataplane]\nworkers = \"0-64\"", 4, 11, "65 cores"},
        Mistake{"[dataplane]\nworkers = 2", 4, 11, "is an integer"},
        Mistake{"[dataplane]\nmemory_mib = 1", 4, 14, "out of range"},
        Mistake{"[dataplane]\nmemory_mib = -5", 4, 14, "out of range"},
        Mistake{"[dataplane]\nmemory = 1", 4, 1, "unknown key \"memory\""},
        Mistake{"dataplan = 1", 3, 1, "unknown key \"dataplan\""},
        Mistake{"[[port]]\nname = \"x\"", 3, 1, "no device"},
        Mistake{"[[port]]\ndevice = \"eth1\"", 4, 10, "not a device"},
        Mistake{"[[port]]\ndevice = \"af_xdp:a-very-long-interface\"", 4, 10, "network interface"},
        Mistake{"[[port]]\ndevice = \"memif:sock\"", 4, 10, "absolute path"},
        Mistake{"[[port]]\ndevice = \"pcap:\"", 4, 10, "no capture"},
        Mistake{"[[port]]\ndevice = \"vdev:\"", 4, 10, "virtual device"},
        Mistake{"[[port]]\ndevice = \"3b:00.8\"", 4, 10, "not a device"},
        Mistake{"[[port]]\ndevice = \"af_xdp:eth1\"\nname = \"b\"", 4, 10, "two ports use"},
        Mistake{"[[port]]\ndevice = \"af_xdp:eth2\"\nname = \"eth1\"", 5, 8, "two ports are called"},
        Mistake{"[[port]]\ndevice = \"af_xdp:eth2\"\nname = \"a b\"", 5, 8, "not a name"},
        Mistake{"[[port]]\ndevice = \"af_xdp:eth2\"\ngroup = \"\"", 5, 9, "not a name"},
        Mistake{"[[port]]\ndevice = \"af_xdp:eth2\"\nrss = \"hard\"", 5, 7, "cannot be \"hard\""},
        Mistake{"[flow]\ncapacity = 10", 4, 12, "out of range"},
        Mistake{"[flow]\ncapacity = \"many\"", 4, 12, "is a string"},
        Mistake{"[flow]\nfold_above = 1.5", 4, 14, "out of range"},
        Mistake{"[flow]\nfold_above = 0", 4, 14, "out of range"},
        Mistake{"[flow]\nfold_above = true", 4, 14, "true or false"},
        Mistake{"[flow]\nidle_timeout = \"15 minutes\"", 4, 16, "not a duration"},
        Mistake{"[flow]\nhttp_head_bytes = 1023", 4, 19, "out of range"},
        Mistake{"[flow]\nhttp_head_bytes = 16385", 4, 19, "out of range"},
        Mistake{"[flow]\nidle_timeout = 15", 4, 16, "is an integer"},
        Mistake{"[flow]\ntcp_idle_timeout = \"2d\"", 4, 20, "out of range"},
        Mistake{"[flow]\nsyn_timeout = \"\"", 4, 15, "not a duration"},
        Mistake{"[flow]\nactive_timeout = \"0s\"", 4, 18, "out of range"},
        Mistake{"[flow]\nvlan_in_key = \"no\"", 4, 15, "is a string"},
        Mistake{"[flow]\ntunnels = [\"gre\", \"wireguard\"]", 4, 19, "wireguard"},
        Mistake{"[flow]\ntunnels = \"gre\"", 4, 11, "is a string"},
        Mistake{"[flow]\ntunnel_depth = 9", 4, 16, "9"},
        Mistake{"[flow]\nduplicates = \"keep\"", 4, 14, "cannot be"},
        Mistake{"[flow]\ncapcity = 5", 4, 1, "unknown key \"capcity\""},
        Mistake{"[rules]\nfiles = [\"a\", 3]", 4, 15, "is an integer"},
        Mistake{"[rules]\nfiles = [\"\"]", 4, 10, "empty path"},
        Mistake{"[rules]\ndialect = \"zeek\"", 4, 11, "cannot be"},
        Mistake{"[rules]\ncache = \"\"", 4, 9, "is empty"},
        Mistake{"[rules]\nvariables = { HOME_NET = \"[10.0.0.0/8\" }", 4, 26, "without its ']'"},
        Mistake{"[rules]\nvariables = { \"a-b\" = \"any\" }", 4, 15, "rule variable"},
        Mistake{"[rules]\nvariables = { HTTP_PORTS = \"80,8080\" }", 4, 28, "without its brackets"},
        Mistake{"[rules]\nvariables = { X = 5 }", 4, 19, "is an integer"},
        Mistake{"[watch]\n\"a b\" = \"/x\"", 4, 1, "name of a watch list"},
        Mistake{"[watch]\na = \"\"", 4, 5, "names no file"},
        Mistake{"[networks]\ninside = [\"10.0.0.0/33\"]", 4, 11, "not a network"},
        Mistake{"[networks]\ninside = [\"10.0.0.1/8\"]", 4, 11, "bits behind"},
        Mistake{"[networks]\nknown_nat = \"10.0.0.0/8\"", 4, 13, "is a string"},
        Mistake{"[privacy]\nuri_query = \"lose\"", 4, 13, "cannot be"},
        Mistake{"[privacy]\npayload_bytes = 17", 4, 17, "out of range"},
        Mistake{"[archive]\ndirectory = \"\"", 4, 13, "is empty"},
        Mistake{"[archive]\nretain = \"1 month\"", 4, 10, "not a duration"},
        Mistake{"[archive]\nmax_size = \"200 gigs\"", 4, 12, "not a size"},
        Mistake{"[export.ipfix]\ncollector = \"host:4739/sctp\"", 4, 13, "not a collector"},
        Mistake{"[export.ipfix]\ncollector = \"host:99999/udp\"", 4, 13, "not a collector"},
        Mistake{"[export.ipfix]", 3, 1, "names no collector"},
        Mistake{"[export.eve]\nfile = \"-\"", 4, 8, "names no file"},
        Mistake{"[export.kafka]\nbrokers = \"a:1,,b:2\"", 4, 11, "list of brokers"},
        Mistake{"[export.kafka]\nbrokers = \"a:1\"\ntopic = \"x y\"", 5, 9, "not a topic"},
        Mistake{"[export.clickhouse]\nurl = \"ftp://x\"", 4, 7, "not a URL"},
        Mistake{"[export.clickhouse]\nurl = \"http://x\"\ntable = \"a b\"", 5, 9, "not a table"},
        Mistake{"[export.syslog]\nx = 1", 3, 9, "unknown table \"syslog\""},
        Mistake{"[metrics]\nlisten = \"9469\"", 4, 10, "not an address"},
        Mistake{"[bogus]\nx = 1", 3, 2, "unknown table \"bogus\""}));

TEST(Config, TextThatIsNotTomlHasItsPlace) {
    LoadResult result = parse("sensor = \"a\n");
    ASSERT_EQ(result.findings.errors(), 1u);
    EXPECT_EQ(result.findings.all()[0].location.line, 1u);
    LoadResult twice = parse("sensor = \"a\"\nsensor = \"b\"\n");
    ASSERT_EQ(twice.findings.errors(), 1u);
    EXPECT_EQ(twice.findings.all()[0].location.line, 2u);
    LoadResult binary =
        parse(std::string("\x7f"
                          "ELF\0\1\2",
                          7));
    EXPECT_GE(binary.findings.errors(), 1u);
}

TEST(Config, AllMistakesAreSaidAtOnceInOrder) {
    LoadResult result = parse(
        "[flow]\nactive_timeout = \"x\"\ncapacty = 3\n[dataplane]\nmemory_mib = 0\n[[port]]\ndevice = "
        "\"x\"\n");
    ASSERT_EQ(result.findings.errors(), 4u) << errors_of(result);
    std::uint32_t line = 0;
    for (const Finding& finding : result.findings.all()) {
        EXPECT_GE(finding.location.line, line);
        line = finding.location.line;
    }
}

TEST(Config, ASlipOfTheKeyboardIsGuessed) {
    LoadResult result = parse(std::string(port) + "[flow]\nidle_timout = \"1s\"\n");
    EXPECT_NE(errors_of(result).find("did you mean \"idle_timeout\"?"), std::string::npos);
}

TEST(Config, RelativePathsAreThoseOfTheFile) {
    LoadResult result = parse("[[port]]\ndevice = \"pcap:a/b.pcap\"\n[rules]\nfiles = [\"my.rules\"]\n");
    EXPECT_EQ(errors_of(result), "");
    EXPECT_EQ(result.config.ports[0].device.text, "pcap:/etc/picket/a/b.pcap");
    EXPECT_EQ(result.config.ports[0].name, "b.pcap");
    EXPECT_EQ(result.config.rules.files->front().path, "/etc/picket/my.rules");
    EXPECT_EQ(parse(std::string(port) + "[rules]\ncache = \"compiled\"\n").config.rules.cache,
              "/etc/picket/compiled");
}

TEST(Config, TheRuleCacheMayBeOff) {
    EXPECT_FALSE(parse(port).config.rules.cache) << "where it suits";
    EXPECT_EQ(parse(std::string(port) + "[rules]\ncache = \"off\"\n").config.rules.cache, "");
}

TEST(Config, FilesThatAreNamedAreLookedFor) {
    LoadResult result = parse(std::string(port) +
                              "[rules]\nfiles = [\"/nonexistent/a.rules\", \"/nonexistent/*.rules\"]\n"
                              "[watch]\nlist = \"/nonexistent/list.txt\"\n");
    EXPECT_EQ(result.findings.errors(), 0u);
    check_files(result.config, result.findings);
    EXPECT_EQ(result.findings.errors(), 2u) << errors_of(result);
    EXPECT_EQ(result.findings.warnings(), 1u);
    EXPECT_NE(errors_of(result).find("picket.toml:4:10"), std::string::npos) << errors_of(result);
}

TEST(Config, LinesOfWatchListsAreJudged) {
    std::string pattern = (std::filesystem::temp_directory_path() / "picket-watch-XXXXXX").string();
    const int descriptor = mkstemp(pattern.data());
    ASSERT_GE(descriptor, 0);
    close(descriptor);
    const auto judge = [&](const std::string& lines) {
        std::ofstream(pattern, std::ios::binary) << lines;
        LoadResult result = parse(std::string(port) + "[watch]\nlist = \"" + pattern + "\"\n");
        check_files(result.config, result.findings);
        return result;
    };
    LoadResult good = judge("192.0.2.1\n10.0.0.0/8 # ours\n");
    EXPECT_EQ(errors_of(good), "");
    const LoadResult some = judge("192.0.2.1\nx\n");
    EXPECT_EQ(some.findings.errors(), 0u);
    EXPECT_EQ(some.findings.warnings(), 1u);
    LoadResult raw = judge("\x1b[31m" + std::string(90, 'a') + "\n");
    const std::string bytes = errors_of(raw);
    EXPECT_NE(bytes.find("line 1: '\\x1b[31maaa"), std::string::npos) << bytes;
    EXPECT_NE(bytes.find("aaa...' is not an address"), std::string::npos) << bytes;
    LoadResult empty = judge("# nobody\n");
    EXPECT_NE(errors_of(empty).find("names no address"), std::string::npos);
    std::filesystem::remove(pattern);
}

TEST(Config, FileThatIsNotThere) {
    LoadResult result = load_config("/nonexistent/picket.toml");
    EXPECT_EQ(result.findings.errors(), 1u);
    LoadResult directory = load_config("/");
    EXPECT_NE(errors_of(directory).find("is a directory"), std::string::npos);
}

TEST(DataplaneArguments, AreThoseOfTheConfiguration) {
    const LoadResult result = parse(
        "[dataplane]\nworkers = \"1,3\"\n[flow]\ntunnels = [\"vxlan\", \"gre\"]\ntunnel_depth = "
        "2\nvlan_in_key = true\nhttp_head_bytes = 4096\nidle_timeout = \"2s\"\nfold_above = "
        "0.5\n"
        "[[port]]\ndevice = \"af_packet:veth0\"\nname = \"a\"\ngroup = \"g\"\nrss = \"software\"\n");
    const auto arguments = dataplane_arguments(result.config);
    std::string line;
    for (const std::string& argument : arguments) line += " " + argument;
    for (const char* part : {" --port a g software af_packet:veth0", " --workers 1,3", " --memory-mib 2048",
                             " --idle-timeout-ms 2000", " --fold-above 0.5", " --vlan-in-key",
                             " --duplicates count", " --payload-bytes 16", " --tunnels vxlan,gre",
                             " --tunnel-depth 2", " --http-head-bytes 4096", " --flow-capacity 4000000"}) {
        EXPECT_NE(line.find(part), std::string::npos) << part << " in" << line;
    }
}

}  // namespace
}  // namespace picket::config
