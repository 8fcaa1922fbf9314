#include "controlplane/rules/rule_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace picket::rules {
namespace {

namespace fs = std::filesystem;

std::string rule(int sid) {
    return "alert tcp any any -> any any (uricontent:\"/x\"; sid:" + std::to_string(sid) + ";)\n";
}

class RuleFiles : public ::testing::Test {
  protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("picket_rule_files_" + std::to_string(getpid()));
        fs::create_directories(folder_ / "sub");
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
        return (folder_ / name).string();
    }

    fs::path folder_;
};

TEST_F(RuleFiles, FollowsPatternsAndIncludesOnce) {
    write("a.rules", rule(1) + "include sub/c.rules\n" + rule(2));
    write("b.rules", rule(3) + "include \"sub/c.rules\"\n");
    write("sub/c.rules", rule(4));
    write("other.txt", rule(5));
    const ParsedRules parsed =
        load_rule_files({(folder_ / "*.rules").string(), (folder_ / "a.rules").string()}, {});
    EXPECT_EQ(list_rejects(parsed.rejects), "");
    EXPECT_EQ(parsed.rules.size(), 4u);
    EXPECT_TRUE(parsed.duplicates.empty());
}

TEST_F(RuleFiles, KeepsLineNumbersAroundIncludes) {
    write("sub/c.rules", rule(4));
    const std::string file = write("a.rules", "# 1\ninclude sub/c.rules\n" + rule(1) + "broken\n");
    const ParsedRules parsed = load_rule_files({file}, {});
    ASSERT_EQ(parsed.rules.size(), 2u);
    EXPECT_EQ(parsed.rules[1].line, 3u);
    EXPECT_EQ(list_rejects(parsed.rejects), file + ":4: rule: the rule has no options in parentheses\n");
}

TEST_F(RuleFiles, ReportsDuplicatesOverFiles) {
    write("a.rules", rule(1));
    write("b.rules", rule(1));
    const ParsedRules parsed = load_rule_files({(folder_ / "*.rules").string()}, {});
    EXPECT_EQ(parsed.rules.size(), 1u);
    ASSERT_EQ(parsed.duplicates.size(), 1u);
    EXPECT_EQ(fs::path(parsed.duplicates[0].dropped_file).filename(), "b.rules");
}

TEST_F(RuleFiles, NamesWhatCannotBeRead) {
    const std::string missing = (folder_ / "missing.rules").string();
    EXPECT_EQ(list_rejects(load_rule_files({missing}, {}).rejects),
              missing + ":0: file: '" + missing + "' cannot be read: No such file or directory\n");
    const std::string folder = folder_.string();
    EXPECT_NE(list_rejects(load_rule_files({folder}, {}).rejects).find("is a directory; name its files"),
              std::string::npos);
    const std::string circle = write("circle.rules", "include circle.rules\n" + rule(1));
    const ParsedRules parsed = load_rule_files({circle}, {});
    EXPECT_EQ(parsed.rules.size(), 1u);
    EXPECT_NE(list_rejects(parsed.rejects).find(circle + ":1: file: "), std::string::npos);
}

}  // namespace
}  // namespace picket::rules
