// The process ends at every step that changes the disk, and at random moments, again and again: what was
// committed stays, each row once, nothing lies about, the gap is told, and the next one goes on from there.
//
// Sample* is part of each test run; Whole* takes minutes.
#include <nlohmann/json.hpp>
#include <set>

#include "controlplane/archive/durable.h"
#include "controlplane/archive/fault.h"
#include "tests/unit/archive/archive_fixtures.h"
#include "tests/unit/archive/crash_writer.h"
#include "tests/unit/archive/power_cut.h"

namespace picket::archive {
namespace {

using tests::Death;
using tests::Life;
using tests::RowCounts;

// The view of each table, and its column that is the number of the row.
constexpr std::array<std::array<const char*, 2>, table_count> numbers{{{"parts", "id"},
                                                                       {"requests", "flow_id"},
                                                                       {"responses", "flow_id"},
                                                                       {"hits", "flow_id"},
                                                                       {"alerts", "flow_id"},
                                                                       {"losses", "lost"},
                                                                       {"packets", "flow_id"}}};

struct Kept {
    RowCounts first{};
    RowCounts last{};
};

// Each table holds an interval of numbers, each once.
Kept kept_rows(const Archive& archive) {
    Kept kept;
    for (std::size_t i = 0; i < table_count; ++i) {
        const auto [view, column] = numbers[i];
        const std::string name = column;
        const auto result =
            archive.query("SELECT count(*) AS n, count(DISTINCT " + name + ") AS d, coalesce(min(" + name +
                              "), 0) AS lo, coalesce(max(" + name + "), 0) AS hi FROM " + std::string(view),
                          {});
        EXPECT_EQ(result.error, "") << view;
        if (result.rows.empty()) continue;
        const auto row = nlohmann::json::parse(result.rows[0]);
        kept.first[i] = row.at("lo").get<std::uint64_t>();
        kept.last[i] = row.at("hi").get<std::uint64_t>();
        const auto count = row.at("n").get<std::uint64_t>();
        EXPECT_EQ(count, row.at("d").get<std::uint64_t>()) << view << ": rows came twice";
        EXPECT_EQ(count, kept.last[i] == 0 ? 0 : kept.last[i] - kept.first[i] + 1)
            << view << ": rows are missing";
        EXPECT_EQ(count, archive.status().tables[i].rows) << view << ": the manifest says otherwise";
    }
    return kept;
}

// Answers of the store's kind see the same flows, and know their rules.
void expect_flows(const Archive& archive, const Kept& kept) {
    std::set<std::uint64_t> ids;
    archive.ask({}, {}).flows->for_each_part([&](const store::StoredFlow& flow) {
        EXPECT_TRUE(ids.insert(flow.id).second) << "flow " << flow.id << " came twice";
        const auto generation = archive.generation(flow.rule_generation);
        EXPECT_TRUE(generation && generation->rule(0)) << "its rule is not known";
    });
    EXPECT_EQ(ids.size(), kept.last[0] == 0 ? 0 : kept.last[0] - kept.first[0] + 1);
}

// The directory holds what the manifest names, and nothing else.
void expect_no_strangers(const std::string& directory) {
    std::string text;
    Manifest manifest;
    ASSERT_EQ(read_text(directory + "/" + manifest_name, text), std::nullopt);
    ASSERT_EQ(parse_manifest(text, manifest), "");
    std::set<std::string> named{manifest_name};
    for (const auto& file : manifest.files) {
        named.insert(file.name);
        for (const auto& name : index_files(file)) named.insert(name);
    }
    for (const auto& set : manifest.rule_sets) named.insert(set.file);
    for (const auto& list : manifest.watch_lists) named.insert(list.file);
    std::set<std::string> there;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        there.insert(entry.path().filename().string());
    EXPECT_EQ(there, named);
}

Life life_of(std::uint64_t rows, std::uint64_t rows_a_flush, std::uint64_t bytes_max = 0,
             std::uint64_t sorted_rows_max = 1000) {
    Life life;
    life.rows = rows;
    life.rows_a_flush = rows_a_flush;
    life.bytes_max = bytes_max;
    life.sorted_rows_max = sorted_rows_max;
    return life;
}

class ArchiveCrash : public ::testing::Test {
  protected:
    // What a killed process has left, as whoever asks the closed archive sees it.
    Kept kept_by(const Death& death) {
        Kept kept;
        if (std::filesystem::exists(directory_.archive() + "/" + manifest_name)) {
            const Archive archive(tests::closed_archive(directory_.archive()), rules_, events_);
            kept = kept_rows(archive);
            expect_flows(archive, kept);
        }
        for (std::size_t i = 0; i < table_count; ++i) EXPECT_GE(kept.last[i], death.acknowledged[i]);
        return kept;
    }

    // It is right, and stays so when the next process goes on and ends in order.
    void expect_recovery(const Life& life, const Death& death) {
        Life next = life;
        next.kept = kept_by(death).last;
        {
            Archive archive(crash_settings(directory_.archive(), life), rules_, events_);
            ASSERT_TRUE(archive.status().open) << archive.status().trouble;
            expect_gap(archive, death, next);
            add_rows(archive, next);
            ASSERT_EQ(archive.finish(), std::nullopt);
        }
        expect_no_strangers(directory_.archive());
        const Archive archive(tests::closed_archive(directory_.archive()), rules_, events_);
        const Kept kept = kept_rows(archive);
        expect_flows(archive, kept);
        for (std::size_t i = 0; i < table_count; ++i) {
            EXPECT_EQ(kept.last[i], life.rows);
            if (life.bytes_max == 0) {
                EXPECT_EQ(kept.first[i], 1U);
            }
        }
    }

    // The time since the last flush is blind, if the process was killed before it had written all; else there
    // is no gap.
    static void expect_gap(Archive& archive, const Death& death, const Life& life) {
        const std::uint64_t now_ns = detect::utc_now_ns();
        archive.begin_session(10, now_ns, false);
        for (unsigned i = 0; i < 1000 && archive.status().flushed_ns == 0; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        const auto status = archive.status();
        const bool whole = std::all_of(life.kept.begin(), life.kept.end(),
                                       [&](std::uint64_t rows) { return rows == life.rows; });
        if (!death.killed) {
            EXPECT_FALSE(status.gap);
        }
        if (!death.killed || life.kept[0] == 0 || (whole && !status.gap)) return;
        ASSERT_TRUE(status.gap);
        EXPECT_EQ(status.gap->end_ns, now_ns);
        EXPECT_LT(status.gap->begin_ns, now_ns);
        EXPECT_NEAR(archive.coverage(status.gap->begin_ns, now_ns, now_ns).seconds_blind,
                    static_cast<double>(now_ns - status.gap->begin_ns) / 1e9, 0.001);
    }

    // A new directory each time.
    void at(const std::string& fault, Life life, bool& killed) {
        SCOPED_TRACE(fault);
        life.fault = fault;
        const Death death = tests::live(directory_.archive(), life);
        killed = death.killed;
        if (killed) ++kills_;
        expect_recovery(life, death);
        std::filesystem::remove_all(directory_.archive());
    }

    // At the counts 1, 2, 3, 5, 8, ... of each point, as long as it is reached so often and `count_max`
    // allows.
    void at_points(const Life& life, std::initializer_list<FaultPoint> points, std::uint64_t count_max) {
        for (const FaultPoint point : points) {
            const std::string name(fault_names[static_cast<std::size_t>(point)]);
            std::uint64_t count = 1;
            std::uint64_t next = 2;
            for (bool killed = true; killed && count <= count_max;
                 std::tie(count, next) = std::pair(next, count + next)) {
                at(name + ":" + std::to_string(count), life, killed);
                EXPECT_TRUE(killed || count > 1) << name << " is never reached";
                if (HasFatalFailure()) return;
            }
        }
        RecordProperty("kills", kills_);
    }

    void at_random(const Life& like, unsigned times, unsigned seed) {
        std::mt19937 random(seed);
        for (unsigned i = 0; i < times && !HasFatalFailure(); ++i) {
            Life life = like;
            life.after = std::chrono::microseconds(2'000 + random() % 700'000);
            SCOPED_TRACE("after " + std::to_string(life.after.count()) + " us");
            const Death death = tests::live(directory_.archive(), life);
            if (death.killed) ++kills_;
            expect_recovery(life, death);
            std::filesystem::remove_all(directory_.archive());
        }
        RecordProperty("kills", kills_);
    }

    // One leaves files behind, the next one is killed while it removes them.
    void while_cleaning_up(unsigned count_max) {
        bool killed = true;
        for (unsigned count = 1; killed && count <= count_max && !HasFatalFailure(); ++count) {
            Life life = life_of(120, 40);
            life.fault = "flush.files:2";
            ASSERT_TRUE(tests::live(directory_.archive(), life).killed);
            life.kept = kept_by({}).last;
            life.fault = "open.stranger:" + std::to_string(count);
            SCOPED_TRACE(life.fault);
            const Death death = tests::live(directory_.archive(), life);
            killed = death.killed;
            if (killed) expect_recovery(life, death);
            std::filesystem::remove_all(directory_.archive());
            kills_ += killed ? 2 : 1;
        }
        EXPECT_GT(kills_, 1) << "nothing was cleaned up";
        RecordProperty("kills", kills_);
    }

    // The machine ends: nothing is kept but what was synced.
    void at_power_cuts(const Life& like, unsigned times, unsigned seed) {
        std::mt19937 random(seed);
        for (unsigned i = 0; i < times && !HasFatalFailure(); ++i) {
            tests::PowerCutDisk disk(directory_.path());
            if (!disk.why().empty()) GTEST_SKIP() << "no power is cut: " << disk.why();
            Life life = like;
            life.after = std::chrono::microseconds(2'000 + random() % 700'000);
            life.before_kill = [&] { EXPECT_TRUE(disk.cut()); };
            SCOPED_TRACE("after " + std::to_string(life.after.count()) + " us");
            const Death death = tests::live(directory_.archive(), life);
            if (death.killed) ++kills_;
            ASSERT_TRUE(disk.restore());
            expect_recovery(life, death);
        }
        RecordProperty("kills", kills_);
    }

    // One process after the other is killed in the same directory, many of them while they clean up.
    void again_and_again(const Life& like, unsigned times, unsigned seed) {
        std::mt19937 random(seed);
        Life life = like;
        Death death;
        for (unsigned i = 0; i < times && !HasFatalFailure(); ++i) {
            life.fault = "any:" + std::to_string(1 + random() % (i % 3 == 0 ? 400 : 40));
            SCOPED_TRACE("life " + std::to_string(i) + ", " + life.fault);
            death = tests::live(directory_.archive(), life);
            if (death.killed) ++kills_;
            const auto before = life.kept;
            const Kept kept = kept_by(death);
            for (std::size_t t = 0; t < table_count; ++t) {
                EXPECT_GE(kept.last[t], before[t]);
                EXPECT_EQ(kept.first[t], kept.last[t] == 0 ? 0U : 1U);
            }
            life.kept = kept.last;
            life.rows = *std::max_element(kept.last.begin(), kept.last.end()) + 400;
        }
        life.fault.clear();
        expect_recovery(life, death);
        RecordProperty("kills", kills_);
    }

    tests::TemporaryDirectory directory_;
    tests::FixedRules rules_;
    detect::EventLog events_;
    int kills_ = 0;
};

// Three flushes of all tables; merges of all tables, with the first ones indexed; the same where flows become
// eight files by their sources; removal of what is too much.
const Life flushes = life_of(120, 40);
const Life merges = life_of(170, 10);
const Life ranges = life_of(170, 10, 0, 40);
const Life removals = life_of(170, 10, 150'000);
const Life removals_of_ranges = life_of(170, 10, 150'000, 40);

const auto opening = {FaultPoint::open_made, FaultPoint::open_locked};
const auto flushing = {FaultPoint::file_made,    FaultPoint::file_written,    FaultPoint::file_synced,
                       FaultPoint::file_renamed, FaultPoint::file_published,  FaultPoint::flush_begun,
                       FaultPoint::flush_rows,   FaultPoint::flush_files,     FaultPoint::commit_begun,
                       FaultPoint::commit_done,  FaultPoint::commit_published};
const auto merging = {FaultPoint::merge_begun,   FaultPoint::merge_rows,    FaultPoint::merge_published,
                      FaultPoint::merge_index,   FaultPoint::merge_sources, FaultPoint::merge_files,
                      FaultPoint::removal_begun, FaultPoint::removal_half,  FaultPoint::removal_done};
const auto removing = {FaultPoint::removal_begun, FaultPoint::removal_half, FaultPoint::removal_done};

TEST_F(ArchiveCrash, SampleOfPoints) {
    at_points(flushes, opening, 1);
    at_points(flushes, flushing, 1);
    at_points(merges, merging, 1);
    at_points(ranges, {FaultPoint::merge_rows, FaultPoint::merge_sources, FaultPoint::merge_files}, 3);
    at_points(removals, removing, 1);
}

TEST_F(ArchiveCrash, SampleOfCleaningUp) {
    while_cleaning_up(1);
}

TEST_F(ArchiveCrash, SampleOfMoments) {
    at_random(merges, 6, 4);
}

TEST_F(ArchiveCrash, SampleOfCrashLoop) {
    again_and_again(merges, 8, 5);
}

TEST_F(ArchiveCrash, SampleOfPowerCuts) {
    at_power_cuts(merges, 4, 9);
}

TEST_F(ArchiveCrash, WholeOpeningAndFlushing) {
    at_points(flushes, opening, 1);
    at_points(flushes, flushing, 1000);
}

TEST_F(ArchiveCrash, WholeMerging) {
    at_points(merges, merging, 1000);
    at_points(ranges, merging, 1000);
}

TEST_F(ArchiveCrash, WholeRemoving) {
    at_points(removals, removing, 1000);
    at_points(removals_of_ranges, removing, 1000);
}

TEST_F(ArchiveCrash, WholeEveryStep) {
    bool killed = true;
    for (unsigned step = 1; killed && !HasFatalFailure(); ++step)
        at("any:" + std::to_string(step), flushes, killed);
    EXPECT_GT(kills_, 80) << "that many steps change the disk";
    RecordProperty("kills", kills_);
}

TEST_F(ArchiveCrash, WholeCleaningUp) {
    while_cleaning_up(100);
}

TEST_F(ArchiveCrash, WholeMoments) {
    at_random(merges, 150, 6);
    at_random(removals, 100, 7);
}

TEST_F(ArchiveCrash, WholePowerCuts) {
    at_power_cuts(merges, 100, 10);
}

TEST_F(ArchiveCrash, WholeCrashLoop) {
    again_and_again(merges, 150, 8);
}

TEST_F(ArchiveCrash, WholeCrashLoopOfRanges) {
    again_and_again(ranges, 50, 11);
}

}  // namespace
}  // namespace picket::archive
