// Whole files of foreign logs: their format, their lines, their damage.
#include "controlplane/import/log_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "controlplane/store/time_text.h"

namespace picket::importer {
namespace {

namespace fs = std::filesystem;

constexpr const char* line = "2003/08/22 15:09:54 67.73.21.6.50416 -> 192.0.2.7.27015 17 1 37\n";

class LogReaderTest : public ::testing::Test {
  protected:
    LogReaderTest() {
        std::string pattern = (fs::temp_directory_path() / "picket-import-XXXXXX").string();
        directory_ = mkdtemp(pattern.data());
    }
    ~LogReaderTest() override { fs::remove_all(directory_); }

    std::string write(const std::string& text, const char* name = "log") {
        const fs::path path = directory_ / name;
        std::ofstream(path, std::ios::binary) << text;
        return path.string();
    }
    LogReport read(const std::string& file, std::optional<LogFormat> format = std::nullopt) {
        flows_.clear();
        return read_log(
            file, format, [](std::string_view text) { return store::parse_time(text, 0); },
            [this](const store::StoredFlow& flow) { flows_.push_back(flow); });
    }

    fs::path directory_;
    std::vector<store::StoredFlow> flows_;
};

TEST_F(LogReaderTest, LinesAndTheirTotals) {
    const auto report = read(write(std::string("# log of a router\n") + line + line));
    EXPECT_EQ(report.error, "");
    EXPECT_EQ(report.format, LogFormat::netflow);
    EXPECT_EQ(report.flows, 2u);
    EXPECT_EQ(report.packets, 2u);
    EXPECT_EQ(report.bytes, 74u);
    EXPECT_EQ(report.first_ns, report.last_ns);
    EXPECT_EQ(report.rejected, 0u);
    EXPECT_EQ(flows_.size(), 2u);
}

TEST_F(LogReaderTest, BadLinesAreNamedAndTheOthersLoad) {
    std::string text;
    for (int i = 0; i < 30; ++i) text += "nonsense -> here\n";
    const auto report = read(write(text + line + std::string(100'000, 'x') + "\n" + line + "no end"));
    EXPECT_EQ(report.flows, 2u);
    EXPECT_EQ(report.rejected, 32u);
    EXPECT_EQ(report.problems.size(), LogReport::problems_max);
    EXPECT_EQ(report.problems[0].line, 1u);
    EXPECT_EQ(report.error, "");
}

TEST_F(LogReaderTest, GzipToo) {
    const std::string path = (directory_ / "log.gz").string();
    gzFile out = gzopen(path.c_str(), "wb");
    for (int i = 0; i < 1000; ++i) gzputs(out, line);
    gzclose(out);
    EXPECT_EQ(read(path).flows, 1000u);
    fs::resize_file(path, fs::file_size(path) - 10);
    const auto cut = read(path);
    EXPECT_GT(cut.flows, 0u) << "what could be read";
    EXPECT_NE(cut.error, "");
}

TEST_F(LogReaderTest, Csv) {
    const auto report =
        read(write("ts,te,sa,da,sp,dp,pr,ipkt,ibyt\n"
                   "2003-08-22 15:09:54,2003-08-22 15:09:55,1.2.3.4,5.6.7.8,1,2,UDP,3,300\n"
                   "Summary\nflows,bytes\n1,300\n"));
    EXPECT_EQ(report.error, "");
    EXPECT_EQ(report.format, LogFormat::csv);
    EXPECT_EQ(report.flows, 1u);
    EXPECT_EQ(report.rejected, 0u);
}

// One template and one UDP record: 67.73.21.6:50416 -> 192.0.2.7:27015, 1 packet, 37 bytes.
std::string ipfix_message() {
    constexpr std::array<std::uint8_t, 79> bytes{
        0,  10, 0,   79, 0x3f, 0x46, 0x6a, 0x62, 0,    0,    0,   0, 0,  0,    0,    1,  // header
        0,  2,  0,   40, 1,    0,    0,    8,                                            // template 256
        0,  8,  0,   4,  0,    12,   0,    4,    0,    7,    0,   2, 0,  11,   0,    2,    0,   4,  0,
        1,  0,  2,   0,  1,    0,    1,    0,    1,    0,    150, 0, 4,  1,    0,    0,    23,  67, 73,
        21, 6,  192, 0,  2,    7,    0xc4, 0xf0, 0x69, 0x87, 17,  1, 37, 0x3f, 0x46, 0x6a, 0x62};
    return {bytes.begin(), bytes.end()};
}

TEST_F(LogReaderTest, Ipfix) {
    const auto report = read(write(ipfix_message() + ipfix_message()));
    EXPECT_EQ(report.error, "");
    EXPECT_EQ(report.format, LogFormat::ipfix);
    EXPECT_EQ(report.flows, 2u);
    EXPECT_EQ(report.bytes, 74u);
    EXPECT_EQ(report.rejected, 0u);
    const std::string path = (directory_ / "ipfix.gz").string();
    gzFile out = gzopen(path.c_str(), "wb");
    gzwrite(out, ipfix_message().data(), static_cast<unsigned>(ipfix_message().size()));
    gzclose(out);
    EXPECT_EQ(read(path).flows, 1u);
}

TEST_F(LogReaderTest, DamagedIpfix) {
    const auto cut = read(write(ipfix_message() + ipfix_message().substr(0, 40)));
    EXPECT_EQ(cut.flows, 1u);
    EXPECT_EQ(cut.error,
              "after 1 messages, at byte 79: a message of 79 bytes is 39 short; what came before was read");
    const auto head = read(write(ipfix_message() + ipfix_message().substr(0, 9)));
    EXPECT_EQ(head.flows, 1u);
    EXPECT_NE(head.error.find("half a message's header"), std::string::npos);
    const auto other = read(write(ipfix_message() + "GET / HTTP/1.1\r\nHost: a"));
    EXPECT_EQ(other.flows, 1u);
    EXPECT_NE(other.error.find("no message of IPFIX begins there"), std::string::npos);
    std::string spoiled = ipfix_message();
    spoiled[56] = 2;  // the set is of another template
    const auto unknown = read(write(ipfix_message() + spoiled));
    EXPECT_EQ(unknown.flows, 1u);
    EXPECT_EQ(unknown.rejected, 1u);
    EXPECT_EQ(unknown.problems.at(0).line, 2u) << "the message";
    EXPECT_EQ(unknown.error, "");
}

TEST_F(LogReaderTest, WhatIsNoLog) {
    EXPECT_NE(read(write("")).error, "");
    EXPECT_NE(read(write("hello\n")).error, "");
    EXPECT_NE(read((directory_ / "absent").string()).error, "");
    EXPECT_NE(read(write(line), LogFormat::ipfix).error.find("IPFIX"), std::string::npos);
    EXPECT_NE(read(write("a,b\n1,2\n"), LogFormat::csv).error.find("packets"), std::string::npos);
    EXPECT_NE(read(write("\x0c\xa5 but not of nfcapd")).error, "") << "no nfdump, or one that refuses it";
    EXPECT_TRUE(flows_.empty());
}

}  // namespace
}  // namespace picket::importer
