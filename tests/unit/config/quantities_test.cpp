#include "controlplane/config/quantities.h"

#include <gtest/gtest.h>

#include "controlplane/config/device.h"
#include "controlplane/config/findings.h"

namespace picket::config {
namespace {

TEST(Quantities, Durations) {
    EXPECT_EQ(parse_duration_ms("500ms"), 500u);
    EXPECT_EQ(parse_duration_ms("15s"), 15'000u);
    EXPECT_EQ(parse_duration_ms("2m"), 120'000u);
    EXPECT_EQ(parse_duration_ms("3h"), 10'800'000u);
    EXPECT_EQ(parse_duration_ms("30d"), 2'592'000'000u);
    for (const char* text : {"", "15", "s", "-1s", "1.5s", "1y", "1s ", "99999999999999999999s", "40000d"}) {
        EXPECT_FALSE(parse_duration_ms(text)) << text;
    }
}

TEST(Quantities, Sizes) {
    EXPECT_EQ(parse_size_bytes("512B"), 512u);
    EXPECT_EQ(parse_size_bytes("64KiB"), 65'536u);
    EXPECT_EQ(parse_size_bytes("200 GiB"), std::uint64_t{200} << 30);
    EXPECT_EQ(parse_size_bytes("2TB"), 2'000'000'000'000u);
    for (const char* text : {"", "200", "GiB", "200G", "-1MiB", "2000000TiB"})
        EXPECT_FALSE(parse_size_bytes(text)) << text;
}

TEST(Quantities, Cores) {
    EXPECT_EQ(parse_cores("2-5,7"), (std::vector<unsigned>{2, 3, 4, 5, 7}));
    EXPECT_EQ(parse_cores("7,2"), (std::vector<unsigned>{2, 7}));
    EXPECT_EQ(format_cores({2, 3, 4, 5, 7}), "2-5,7");
    EXPECT_EQ(format_cores({}), "");
    for (const char* text : {"", ",", "2-", "-2", "5-2", "2,2", "2-4,3", "1024", "a", "2;3"}) {
        EXPECT_FALSE(parse_cores(text)) << text;
    }
}

TEST(Quantities, Networks) {
    const auto ten = parse_network("10.0.0.0/8");
    ASSERT_TRUE(ten);
    EXPECT_FALSE(ten->host_bits);
    EXPECT_TRUE(ten->contains(*parse_network("10.255.0.1")));
    EXPECT_FALSE(ten->contains(*parse_network("11.0.0.1")));
    EXPECT_FALSE(ten->contains(*parse_network("::1")));
    const auto host_bits = parse_network("10.1.2.3/12");
    ASSERT_TRUE(host_bits);
    EXPECT_TRUE(host_bits->host_bits);
    EXPECT_EQ(host_bits->text(), "10.0.0.0/12");
    EXPECT_TRUE(parse_network("2001:db8::/33")->contains(*parse_network("2001:db8:7fff::1")));
    EXPECT_FALSE(parse_network("2001:db8::/33")->contains(*parse_network("2001:db8:8000::1")));
    EXPECT_TRUE(parse_network("0.0.0.0/0")->contains(*parse_network("255.1.1.1")));
    for (const char* text : {"", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "host", "1.2.3.4/8x"}) {
        EXPECT_FALSE(parse_network(text)) << text;
    }
}

TEST(Quantities, HostPorts) {
    EXPECT_EQ(parse_host_port("a.example:9092", 0)->port, 9092);
    EXPECT_EQ(parse_host_port("[2001:db8::1]:4739", 0)->host, "2001:db8::1");
    EXPECT_EQ(parse_host_port("host", 4739)->port, 4739);
    for (const char* text :
         {"", ":80", "host:", "host:0", "host:65536", "host:8x", "[::1", "a b:1", "a/b:1"}) {
        EXPECT_FALSE(parse_host_port(text, 0)) << text;
    }
}

TEST(Device, KindsAreToldApart) {
    const auto kind_of = [](const char* text) {
        Device device;
        std::string why;
        std::string remedy;
        EXPECT_TRUE(parse_device(text, "/d", device, why, remedy)) << text << ": " << why;
        return device.kind;
    };
    EXPECT_EQ(kind_of("0000:3b:00.0"), DeviceKind::pci);
    EXPECT_EQ(kind_of("3b:00.1"), DeviceKind::pci);
    EXPECT_EQ(kind_of("af_xdp:eth1"), DeviceKind::af_xdp);
    EXPECT_EQ(kind_of("af_packet:br-lan.5"), DeviceKind::af_packet);
    EXPECT_EQ(kind_of("memif:/run/memif.sock"), DeviceKind::memif);
    EXPECT_EQ(kind_of("vdev:net_null0,size=64"), DeviceKind::vdev);
    EXPECT_EQ(kind_of("pcap:x.pcap"), DeviceKind::pcap);
}

TEST(Findings, NearestGuessesOnlyWhatIsNear) {
    EXPECT_EQ(nearest("capcity", {"capacity", "duplicates"}), "capacity");
    EXPECT_EQ(nearest("zzz", {"capacity", "duplicates"}), "");
}

}  // namespace
}  // namespace picket::config
