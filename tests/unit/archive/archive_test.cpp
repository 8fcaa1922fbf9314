// What goes into an archive comes out of it, before and after it was closed.
#include "controlplane/archive/archive.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "controlplane/archive/manifest.h"
#include "controlplane/store/selection.h"
#include "dataplane/api/setup_error.h"
#include "tests/unit/archive/archive_fixtures.h"

namespace picket::archive {
namespace {

using tests::archive_settings;
using tests::closed_archive;
using tests::fields_of;
using tests::FlowMaker;
using tests::second_ns;

class ArchiveTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::unique_ptr<Archive> open(const ArchiveSettings& settings) {
        return std::make_unique<Archive>(settings, rules_, events_);
    }
    [[nodiscard]] std::unique_ptr<Archive> writer() { return open(archive_settings(directory_.archive())); }
    [[nodiscard]] std::unique_ptr<Archive> reader() { return open(closed_archive(directory_.archive())); }

    // All parts, by flow and number.
    static std::map<std::pair<std::uint64_t, unsigned>, store::StoredFlow> parts(
        const Archive& archive, const store::Query& query = {}) {
        std::map<std::pair<std::uint64_t, unsigned>, store::StoredFlow> parts;
        archive.ask(query, {}).flows->for_each_part([&](const store::StoredFlow& flow) {
            EXPECT_TRUE(parts.emplace(std::pair{flow.id, flow.part}, flow).second) << "a part came twice";
        });
        return parts;
    }

    tests::TemporaryDirectory directory_;
    tests::FixedRules rules_;
    detect::EventLog events_;
};

TEST_F(ArchiveTest, EveryFieldComesBack) {
    FlowMaker maker(1);
    std::vector<store::StoredFlow> flows;
    for (std::uint64_t id = 1; id <= 3000; ++id) flows.push_back(maker.any_part(id));
    {
        const auto archive = writer();
        archive->add_flows(flows);
        EXPECT_EQ(parts(*archive).size(), flows.size()) << "before they are on disk";
        EXPECT_EQ(archive->finish(), std::nullopt);
        EXPECT_EQ(archive->status().flows, flows.size());
        EXPECT_EQ(archive->status().open_flows, 0U);
    }
    const auto archive = reader();
    const auto found = parts(*archive);
    ASSERT_EQ(found.size(), flows.size());
    for (const auto& flow : flows) {
        EXPECT_EQ(fields_of(found.at({flow.id, flow.part})), fields_of(flow));
    }
}

TEST_F(ArchiveTest, RulesKeepTheirMeaningWhenTheirGenerationIsGone) {
    auto hit = tests::flow(1);
    hit.rule_count = 1;
    hit.rule_generation = 1;
    {
        const auto archive = writer();
        archive->add_flows({&hit, 1});
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    const auto archive = reader();
    const auto found = parts(*archive).begin()->second;
    EXPECT_TRUE(Archive::is_archived(found.rule_generation));
    const auto generation = archive->generation(found.rule_generation);
    ASSERT_TRUE(generation);
    EXPECT_EQ(generation->number, 1U);
    ASSERT_TRUE(generation->rule(0));
    EXPECT_EQ(generation->rule(0)->sid, 4711U);
    EXPECT_EQ(generation->rule(0)->message, "probe");
}

TEST_F(ArchiveTest, GoesOnAfterARestart) {
    for (std::uint64_t id = 1; id <= 3; ++id) {
        const auto flow = tests::flow(id);
        const auto archive = writer();
        EXPECT_EQ(archive->has_history(), id > 1);
        archive->begin_session(7, id * second_ns, false);
        archive->add_flows({&flow, 1});
        EXPECT_EQ(parts(*archive).size(), id);
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    EXPECT_EQ(parts(*reader()).size(), 3U);
    EXPECT_FALSE(reader()->status().gap);
}

TEST_F(ArchiveTest, FlushesByNumberOfRows) {
    auto settings = archive_settings(directory_.archive());
    settings.flush_rows = 1024;
    settings.open_rows_max = 4096;
    settings.may_wait = true;
    const auto archive = open(settings);
    FlowMaker maker(2);
    for (std::uint64_t id = 1; id <= 20'000; ++id) {
        const auto flow = maker.any_part(id);
        archive->add_flows({&flow, 1});
    }
    ASSERT_EQ(archive->finish(), std::nullopt);
    EXPECT_EQ(archive->status().flows, 20'000U);
    EXPECT_EQ(archive->status().unarchived, 0U);
    EXPECT_GT(archive->status().files, 10U);
    EXPECT_EQ(parts(*archive).size(), 20'000U);
}

TEST_F(ArchiveTest, OnlyOneWritesAndNobodyReadsBesideHim) {
    const auto first = writer();
    EXPECT_THROW(reader(), SetupError);
    const auto second = writer();  // waits for the directory
    EXPECT_FALSE(second->status().open);
    EXPECT_NE(second->status().trouble.find("in use"), std::string::npos) << second->status().trouble;
}

TEST_F(ArchiveTest, AReplayLeavesAnArchiveAlone) {
    ASSERT_EQ(writer()->finish(), std::nullopt);
    {
        const auto archive = writer();
        const auto flow = tests::flow(1);
        archive->add_flows({&flow, 1});
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    auto settings = archive_settings(directory_.archive());
    settings.replay = true;
    EXPECT_THROW(open(settings), SetupError);
}

TEST_F(ArchiveTest, WhatIsNoArchiveIsNotRead) {
    EXPECT_THROW(reader(), SetupError);
    std::filesystem::create_directory(directory_.archive());
    EXPECT_THROW(reader(), SetupError);
    std::ofstream(directory_.archive() + "/manifest.json") << "{}";
    EXPECT_THROW(reader(), SetupError);
}

TEST_F(ArchiveTest, AMissingFileIsToldAndTheOthersAnswer) {
    for (std::uint64_t id = 1; id <= 2; ++id) {
        const auto flow = tests::flow(id);
        const auto archive = writer();
        archive->add_flows({&flow, 1});
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    for (const auto& entry : std::filesystem::directory_iterator(directory_.archive())) {
        if (entry.path().extension() != ".parquet") continue;
        std::filesystem::remove(entry.path());
        break;
    }
    EXPECT_EQ(reader()->coverage({}, UINT64_MAX, UINT64_MAX).lost, 1U) << "a closed archive tells it too";
    {
        const auto archive = writer();
        EXPECT_EQ(parts(*archive).size(), 1U);
        ASSERT_EQ(archive->finish(), std::nullopt);
    }
    EXPECT_EQ(reader()->coverage({}, UINT64_MAX, UINT64_MAX).lost, 1U) << "later answers know of it";
    const auto events = events_.all();
    EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const auto& event) {
        return event.text.find("is missing: its 1 flows are lost") != std::string::npos;
    }));
}

TEST(Manifest, ComesBackAsItWas) {
    Manifest manifest;
    manifest.sensor = "edge \"1\"";
    manifest.replay = true;
    manifest.latest_ns = UINT64_MAX;
    manifest.horizon_ns = 5;
    manifest.next_file = 12;
    manifest.files = {{"flows-0-00000001.parquet", Table::flows, 0, 3, 400, 1, 2, "", {}},
                      {"hits-1-00000002.parquet", Table::hits, 1, 3, 400, 1, 2, "hits-1-00000002.index", {}},
                      {"flows-2-00000003.parquet", Table::flows, 2, 3, 400, 1, 2, "",
                       AddressRange{*store::parse_address("10.0.0.1"), *store::parse_address("2001:db8::7")},
                       "flows-2-00000002.index", true, true}};
    manifest.sessions = {{1, 2, UINT64_MAX, true}};
    manifest.rule_sets = {{0x80000001, 1, "rules-1.json"}};
    Manifest parsed;
    EXPECT_EQ(parse_manifest(manifest_text(manifest), parsed), "");
    EXPECT_EQ(manifest_text(parsed), manifest_text(manifest));
    EXPECT_EQ(parsed.files[2].sources, manifest.files[2].sources);
    EXPECT_EQ(parsed.files[0].sources, std::nullopt);
    EXPECT_EQ(parsed.files[2].merge_index, manifest.files[2].merge_index);
    EXPECT_TRUE(parsed.files[2].amounts && parsed.files[2].sources_apart);
    EXPECT_FALSE(parsed.files[1].amounts || parsed.files[1].sources_apart);
}

TEST(Manifest, RefusesNamesThatLeadElsewhereAndNewerSchemas) {
    Manifest manifest;
    manifest.files = {{"../flows.parquet", Table::flows, 0, 3, 400, 1, 2, "", {}}};
    Manifest parsed;
    EXPECT_NE(parse_manifest(manifest_text(manifest), parsed), "");
    manifest.files.clear();
    manifest.schema = schema_version + 1;
    EXPECT_NE(parse_manifest(manifest_text(manifest), parsed).find("schema"), std::string::npos);
    EXPECT_NE(parse_manifest("[]", parsed), "");
    EXPECT_NE(parse_manifest("", parsed), "");
}

}  // namespace
}  // namespace picket::archive
