// What an index adds up of sources is what the rows add up to: random flows of many hours, merged, and
// questions about addresses, of which some rows may be shown.
#include "tests/unit/archive/told_sources_fixture.h"

namespace picket::archive {
namespace {

TEST_P(ToldSourcesTest, AnswersAreThoseOfMemory) {
    EXPECT_GT(expect_same_answers(80), 1000U) << "an index has told of flows";
}

TEST_P(ToldSourcesTest, AmountsAreReadUpToABound) {
    std::vector<FilePointer> files;
    for (const auto& file : files_) {
        if (file.amounts) files.push_back(std::make_shared<ArchiveFile>(directory_.archive(), file));
    }
    const store::NetworkSet all({{*store::parse_address("10.0.0.0"), 104}});
    const Database database({1, std::uint64_t{256} << 20, ""});
    Connection connection(database);
    std::map<std::string, std::vector<SourceAmounts>> amounts;
    EXPECT_FALSE(read_amounts_of_sources(connection, files, all, 10, amounts));
    amounts.clear();
    EXPECT_TRUE(read_amounts_of_sources(connection, files, all, 1'000'000, amounts));
    EXPECT_EQ(amounts.size(), files.size());
    std::size_t rows = 0;
    for (const auto& [path, sources] : amounts) rows += sources.size();
    amounts.clear();
    EXPECT_TRUE(read_amounts_of_sources(connection, files, all, rows, amounts));
    EXPECT_FALSE(read_amounts_of_sources(connection, files, all, rows - 1, amounts));
}

TEST_P(ToldSourcesTest, OfFilesWithoutTheFirstRows) {
    const Archive archive(tests::closed_archive(directory_.archive()), rules_, events_);
    store::Query query;
    query.source = std::make_shared<store::NetworkSet>(
        std::vector<store::Network>{{*store::parse_address("10.0.1.0"), 120}});
    // Files of ranges are all of the time of their one merge.
    const std::uint64_t least = files_.front().sources || GetParam().absurd ? 0 : 100;
    for (const auto sort : {store::SortKey::first, store::SortKey::last}) {
        for (const bool descending : {false, true}) {
            query.sort = sort;
            query.descending = descending;
            query.limit = 20;
            EXPECT_GE(expect_same(archive, query, {}), least);
            query.limit = 4000;
            EXPECT_EQ(expect_same(archive, query, {}), 0U) << "all are shown";
        }
    }
}

// As indexes were before sources lay apart.
TEST_P(ToldSourcesTest, IndexesOfBothEndsAreReadToo) {
    put_both_ends_together();
    EXPECT_GT(expect_same_answers(40), 500U);
}

TEST_P(ToldSourcesTest, OlderArchivesAreWrittenOn) {
    put_both_ends_together();
    const auto apart = [&] {
        const auto files = manifest().files;
        return std::count_if(files.begin(), files.end(), [](const auto& file) { return file.sources_apart; });
    };
    const auto before = apart();
    ASSERT_EQ(before, GetParam().absurd ? 1 : 0);
    {
        Archive archive(merging(400), rules_, events_);
        FlowMaker maker(hours, begin_ns + hours * hour_ns);
        for (std::uint64_t i = 1; i <= 3 * flows_an_hour(); ++i)
            add(archive, flow(maker, hours * flows_an_hour() + i));
        for (unsigned i = 0; i < 1000 && apart() == before; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ASSERT_EQ(archive.finish(), std::nullopt);
    }
    EXPECT_GT(apart(), before) << "what is merged now";
    EXPECT_EQ(manifest().schema, schema_version);
    EXPECT_GT(expect_same_answers(40), 500U) << "of both kinds";
}

// As they were before they told amounts.
TEST_P(ToldSourcesTest, OldestIndexesAreReadToo) {
    rewrite_indexes(Format::oldest, [](const std::string& index, const std::string& sources) {
        return "SELECT * EXCLUDE (ends, flows, packets, bytes, first, last, udp_toserver, udp_toclient, "
               "unanswered, others), bit_or(ends) AS ends FROM (" +
               together(index, sources) + ") GROUP BY ALL ORDER BY ip_hi, ip_lo, block";
    });
    EXPECT_EQ(expect_same_answers(24), 0U);
}

TEST_P(ToldSourcesTest, WithoutIndexesRowsAreRead) {
    for (const auto& file : files_) {
        if (!file.index.empty()) std::filesystem::remove(directory_.archive() + "/" + file.index);
    }
    EXPECT_EQ(expect_same_answers(24), 0U);
}

TEST_P(ToldSourcesTest, RowsThatWaitAreAddedUpToo) {
    auto settings = tests::archive_settings(directory_.archive());
    settings.flush_interval = std::chrono::hours(1);
    Archive archive(settings, rules_, events_);
    FlowMaker maker(hours, begin_ns + hours * hour_ns);
    for (std::uint64_t i = 1; i <= flows_an_hour(); ++i)
        add(archive, flow(maker, hours * flows_an_hour() + i));
    EXPECT_GT(expect_same_answers(archive, 24), 1000U);
}

TEST_P(ToldSourcesTest, AnIndexThatTellsOtherFlowsIsNotBelieved) {
    const auto address = *store::parse_address("10.0.1.1");
    store::Query query;
    query.shape = store::Shape::sum;
    query.source = std::make_shared<store::NetworkSet>(std::vector<store::Network>{{address, 128}});
    const std::string is_source = "ip_lo = " + std::to_string(address_half(address, true));
    for (const std::string& select :
         {"SELECT * REPLACE (flows + 1 AS flows) FROM rows"s,
          "SELECT * REPLACE (if(flows > 1, flows - 1, flows) AS flows) FROM rows"s,
          "SELECT * FROM rows WHERE NOT (" + is_source + ")"}) {
        rewrite_indexes(Format::apart, [&](const std::string&, const std::string& sources) {
            return "WITH rows AS (FROM read_parquet('" + sources + "')) " + select;
        });
        const Archive archive(tests::closed_archive(directory_.archive()), rules_, events_);
        store::FlowShaper shaper(query, {requests_, rules_});
        EXPECT_THROW(static_cast<void>(archive.ask(query, {}, {[](const auto&) {}, &shaper})),
                     ArchiveUnreadable)
            << select;
    }
}

INSTANTIATE_TEST_SUITE_P(Archives, ToldSourcesTest,
                         ::testing::Values(IndexedArchive{"WholeFlows", 4'000'000, 0, false, false},
                                           IndexedArchive{"Absurd", 4'000'000, 0, false, true},
                                           IndexedArchive{"Parts", 4'000'000, 40, true, false},
                                           IndexedArchive{"RangesOfSources", 4000, 40, true, false}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace picket::archive
