#include "controlplane/cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace picket::cli {
namespace {

std::vector<std::string> lines_of(const Table& table, std::size_t width) {
    std::ostringstream out;
    table.print(out, width, false);
    std::vector<std::string> lines;
    std::istringstream text(out.str());
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

Table flows() {
    Table table({{"FIRST", Give::cut, 1, 8},
                 {"SOURCE", Give::middle, 6, 15},
                 {"DESTINATION", Give::middle, 7, 15},
                 {"PROTO"},
                 {"PKTS", Give::compact, 4},
                 {"BYTES", Give::compact, 4},
                 {"STATE", Give::drop, 3},
                 {"OUTCOME"}});
    table.add(
        {"19:09:54.218437", "67.73.21.6:50416", "192.0.2.7:27015", "UDP", "1/0", "37/0", "S0", "no-reply"});
    table.add({"19:09:55.000001", "[2001:db8:1234:5678:9abc:def0:1234:5678]:50416",
               "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:443", "TCP", "1,234/5,678", "1,234,567/7,654,321",
               "SF", "answered"});
    return table;
}

TEST(Table, FitsEightyColumnsAndKeepsBothEndsOfAddresses) {
    const auto lines = lines_of(flows(), 80);
    ASSERT_EQ(lines.size(), 3u);
    for (const std::string& line : lines) EXPECT_LE(display_width(line), 80u) << line;
    EXPECT_NE(lines[0].find("OUTCOME"), std::string::npos);
    EXPECT_EQ(lines[0].find("STATE"), std::string::npos) << "what may be dropped is";
    EXPECT_EQ(lines[1].substr(0, 10), "19:09:54  ") << "the fraction of a time goes first";
    EXPECT_NE(lines[2].find("…"), std::string::npos);
    EXPECT_NE(lines[2].find("416"), std::string::npos);
    EXPECT_NE(lines[2].find("1.23M/7.65M"), std::string::npos) << lines[2];
}

TEST(Table, WideIsUnabbreviated) {
    const auto lines = lines_of(flows(), 0);
    EXPECT_NE(lines[0].find("STATE"), std::string::npos);
    EXPECT_NE(lines[2].find("[2001:db8:1234:5678:9abc:def0:1234:5678]:50416"), std::string::npos);
    EXPECT_NE(lines[1].find("19:09:54.218437"), std::string::npos);
}

TEST(Table, ColumnsStandUnderTheirHeads) {
    Table table({{"NAME"}, {"VALUE"}});
    table.add({"a", "1"});
    table.add({"longer", "2"});
    const auto lines = lines_of(table, 80);
    EXPECT_EQ(lines[0], "NAME    VALUE");
    EXPECT_EQ(lines[1], "a       1");
    EXPECT_EQ(lines[2], "longer  2");
}

TEST(Table, NothingEscapesToTheTerminal) {
    Table table({{"URI"}});
    table.add({"/a\x1b[2J\nb"});
    EXPECT_EQ(lines_of(table, 80)[1], "/a?[2J?b");
}

TEST(Table, WidthCountsCharactersNotBytes) {
    EXPECT_EQ(display_width("a → b…"), 6u);
    EXPECT_EQ(fitted("abcdef", 4, Give::end), "abc…");
    EXPECT_EQ(fitted("abcdef", 4, Give::middle), "ab…f");
    EXPECT_EQ(fitted("abcdef", 4, Give::cut), "abcd");
    EXPECT_EQ(fitted("→→→→", 2, Give::cut), "→→");
    EXPECT_EQ(fitted("ab", 4, Give::end), "ab");
    EXPECT_EQ(fitted("1,234/64,787", 10, Give::compact), "1,234/64.8k");
}

}  // namespace
}  // namespace picket::cli
