// Merging, indexes, retention, and disks that fail.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "controlplane/archive/catalog.h"
#include "controlplane/archive/compactor.h"
#include "controlplane/archive/merge_writer.h"
#include "controlplane/store/selection.h"
#include "tests/unit/archive/archive_fixtures.h"

namespace picket::archive {
namespace {

using tests::FlowMaker;

FilePointer file(const std::string& name, unsigned level, std::uint64_t bytes, std::uint64_t last_ns) {
    return std::make_shared<ArchiveFile>("/nowhere",
                                         FileEntry{name, Table::flows, level, 10, bytes, 1, last_ns, "", {}});
}

TEST(Compactor, MergesTheOldestOfOneLevel) {
    std::vector<FilePointer> files;
    for (unsigned i = 0; i + 1 < files_a_merge; ++i)
        files.push_back(file("flows-0-" + std::to_string(50 - i), 0, 1, 1));
    files.push_back(file("flows-1-1", 1, 1, 1));
    EXPECT_TRUE(files_to_merge(files, 1000).empty());
    files.push_back(file("flows-0-10", 0, 1, 1));
    files.push_back(file("flows-0-90", 0, 1, 1));
    const auto chosen = files_to_merge(files, 1000);
    ASSERT_EQ(chosen.size(), files_a_merge);
    EXPECT_EQ(chosen.front()->entry().name, "flows-0-10");
    EXPECT_TRUE(std::none_of(chosen.begin(), chosen.end(),
                             [](const auto& one) { return one->entry().name == "flows-0-90"; }));
}

TEST(Compactor, RemovesByAgeThenBySize) {
    const std::vector<FilePointer> files{file("c", 0, 10, 300), file("a", 0, 10, 100), file("b", 0, 10, 200)};
    using Names = std::vector<std::string>;
    EXPECT_EQ(files_to_remove(files, 0, 0), Names{});
    EXPECT_EQ(files_to_remove(files, 150, 0), Names{"a"});
    EXPECT_EQ(files_to_remove(files, 0, 25), Names{"a"});
    EXPECT_EQ(files_to_remove(files, 150, 15), (Names{"a", "b"}));
    EXPECT_EQ(files_to_remove(files, 0, 30), Names{});
}

FilePointer of_range(const std::string& name, std::uint64_t last_ns) {
    FileEntry entry = file(name, 2, 10, last_ns)->entry();
    entry.sources = AddressRange{};
    return std::make_shared<ArchiveFile>("/nowhere", entry);
}

TEST(Compactor, LeavesRangesOfSourcesAloneAndRemovesThoseOfAMergeTogether) {
    std::vector<FilePointer> files;
    for (unsigned i = 0; i < 2 * files_a_merge; ++i) files.push_back(of_range(std::to_string(i), 1 + i / 2));
    EXPECT_TRUE(files_to_merge(files, 1000).empty());
    const auto names = files_to_remove(files, 0, 10 * 2 * files_a_merge - 1);
    EXPECT_EQ(names, (std::vector<std::string>{"0", "1"}));
}

TEST(Compactor, MakesRangesOfFilesOfOneDay) {
    constexpr std::uint64_t hour_ns = std::uint64_t{3600} * tests::second_ns;
    // Each from `begin` to an hour less than the next.
    const auto chosen = [](const std::vector<std::uint64_t>& begin_hours) {
        std::vector<FilePointer> files;
        for (std::size_t i = 0; i + 1 < begin_hours.size(); ++i) {
            FileEntry entry =
                file(std::to_string(100 + i), 1, 10, begin_hours[i + 1] * hour_ns - hour_ns)->entry();
            entry.first_ns = begin_hours[i] * hour_ns;
            files.push_back(std::make_shared<ArchiveFile>("/nowhere", entry));
        }
        std::vector<std::string> names;
        for (const auto& one : files_to_merge(files, 100)) names.push_back(one->entry().name);
        return names;
    };
    std::vector<std::uint64_t> hours;
    for (unsigned i = 0; i <= files_a_merge; ++i) hours.push_back(5 * i);
    using Names = std::vector<std::string>;
    EXPECT_EQ(chosen(hours), (Names{"100", "101", "102", "103"})) << "the fifth ends at midnight";
    for (unsigned i = 0; i <= files_a_merge; ++i) hours[i] = 30 * i;
    EXPECT_EQ(chosen(hours), Names{}) << "each has a day to itself";
    for (std::size_t i = 9; i < hours.size(); ++i) hours[i] = hours[8] + i;
    EXPECT_EQ(chosen(hours), Names{}) << "more may come";
    for (unsigned i = 0; i < 8; ++i) hours.push_back(hours.back() + 1);
    EXPECT_EQ(chosen(hours).size(), files_a_merge);
    EXPECT_EQ(chosen(hours).front(), "108");
    std::vector<FilePointer> files;
    for (unsigned i = 0; i < files_a_merge; ++i)
        files.push_back(file(std::to_string(100 + i), 1, 10, (1008 + i) * hour_ns));
    EXPECT_EQ(files_to_merge(files, 100).size(), files_a_merge) << "one flow began a thousand hours ago";
}

class ArchiveUpkeep : public tests::ArchiveTest {
  protected:
    std::vector<FileEntry> files_of_manifest() {
        std::string text;
        Manifest manifest;
        EXPECT_EQ(read_text(directory_.archive() + "/" + manifest_name, text), std::nullopt);
        EXPECT_EQ(parse_manifest(text, manifest), "");
        return manifest.files;
    }
    // closed: called between the picketd that writes and the one that is asked.
    void expect_same_answers_of_merged(
        const ArchiveSettings& settings, std::uint64_t flows, const std::function<void()>& closed = [] {});
};

void ArchiveUpkeep::expect_same_answers_of_merged(const ArchiveSettings& settings, std::uint64_t flows,
                                                  const std::function<void()>& closed) {
    // Half an hour before midnight.
    constexpr std::uint64_t begin_ns = (std::uint64_t{24} * 12 * 3600 - 1800) * tests::second_ns;
    FlowMaker maker(5, begin_ns);
    store::FlowStore memory(1'000'000);
    {
        const auto archive = open(settings);
        for (std::uint64_t id = 1; id <= flows; ++id) {
            const auto parts = maker.flow(id);
            memory.append(parts);
            archive->add_flows(parts);
        }
        EXPECT_TRUE(becomes_true([&] {
            const auto files = files_of_manifest();
            return std::any_of(files.begin(), files.end(),
                               [](const auto& one) { return !one.index.empty(); });
        })) << "files are merged and indexed";
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    closed();
    const auto archive = open(tests::closed_archive(directory_.archive()));
    const store::RequestStore requests(1, 1);
    std::size_t rows = 0;
    for (unsigned i = 0; i < 60 / tests::slowness; ++i) {
        store::Query query;
        std::vector<store::Network> networks{{maker.address(), 128}, {maker.address(), 128}};
        auto& filter = i % 3 == 0 ? query.hosts : i % 3 == 1 ? query.source : query.destination;
        filter = std::make_shared<store::NetworkSet>(networks);
        if (i % 2 == 1) query.since_ns = begin_ns + maker.below(3600 * tests::second_ns);
        if (i % 4 == 1) query.until_ns = *query.since_ns + maker.below(1800 * tests::second_ns);
        const auto expected = store::select_flows(memory.snapshot(), {}, query, {requests, rules_}, false);
        const auto found =
            store::select_flows(archive->ask(query, {}).flows, {}, query, {requests, *archive}, false);
        ASSERT_EQ(found.rows.size(), expected.rows.size()) << "query " << i;
        for (std::size_t row = 0; row < found.rows.size(); ++row) {
            auto one = *found.rows[row];
            auto other = *expected.rows[row];
            one.rule_generation = other.rule_generation = 0;
            ASSERT_EQ(tests::fields_of(one), tests::fields_of(other));
        }
        rows += found.rows.size();
    }
    EXPECT_GT(rows, flows / 4 / tests::slowness);
}

ArchiveSettings of_small_flushes(const std::string& directory) {
    auto settings = tests::archive_settings(directory);
    settings.flush_rows = 512;
    settings.may_wait = true;
    return settings;
}

TEST_F(ArchiveUpkeep, MergedFilesGiveTheSameAnswers) {
    expect_same_answers_of_merged(of_small_flushes(directory_.archive()), 16'000);
}

TEST_F(ArchiveUpkeep, FilesOfRangesOfSourcesGiveTheSameAnswers) {
    auto settings = of_small_flushes(directory_.archive());
    settings.sorted_rows_max = 4000;
    expect_same_answers_of_merged(settings, 10'000);
    const auto files = files_of_manifest();
    EXPECT_GT(
        std::count_if(files.begin(), files.end(), [](const auto& one) { return one.sources.has_value(); }),
        4);
    const auto of_second_day = [](const auto& one) {
        return one.sources && one.first_ns == midnight_before(one.last_ns);
    };
    const auto after_midnight = std::count_if(files.begin(), files.end(), of_second_day);
    EXPECT_GT(after_midnight, 0) << "what began before midnight is apart";
    EXPECT_LT(after_midnight, static_cast<std::ptrdiff_t>(files.size()));
    std::set<std::string> owned;
    for (const auto& file : files) owned.insert(file.index);
    for (const auto& file : files) {
        EXPECT_EQ(file.merge_index.empty(), !file.sources.has_value());
        EXPECT_TRUE(owned.contains(file.merge_index)) << "one file of a merge owns its index";
    }
}

// Half of it is none: what is left of it is removed.
TEST_F(ArchiveUpkeep, FilesOfRangesWithoutTheirIndexGiveTheSameAnswers) {
    auto settings = of_small_flushes(directory_.archive());
    settings.sorted_rows_max = 4000;
    std::size_t removed = 0;
    expect_same_answers_of_merged(settings, 10'000, [&] {
        for (const auto& file : files_of_manifest()) {
            if (file.merge_index.empty() || file.index.empty()) continue;
            const std::string sources = sources_name(file.index);
            removed += std::filesystem::remove(directory_.archive() + "/" + sources) ? 1 : 0;
        }
    });
    EXPECT_GT(removed, 0U);
    EXPECT_TRUE(open(settings)->status().open);
    for (const auto& file : files_of_manifest()) {
        EXPECT_TRUE(file.merge_index.empty() ||
                    std::filesystem::exists(directory_.archive() + "/" + file.merge_index));
    }
}

// Its rows are lost, and with them the index of the others of its merge.
TEST_F(ArchiveUpkeep, AfterALossOthersOfAMergeAnswerWithoutAnIndex) {
    auto settings = of_small_flushes(directory_.archive());
    settings.sorted_rows_max = 4000;
    expect_same_answers_of_merged(settings, 10'000);
    const auto before = files_of_manifest();
    const auto owner = std::find_if(before.begin(), before.end(), [](const auto& one) {
        return !one.merge_index.empty() && one.merge_index == one.index;
    });
    ASSERT_NE(owner, before.end());
    std::filesystem::remove(directory_.archive() + "/" + owner->name);
    const auto archive = open(tests::closed_archive(directory_.archive()));
    EXPECT_TRUE(was_said("or what it came with: questions about addresses read all of"));
    std::vector<store::StoredFlow> parts;
    archive->ask({}, {}).flows->for_each_part([&](const auto& part) { parts.push_back(part); });
    EXPECT_EQ(parts.size(), archive->status().flows);
    FlowMaker maker(7);
    for (unsigned i = 0; i < 10; ++i) {
        store::Query query;
        const std::vector<store::Network> networks{{maker.address(), 128}};
        query.destination = std::make_shared<store::NetworkSet>(networks);
        std::size_t found = 0;
        archive->ask(query, {}).flows->for_each_part([&](const auto& part) {
            found += part.part == 1 && part.final && part.destination == networks[0].address ? 1 : 0;
        });
        EXPECT_EQ(found, std::count_if(parts.begin(), parts.end(), [&](const auto& part) {
                      return part.part == 1 && part.final && part.destination == networks[0].address;
                  }));
    }
}

TEST_F(ArchiveUpkeep, WhatIsTooOldIsRemovedAndTold) {
    auto settings = tests::archive_settings(directory_.archive());
    settings.retain_ns = std::uint64_t{3600} * tests::second_ns;
    auto recent = tests::flow(2);
    recent.start_ns = recent.part_first_ns = recent.last_ns = detect::utc_now_ns();
    for (const auto& flow : {tests::flow(1), recent}) {
        const auto archive = open(settings);
        archive->add_flows({&flow, 1});
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    const auto archive = open(settings);
    EXPECT_TRUE(becomes_true([&] { return archive->status().flows == 1; }));
    EXPECT_EQ(archive->status().horizon_ns, tests::flow(1).last_ns);
    EXPECT_EQ(archive->ask({}, {}).flows->horizon_ns(), tests::flow(1).last_ns);
}

// A directory that is gone, or cannot be written, is what a failing disk looks like from here. Root may write
// everywhere, so a file stands where the directory was.
TEST_F(ArchiveUpkeep, GoesOnWhenTheDirectoryIsGoneAndRecovers) {
    auto settings = tests::archive_settings(directory_.archive());
    settings.flush_interval = std::chrono::milliseconds(50);
    settings.open_rows_max = 100;
    const auto archive = open(settings);
    const auto before = tests::flow(1);
    archive->add_flows({&before, 1});
    ASSERT_TRUE(becomes_true([&] { return archive->status().flows == 1; }));
    const std::string elsewhere = directory_.path() + "/moved";
    std::filesystem::rename(directory_.archive(), elsewhere);
    std::ofstream(directory_.archive()) << "no directory";
    for (std::uint64_t id = 2; id <= 151; ++id) {
        const auto flow = tests::flow(id);
        archive->add_flows({&flow, 1});
    }
    EXPECT_TRUE(becomes_true([&] { return !archive->status().trouble.empty(); }));
    EXPECT_EQ(archive->status().open_flows, 100U);
    EXPECT_EQ(archive->status().unarchived, 50U);
    EXPECT_TRUE(was_said("cannot be written"));
    std::filesystem::remove(directory_.archive());
    std::filesystem::rename(elsewhere, directory_.archive());
    EXPECT_TRUE(becomes_true([&] { return archive->status().trouble.empty(); }));
    EXPECT_TRUE(was_said("written again"));
    ASSERT_EQ(archive->finish(), std::nullopt);
    EXPECT_EQ(archive->status().flows, 101U);
    EXPECT_EQ(archive->coverage({}, UINT64_MAX, UINT64_MAX).lost, 50U) << "later answers know of it";
}

}  // namespace
}  // namespace picket::archive
