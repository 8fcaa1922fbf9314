// Whole files of foreign logs: their format, their lines, their damage.
#include "controlplane/import/log_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

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

TEST_F(LogReaderTest, WhatIsNoLog) {
    EXPECT_NE(read(write("")).error, "");
    EXPECT_NE(read(write("hello\n")).error, "");
    EXPECT_NE(read((directory_ / "absent").string()).error, "");
    EXPECT_NE(read(write(std::string("\x00\x0a\x00\x10", 4))).error.find("IPFIX"), std::string::npos);
    EXPECT_NE(read(write("a,b\n1,2\n"), LogFormat::csv).error.find("packets"), std::string::npos);
    EXPECT_NE(read(write("\x0c\xa5 but not of nfcapd")).error, "") << "no nfdump, or one that refuses it";
    EXPECT_TRUE(flows_.empty());
}

}  // namespace
}  // namespace picket::importer
