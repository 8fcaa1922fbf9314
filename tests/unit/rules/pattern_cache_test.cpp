// The cache of compiled patterns: what is kept is found again, and nothing but that.
#include "controlplane/rules/pattern_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "controlplane/rules/engine_trials.h"
#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_parser.h"

namespace picket::rules {
namespace {

namespace fs = std::filesystem;

ContentKey key_of(std::string_view text) {
    ContentHasher hasher;
    hasher.add(text);
    return hasher.finish();
}

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

class PatternCacheTest : public ::testing::Test {
  protected:
    PatternCacheTest() {
        std::string pattern = (fs::temp_directory_path() / "picket-cache-XXXXXX").string();
        root_ = mkdtemp(pattern.data());
        directory_ = root_ / "a" / "cache";
    }
    ~PatternCacheTest() override { fs::remove_all(root_); }

    [[nodiscard]] fs::path entry(std::string_view text) const {
        return directory_ / (hex_of(key_of(text)) + ".patterns");
    }
    void keep(std::string_view text, std::string_view value) {
        PatternCache cache(directory_);
        cache.keep(key_of(text), bytes_of(value));
        EXPECT_TRUE(cache.take_notes().empty());
    }
    // Not found, and one sentence that holds `why`.
    void expect_refused(std::string_view text, const std::string& why) {
        PatternCache cache(directory_);
        EXPECT_FALSE(cache.find(key_of(text)));
        const auto notes = cache.take_notes();
        ASSERT_EQ(notes.size(), 1u);
        EXPECT_NE(notes[0].find(why), std::string::npos) << notes[0];
        EXPECT_NE(notes[0].find(directory_.string()), std::string::npos) << notes[0];
    }

    fs::path root_;
    fs::path directory_;
};

TEST_F(PatternCacheTest, FindsWhatWasKept) {
    keep("one", "first");
    keep("two", "");
    PatternCache cache(directory_);
    EXPECT_EQ(cache.find(key_of("one")), bytes_of("first"));
    EXPECT_EQ(cache.find(key_of("two")), bytes_of(""));
    EXPECT_FALSE(cache.find(key_of("three")));
    EXPECT_TRUE(cache.take_notes().empty()) << "what is not there is nothing to speak of";
    struct stat found {};
    ASSERT_EQ(stat(directory_.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0700u);
    cache.keep(key_of("one"), bytes_of("anew"));
    EXPECT_EQ(cache.find(key_of("one")), bytes_of("anew"));
}

TEST_F(PatternCacheTest, WithoutADirectoryNothingHappens) {
    PatternCache cache("");
    cache.keep(key_of("one"), bytes_of("first"));
    EXPECT_FALSE(cache.find(key_of("one")));
    EXPECT_TRUE(cache.take_notes().empty());
}

TEST_F(PatternCacheTest, EveryDamagedByteIsFound) {
    keep("one", "0123456789");
    std::ifstream in(entry("one"), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(in), {}};
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        std::ofstream(entry("one"), std::ios::binary) << damaged;
        expect_refused("one", "damaged");
    }
    for (const std::size_t length : {std::size_t{0}, std::size_t{79}, std::size_t{80}, whole.size() - 1}) {
        std::ofstream(entry("one"), std::ios::binary) << whole.substr(0, length);
        expect_refused("one", "damaged");
    }
    std::ofstream(entry("one"), std::ios::binary) << whole << "more";
    expect_refused("one", "damaged");
    keep("one", "good again");
    EXPECT_EQ(PatternCache(directory_).find(key_of("one")), bytes_of("good again"));
}

TEST_F(PatternCacheTest, ForeignFilesAreNotUsed) {
    keep("one", "first");
    keep("two", "second");
    fs::remove(entry("one"));
    fs::create_symlink(entry("two"), entry("one"));
    expect_refused("one", "not a file of this user");
    fs::remove(entry("one"));
    fs::copy_file(entry("two"), entry("one"));
    expect_refused("one", "damaged");
    fs::remove(entry("one"));
    ASSERT_EQ(mkfifo(entry("one").c_str(), 0600), 0);
    expect_refused("one", "not a file of this user");
    ASSERT_EQ(chmod(entry("two").c_str(), 0666), 0);
    expect_refused("two", "not a file of this user");
}

TEST_F(PatternCacheTest, ADirectoryThatOthersMayWriteToIsNotUsed) {
    keep("one", "first");
    ASSERT_EQ(chmod(directory_.c_str(), 0777), 0);
    expect_refused("one", "others than this user");
}

TEST_F(PatternCacheTest, ADirectoryThatCannotBeMadeIsSaidOnce) {
    std::ofstream(root_ / "a") << "a file";
    PatternCache cache(directory_);
    for (int i = 0; i < 3; ++i) {
        cache.keep(key_of("one"), bytes_of("first"));
        EXPECT_FALSE(cache.find(key_of("one")));
    }
    EXPECT_EQ(cache.take_notes().size(), 1u);
}

TEST_F(PatternCacheTest, TheLongestUnusedGo) {
    PatternCache cache(directory_, 3000);
    const std::string text(800, 'x');
    const auto now = fs::file_time_type::clock::now();
    int age = 10;
    for (const char* name : {"a", "b", "c"}) {
        cache.keep(key_of(name), bytes_of(text));
        fs::last_write_time(entry(name), now - std::chrono::hours(age--));
    }
    EXPECT_TRUE(cache.find(key_of("a"))) << "which makes it the newest";
    cache.keep(key_of("d"), bytes_of(text));
    EXPECT_FALSE(fs::exists(entry("b")));
    for (const char* name : {"a", "c", "d"}) EXPECT_TRUE(fs::exists(entry(name))) << name;
    cache.keep(key_of("huge"), bytes_of(std::string(4000, 'y')));
    EXPECT_FALSE(fs::exists(entry("huge"))) << "it would push out all others";
    EXPECT_TRUE(fs::exists(entry("a")));
}

TEST_F(PatternCacheTest, WhatADeadWriterLeftIsRemoved) {
    keep("one", "first");
    const fs::path old = directory_ / "abcdef.unfinished";
    const fs::path young = directory_ / "ghijkl.unfinished";
    const fs::path other = directory_ / "notes.txt";
    for (const auto& path : {old, young, other}) std::ofstream(path) << "x";
    for (const auto& path : {old, other})
        fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(2));
    keep("two", "second");
    EXPECT_FALSE(fs::exists(old));
    EXPECT_TRUE(fs::exists(young)) << "somebody may be writing it";
    EXPECT_TRUE(fs::exists(other)) << "not ours to remove";
}

// Rules for all three filters, one of whose elements is a pattern.
std::vector<Rule> some_rules() {
    return parse_rules(
               R"(alert http any any -> any any (http.uri; content:"/evil.cgi"; sid:1;)
alert http any any -> any any (http.uri; pcre:"/x[0-9]{3}\.php$/"; sid:2;)
alert http any any -> any any (http.user_agent; content:"badbot"; sid:3;)
alert udp any any -> any 53 (content:"|01 02 03 04 05|"; sid:4;)
)",
               "f", {})
        .rules;
}

TEST_F(PatternCacheTest, CompilingFromItGivesTheSameBlob) {
    const auto rules = some_rules();
    ASSERT_EQ(rules.size(), 4u);
    const auto plain = compile_rules(rules, {});
    EXPECT_FALSE(plain.from_cache);
    PatternCache cache(directory_);
    const auto first = compile_rules(rules, {}, {}, &cache);
    EXPECT_FALSE(first.from_cache);
    EXPECT_EQ(first.blob, plain.blob);
    PatternCache again(directory_);
    const auto second = compile_rules(rules, {}, {}, &again);
    EXPECT_TRUE(second.from_cache);
    EXPECT_EQ(second.blob, plain.blob);
    auto other = rules;
    other.erase(other.begin());
    EXPECT_FALSE(compile_rules(other, {}, {}, &again).from_cache) << "another set of patterns";
    EXPECT_TRUE(again.take_notes().empty());
    for (const auto& found : fs::directory_iterator(directory_)) fs::resize_file(found.path(), 100);
    const auto repaired = compile_rules(rules, {}, {}, &again);
    EXPECT_FALSE(repaired.from_cache);
    EXPECT_EQ(repaired.blob, plain.blob);
    EXPECT_FALSE(again.take_notes().empty());
    EXPECT_TRUE(compile_rules(rules, {}, {}, &again).from_cache);
}

TEST_F(PatternCacheTest, VerdictsOnPatternsAreKept) {
    TrialLimits no_time;
    no_time.ms_max_all = 0;
    {
        PatternCache cache(directory_);
        EngineTrials trials(&cache);
        EXPECT_TRUE(trials.accepts("abc[0-9]+", 0));
        EXPECT_FALSE(trials.accepts("a*", 0));
        trials.keep();
        EngineTrials in_a_hurry(&cache, no_time);
        EXPECT_FALSE(in_a_hurry.accepts("other[0-9]+", 0));
        in_a_hurry.keep();
    }
    PatternCache cache(directory_);
    EngineTrials known(&cache, no_time);
    EXPECT_TRUE(known.accepts("abc[0-9]+", 0)) << "without compiling it again";
    EXPECT_FALSE(known.accepts("a*", 0));
    EXPECT_TRUE(known.take_refusals().empty());
    EngineTrials patient(&cache);
    EXPECT_TRUE(patient.accepts("other[0-9]+", 0)) << "that there was no time is not kept";
}

}  // namespace
}  // namespace picket::rules
