#include "dataplane/rx/device_spec.h"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/api/setup_error.h"

namespace picket::rx {
namespace {

TEST(DeviceSpec, KnowsEveryForm) {
    EXPECT_EQ(parse_device("0000:3b:00.0"),
              (DeviceSpec{DeviceKind::pci, "0000:3b:00.0", "0000:3b:00.0", ""}));
    EXPECT_EQ(parse_device("3B:00.1"), (DeviceSpec{DeviceKind::pci, "3B:00.1", "0000:3b:00.1", ""}));
    EXPECT_EQ(parse_device("af_xdp:eth1"), (DeviceSpec{DeviceKind::af_xdp, "af_xdp:eth1", "eth1", ""}));
    EXPECT_EQ(parse_device("af_packet:eno1np0.7"),
              (DeviceSpec{DeviceKind::af_packet, "af_packet:eno1np0.7", "eno1np0.7", ""}));
    EXPECT_EQ(parse_device("memif:/run/m.sock"),
              (DeviceSpec{DeviceKind::memif, "memif:/run/m.sock", "/run/m.sock", ""}));
    EXPECT_EQ(parse_device("vdev:net_ring0"),
              (DeviceSpec{DeviceKind::vdev, "vdev:net_ring0", "net_ring0", ""}));
    EXPECT_EQ(parse_device("vdev:net_null0,size=64,copy=1"),
              (DeviceSpec{DeviceKind::vdev, "vdev:net_null0,size=64,copy=1", "net_null0", "size=64,copy=1"}));
    EXPECT_EQ(parse_device("pcap:../a b.pcap"),
              (DeviceSpec{DeviceKind::pcap, "pcap:../a b.pcap", "../a b.pcap", ""}));
}

TEST(DeviceSpec, RefusesTheRestWithASentence) {
    const char* const bad[] = {"",
                               "eth0",
                               "0000:3b:00",
                               "0000:3b:00.8",
                               "0000:3g:00.0",
                               "000:3b:00.00",
                               "af_xdp:",
                               "af_xdp:a-name-that-is-too-long",
                               "af_xdp:eth0,start_queue=1",
                               "af_packet:../x",
                               "af_packet:..",
                               "memif:relative.sock",
                               "memif:",
                               "memif:/a,b",
                               "vdev:",
                               "vdev:,size=64",
                               "vdev:net null",
                               "pcap:",
                               "AF_XDP:eth0",
                               "dpdk:0"};
    for (const char* const text : bad) {
        SCOPED_TRACE(text);
        try {
            static_cast<void>(parse_device(text));
            ADD_FAILURE() << "was accepted";
        } catch (const SetupError& error) {
            EXPECT_EQ(error.exit_status(), 2);
            EXPECT_NE(std::string(error.what()).find("device \"" + std::string(text) + "\""),
                      std::string::npos);
            EXPECT_NE(std::string(error.what()).find("; "), std::string::npos) << "no remedy";
        }
    }
    EXPECT_THROW(static_cast<void>(parse_device("memif:/" + std::string(200, 'x'))), SetupError);
    EXPECT_THROW(static_cast<void>(parse_device(std::string_view("af_xdp:e\0h", 10))), SetupError);
}

TEST(DeviceSpec, NamesItsKinds) {
    EXPECT_EQ(name_of(DeviceKind::pci), "pci");
    EXPECT_EQ(name_of(DeviceKind::pcap), "pcap");
}

}  // namespace
}  // namespace picket::rx
