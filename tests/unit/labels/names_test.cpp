// Names for a time, and what a line may look like.
#include "controlplane/labels/names.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "controlplane/labels/address_database.h"
#include "controlplane/store/time_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::labels {
namespace {

std::uint64_t at(const char* text) {
    return *store::parse_time(text, 0);
}

NameTable table(std::string_view text) {
    std::vector<Mistake> mistakes;
    auto names = parse_names(text, mistakes);
    EXPECT_TRUE(mistakes.empty()) << mistakes.front().why;
    return NameTable(std::move(names));
}

std::string name_of(const NameTable& names, const char* address, const char* time = "2003-08-22") {
    const auto* name = names.find(*store::parse_address(address), at(time));
    return name == nullptr ? "-" : *name;
}

TEST(Names, TheLongestNetworkThatHasANameThen) {
    const auto names = table(
        "# who had what\n"
        "10.0.0.0/8,inside\n"
        "10.1.0.0/16,campus,2003-01-01,2004-01-01\n"
        "10.1.7.44,\"lab, room \"\"7\"\"\",2003-08-01T12:00:00Z\r\n"
        "10.1.7.44,nobody,,2002-01-01\n"
        "2001:db8::/32 , six \n");
    EXPECT_EQ(name_of(names, "10.9.9.9"), "inside");
    EXPECT_EQ(name_of(names, "10.1.9.9"), "campus");
    EXPECT_EQ(name_of(names, "10.1.9.9", "2004-01-01"), "inside") << "until is exclusive";
    EXPECT_EQ(name_of(names, "10.1.9.9", "2003-01-01"), "campus") << "from is inclusive";
    EXPECT_EQ(name_of(names, "10.1.7.44"), "lab, room \"7\"");
    EXPECT_EQ(name_of(names, "10.1.7.44", "2003-08-01"), "campus");
    EXPECT_EQ(name_of(names, "10.1.7.44", "2001-08-01"), "nobody");
    EXPECT_EQ(name_of(names, "2001:db8::7"), "six");
    EXPECT_EQ(name_of(names, "192.0.2.1"), "-");
    EXPECT_TRUE(NameTable().empty());
    EXPECT_EQ(name_of(NameTable(), "10.0.0.1"), "-");
}

TEST(Names, OfSeveralTheLastLine) {
    const auto names = table("10.0.0.1,first\n10.0.0.1,second\n10.0.0.1/32,third,2010-01-01\n");
    EXPECT_EQ(name_of(names, "10.0.0.1"), "second");
    EXPECT_EQ(name_of(names, "10.0.0.1", "2011-01-01"), "third");
}

TEST(Names, MistakesSayTheLineAndWhy) {
    std::vector<Mistake> mistakes;
    const auto names = parse_names(
        "10.0.0.1,good\n10.0.0.300,bad\n10.0.0.1\n10.0.0.1,\n10.0.0.1,a,yesterday\n10.0.0.1,a,10:00\n"
        "10.0.0.1,a,2004-01-01,2003-01-01\n10.0.0.1,\"open\n10.0.0.1,\"a\"b\n10.0.0.1,a,,,more\n10.0.0.2,"
        "good\n",
        mistakes);
    EXPECT_EQ(names.size(), 2u);
    std::vector<std::size_t> lines;
    for (const auto& mistake : mistakes) {
        lines.push_back(mistake.line);
        EXPECT_FALSE(mistake.why.empty());
    }
    EXPECT_EQ(lines, (std::vector<std::size_t>{2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(Names, NothingIsUnbounded) {
    std::string text;
    for (std::size_t i = 0; i < names_max + 2; ++i) text += "10.0.0.1,a\n";
    std::vector<Mistake> mistakes;
    EXPECT_EQ(parse_names(text, mistakes).size(), names_max);
    ASSERT_EQ(mistakes.size(), 1u);
    EXPECT_EQ(mistakes[0].line, names_max + 1);
}

TEST(Names, AnyTextIsSafe) {
    std::mt19937 random(3);
    const std::string_view letters = "10.2/,\"# \n\r\t:-af";
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        for (std::size_t i = random() % 80; i > 0; --i) text += letters[random() % letters.size()];
        std::vector<Mistake> mistakes;
        const NameTable names(parse_names(text, mistakes));
        (void)names.find(*store::parse_address("10.0.0.1"), 1);
    }
}

TEST(AddressDatabase, WhatIsNoneIsSaidSo) {
    std::string path = (std::filesystem::temp_directory_path() / "picket-mmdb-XXXXXX").string();
    close(mkstemp(path.data()));
    EXPECT_THROW(AddressDatabase{path}, SetupError);
    std::ofstream(path) << std::string(5000, 'x') << "\xab\xcd\xefMaxMind.com" << std::string(50, 'y');
    EXPECT_THROW(AddressDatabase{path}, SetupError);
    std::filesystem::remove(path);
    EXPECT_THROW(AddressDatabase{path}, SetupError);
}

}  // namespace
}  // namespace picket::labels
