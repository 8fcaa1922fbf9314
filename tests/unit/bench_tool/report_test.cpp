#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "bench/tool/report_json.h"
#include "bench/tool/report_table.h"
#include "bench/tool/request_texts.h"
#include "bench/tool/row_figures.h"
#include "controlplane/cli/table.h"
#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

Report sample(unsigned rows) {
    Report report;
    report.machine = {"Imagined CPU", "x86-64-v4", "transparent madvise, none reserved", "Linux 6.1", 2, 2.5};
    for (unsigned i = 0; i < rows; ++i) {
        Row row;
        row.settings.flows = 1000;
        row.settings.mix = Mix::web;
        row.settings.requests = 0.1;
        row.settings.workers = 2;
        row.rules = 1500;
        row.packets = 123'456'789;
        row.mpps = 23.456;
        row.gbit_per_s = 123.4;
        row.frame_bytes = 640.2;
        row.ns_per_packet = 85.27;
        row.cycles_per_packet = 213;
        row.memory_limit_ns = 8.21;
        row.stages_ns = {10.1, 11.2, 0.7, 22.3, 13.4, 14.5, 5.6, 6.7};
        row.ns_per_uri = 145;
        row.workers = {{0, 11.7, 85.1, 8.2}, {1, 11.7, 85.4, 8.2}};
        row.slowdown = {1.1, 1.2};
        row.outcomes["table_full"] = 3;
        report.rows.push_back(row);
    }
    return report;
}

TEST(BenchReport, json_has_the_fields_of_the_contract) {
    const auto json = json_of(sample(1));
    for (const char* field : {"cpu", "isa", "hugepages", "kernel"})
        EXPECT_TRUE(json["machine"].contains(field));
    const auto& row = json["rows"][0];
    for (const char* field : {"mix",
                              "flows",
                              "new_flows_per_s",
                              "rules",
                              "ipv6",
                              "workers",
                              "via",
                              "packets",
                              "lost",
                              "mpps",
                              "gbit_per_s",
                              "ns_per_packet",
                              "cycles_per_packet",
                              "stages_ns",
                              "uris_per_s",
                              "ns_per_uri",
                              "memory_limit_ns",
                              "source_ns",
                              "per_worker",
                              "slowdown"}) {
        EXPECT_TRUE(row.contains(field)) << field;
    }
    for (const char* stage : {"rx", "parse", "steer", "flow", "http", "match", "emit", "timers"})
        EXPECT_TRUE(row["stages_ns"].contains(stage)) << stage;
    EXPECT_EQ(row["line_rates"]["100"], true);
}

TEST(BenchReport, csv_has_a_head_and_a_line_a_row) {
    const std::string text = csv_of(sample(3));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
    std::istringstream lines(text);
    std::string head;
    std::string line;
    std::getline(lines, head);
    std::getline(lines, line);
    EXPECT_EQ(std::count(head.begin(), head.end(), ','), std::count(line.begin(), line.end(), ','));
    EXPECT_TRUE(head.starts_with("mix,flows,"));
}

TEST(BenchReport, table_fits_a_terminal) {
    std::ostringstream out;
    print_report(out, sample(5), {});
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(cli::display_width(line), 80u) << line;
    EXPECT_NE(out.str().find("MATCH"), std::string::npos);
    EXPECT_NE(out.str().find("640-byte frames: 1, 10, 25, 40, 100 Gbit/s yes"), std::string::npos);
    EXPECT_NE(out.str().find("table_full 3"), std::string::npos);
}

TEST(BenchReport, medians) {
    EXPECT_EQ(median({}), 0);
    EXPECT_EQ(median({3, 1, 2}), 2);
    EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(RequestTexts, built_in_ones_are_whole_requests) {
    const RequestTexts texts = request_texts(built_in_uris(100));
    ASSERT_EQ(texts.heads.size(), 100u);
    for (const std::string& head : texts.heads) {
        EXPECT_TRUE(head.starts_with("GET /")) << head;
        EXPECT_TRUE(head.ends_with("\r\n\r\n"));
        EXPECT_LE(head.size(), 1440u);
    }
}

TEST(RequestTexts, a_missing_file_is_a_usage_error) {
    try {
        static_cast<void>(read_uris("/nowhere/uris.txt"));
        FAIL();
    } catch (const SetupError& error) {
        EXPECT_EQ(error.exit_status(), 2);
        EXPECT_NE(std::string(error.what()).find("--uris /nowhere/uris.txt: cannot be read"),
                  std::string::npos);
    }
}

}  // namespace
}  // namespace picket::bench
