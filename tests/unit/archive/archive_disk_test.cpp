// Directories that are not what they were: moved away and back, replaced, without a manifest or an index,
// with what a killed picketd left.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "controlplane/archive/catalog.h"
#include "controlplane/archive/compactor.h"
#include "tests/unit/archive/archive_fixtures.h"

namespace picket::archive {
namespace {

namespace fs = std::filesystem;

class ArchiveDisk : public tests::ArchiveTest {
  protected:
    // Flows of these numbers, and waits until they are on disk.
    static void add(Archive& archive, std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t id = first; id <= last; ++id) {
            const auto flow = tests::flow(id);
            archive.add_flows({&flow, 1});
        }
        EXPECT_TRUE(becomes_true([&] { return archive.status().open_flows == 0; }))
            << archive.status().trouble;
    }
    // The flows that a closed archive has.
    std::uint64_t flows_of(const std::string& directory) {
        const auto archive = open(tests::closed_archive(directory));
        std::uint64_t flows = 0;
        archive->ask({}, {}).flows->for_each_part([&](const auto&) { ++flows; });
        EXPECT_EQ(flows, archive->status().flows);
        return flows;
    }
    // With files of flows that are merged and have an index.
    void make_merged(const std::string& directory) {
        auto settings = quick(directory);
        const auto archive = open(settings);
        for (std::uint64_t id = 1; id <= 20; ++id) add(*archive, id, id);
        EXPECT_TRUE(becomes_true([&] { return !files_like(directory, ".index").empty(); }));
        EXPECT_EQ(archive->finish(), std::nullopt);
    }
    // A question about an address, after one file of each index is gone.
    void expect_whole_reading_without(const std::string& ending) {
        make_merged(directory_.archive());
        const auto gone = files_like(directory_.archive(), ending);
        ASSERT_FALSE(gone.empty());
        for (const auto& file : gone) fs::remove(file);
        const auto archive = open(quick(directory_.archive()));
        EXPECT_TRUE(was_said(gone.front().filename().string() +
                             " is missing: questions about addresses read all of flows-1"));
        EXPECT_TRUE(files_like(directory_.archive(), ".index").empty()) << "half an index is no use";
        EXPECT_TRUE(files_like(directory_.archive(), ".sources").empty());
        store::Query query;
        const std::vector<store::Network> networks{{*store::parse_address("10.0.0.1"), 128}};
        query.hosts = std::make_shared<store::NetworkSet>(networks);
        std::uint64_t flows = 0;
        archive->ask(query, {}).flows->for_each_part([&](const auto&) { ++flows; });
        EXPECT_EQ(flows, 20U);
    }
    static ArchiveSettings quick(const std::string& directory) {
        auto settings = tests::archive_settings(directory);
        settings.flush_interval = std::chrono::milliseconds(20);
        settings.upkeep_interval = std::chrono::milliseconds(5);
        return settings;
    }
    static std::vector<fs::path> files_like(const std::string& directory, const std::string& end) {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(directory))
            if (entry.path().string().ends_with(end)) found.push_back(entry.path());
        return found;
    }
};

// An operator moves the archive away, and back again: what was written meanwhile lies in the directory that
// stood in, and neither loses a file.
TEST_F(ArchiveDisk, MovedAwayAndBackKeepsBoth) {
    const std::string first = directory_.path() + "/first";
    const std::string second = directory_.path() + "/second";
    const std::uint64_t begin_ns = detect::utc_now_ns();
    auto archive = open(quick(directory_.archive()));
    archive->begin_session(7, begin_ns, false);
    add(*archive, 1, 5);
    fs::rename(directory_.archive(), first);
    add(*archive, 6, 8);
    EXPECT_TRUE(fs::exists(directory_.archive() + "/" + manifest_name)) << "a new one was made";
    EXPECT_EQ(archive->coverage(begin_ns, detect::utc_now_ns(), UINT64_MAX).seconds_blind > 0, true)
        << "of the time before, this directory has nothing";
    fs::rename(directory_.archive(), second);
    fs::rename(first, directory_.archive());
    add(*archive, 9, 12);
    EXPECT_TRUE(archive->status().gap) << "while the other one was written";
    ASSERT_EQ(archive->finish(), std::nullopt);
    EXPECT_TRUE(was_said("is not the directory any more"));
    archive.reset();
    EXPECT_EQ(flows_of(directory_.archive()), 9U);
    EXPECT_EQ(flows_of(second), 3U);
}

std::map<std::string, store::Networks> lists_of(const std::string& name) {
    const std::vector<store::Network> networks{{*store::parse_address("10.0.0.1"), 128}};
    return {{name, std::make_shared<store::NetworkSet>(networks)}};
}

// What rows name lies beside them, wherever they are written.
TEST_F(ArchiveDisk, AnotherDirectoryGetsRulesAndListsToo) {
    auto settings = quick(directory_.archive());
    settings.watch_lists = [] { return lists_of("sobig"); };
    auto archive = open(settings);
    const auto add_hit = [&](std::uint64_t id) {
        auto flow = tests::flow(id);
        flow.rule_generation = 1;
        flow.rule_count = 1;
        archive->add_flows({&flow, 1});
        EXPECT_TRUE(becomes_true([&] { return archive->status().open_flows == 0; }));
    };
    for (std::uint64_t id = 1; id <= 5; ++id) add_hit(id);
    fs::rename(directory_.archive(), directory_.path() + "/first");
    for (std::uint64_t id = 6; id <= 8; ++id) add_hit(id);
    ASSERT_EQ(archive->finish(), std::nullopt);
    EXPECT_EQ(archive->coverage({}, UINT64_MAX, UINT64_MAX).lost, 5U);
    archive.reset();
    const auto closed = open(tests::closed_archive(directory_.archive()));
    EXPECT_TRUE(closed->watch_lists().contains("sobig"));
    std::size_t flows = 0;
    closed->ask({}, {}).flows->for_each_part([&](const store::StoredFlow& flow) {
        ++flows;
        EXPECT_TRUE(closed->generation(flow.rule_generation));
    });
    EXPECT_EQ(flows, 3U);
}

TEST_F(ArchiveDisk, ListsLoadedByHandStayUntilTheyWerePresentAndAreNoMore) {
    const auto life = [&](std::function<std::map<std::string, store::Networks>()> lists, std::uint64_t id) {
        auto settings = quick(directory_.archive());
        settings.watch_lists = std::move(lists);
        settings.configured_lists = {"given"};
        const auto archive = open(settings);
        auto by_hand = archive->watch_lists_by_hand();
        add(*archive, id, id);
        EXPECT_EQ(archive->finish(), std::nullopt);
        return by_hand.contains("sobig");
    };
    EXPECT_FALSE(life([] { return lists_of("sobig"); }, 1));
    EXPECT_TRUE(life([] { return lists_of("given"); }, 2)) << "it could not be loaded in that life";
    EXPECT_TRUE(life([at = 0]() mutable { return at++ == 0 ? lists_of("sobig") : lists_of("given"); }, 3));
    EXPECT_FALSE(life([] { return lists_of("given"); }, 4)) << "it was removed";
}

// Files that a slow question still reads are removed from their own directory, never from its successor.
TEST_F(ArchiveDisk, FilesAreRemovedWhereTheyWere) {
    const std::string here = directory_.archive();
    fs::create_directories(here);
    std::ofstream(here + "/one") << "ours";
    DurableDirectory durable(here);
    ASSERT_EQ(durable.open(), std::nullopt);
    auto file = std::make_shared<ArchiveFile>(here, FileEntry{"one", Table::flows, 0, 1, 1, 1, 1, "", {}},
                                              durable.handle());
    fs::rename(here, directory_.path() + "/moved");
    EXPECT_TRUE(durable.is_gone());
    fs::create_directories(here);
    std::ofstream(here + "/one") << "another's";
    file->remove_at_last();
    file.reset();
    EXPECT_TRUE(fs::exists(here + "/one"));
    EXPECT_FALSE(fs::exists(directory_.path() + "/moved/one"));
    EXPECT_EQ(durable.write("text", "x"), std::nullopt);
    EXPECT_TRUE(fs::exists(directory_.path() + "/moved/text"));
    EXPECT_FALSE(fs::exists(here + "/text"));
}

TEST_F(ArchiveDisk, WithoutManifestNothingIsRemoved) {
    make_merged(directory_.archive());
    const std::string manifest = directory_.archive() + "/" + manifest_name;
    fs::rename(manifest, directory_.path() + "/saved");
    const auto before = files_like(directory_.archive(), ".parquet");
    {
        const auto archive = open(quick(directory_.archive()));
        EXPECT_NE(archive->trouble().find("manifest.json is missing, but flows-"), std::string::npos);
        EXPECT_FALSE(archive->status().open);
        const auto flow = tests::flow(21);
        archive->add_flows({&flow, 1});
        EXPECT_EQ(files_like(directory_.archive(), ".parquet"), before);
        fs::rename(directory_.path() + "/saved", manifest);
        EXPECT_TRUE(becomes_true([&] { return archive->status().flows == 21; })) << "it goes on by itself";
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    EXPECT_EQ(flows_of(directory_.archive()), 21U);
}

TEST_F(ArchiveDisk, WithoutIndexAllIsRead) {
    expect_whole_reading_without(".index");
}

TEST_F(ArchiveDisk, WithoutSourcesOfAnIndexAllIsRead) {
    expect_whole_reading_without(".sources");
}

// Each may have read and written for minutes before it failed.
TEST_F(ArchiveDisk, MergesThatFailComeLessAndLessOften) {
    const auto archive = open(quick(directory_.archive()));
    for (std::uint64_t id = 1; id < files_a_merge; ++id) {
        add(*archive, id, id);
        ASSERT_TRUE(becomes_true([&] { return files_like(directory_.archive(), ".parquet").size() == id; }));
    }
    fs::remove(files_like(directory_.archive(), ".parquet").front());
    add(*archive, files_a_merge, files_a_merge);
    ASSERT_TRUE(becomes_true([&] { return was_said("small files of the archive cannot be merged"); }));
    std::this_thread::sleep_for(std::chrono::seconds(1));
    ASSERT_EQ(archive->finish(), std::nullopt);
    std::string text;
    Manifest manifest;
    ASSERT_EQ(read_text(directory_.archive() + "/" + manifest_name, text), std::nullopt);
    ASSERT_EQ(parse_manifest(text, manifest), "");
    const auto tries = manifest.next_file - 1 - files_a_merge;  // each took the name of a file
    EXPECT_GT(tries, 1U) << "but it is tried again";
    EXPECT_LT(tries, 12U) << "of 200 intervals";
}

// As after a repair of its file system. The others answer, and it is kept for whoever may mend it.
TEST_F(ArchiveDisk, ACutFileIsSetAside) {
    {
        const auto archive = open(quick(directory_.archive()));
        add(*archive, 1, 3);
        add(*archive, 4, 8);
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    auto files = files_like(directory_.archive(), ".parquet");
    std::sort(files.begin(), files.end());
    fs::resize_file(files.back(), 100);
    const auto lost = 8 - flows_of(directory_.archive());
    EXPECT_GT(lost, 0U);
    EXPECT_TRUE(fs::exists(files.back())) << "who only reads changes nothing";
    {
        const auto archive = open(quick(directory_.archive()));
        EXPECT_TRUE(was_said("is damaged"));
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    EXPECT_TRUE(fs::exists(files.back().string() + ".damaged"));
    EXPECT_EQ(flows_of(directory_.archive()), 8 - lost);
    open(quick(directory_.archive())).reset();
    EXPECT_TRUE(fs::exists(files.back().string() + ".damaged")) << "it is no stranger";
    const auto closed = open(tests::closed_archive(directory_.archive()));
    EXPECT_EQ(closed->coverage({}, UINT64_MAX, UINT64_MAX).lost, lost);
}

TEST_F(ArchiveDisk, WhatAKilledMergeHasSpilledIsRemoved) {
    const std::string spill = directory_.archive() + "/" + spill_name;
    fs::create_directories(spill);
    std::ofstream(spill + "/duckdb_temp_storage_DEFAULT-0.tmp") << "rows";
    std::ofstream(directory_.archive() + "/notes.txt") << "an operator's";
    const auto archive = open(quick(directory_.archive()));
    EXPECT_FALSE(fs::exists(spill));
    EXPECT_TRUE(fs::exists(directory_.archive() + "/notes.txt")) << "what is not ours stays";
}

// A session that had no flush yet is known of, so that its end by a signal is a gap.
TEST_F(ArchiveDisk, ASessionIsEnteredWhenItBegins) {
    auto settings = tests::archive_settings(directory_.archive());
    const std::uint64_t begin_ns = detect::utc_now_ns();
    const auto archive = open(settings);
    archive->begin_session(7, begin_ns, false);
    EXPECT_TRUE(becomes_true([&] { return archive->status().flushed_ns != 0; }))
        << "long before a flush is due";
    std::string text;
    Manifest manifest;
    ASSERT_EQ(read_text(directory_.archive() + "/" + manifest_name, text), std::nullopt);
    ASSERT_EQ(parse_manifest(text, manifest), "");
    ASSERT_EQ(manifest.sessions.size(), 1U);
    EXPECT_EQ(manifest.sessions[0].begin_ns, begin_ns);
    EXPECT_FALSE(manifest.sessions[0].closed);
}

}  // namespace
}  // namespace picket::archive
