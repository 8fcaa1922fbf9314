// What an index adds up of sources is what the rows add up to: random flows of many hours, merged, and
// questions about addresses, of which some rows may be shown.
#include <fstream>
#include <functional>
#include <utility>

#include "controlplane/archive/column.h"
#include "controlplane/archive/durable.h"
#include "controlplane/archive/flow_index.h"
#include "controlplane/archive/manifest.h"
#include "controlplane/archive/table_io.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/store/selection.h"
#include "controlplane/store/shapes.h"
#include "tests/unit/archive/archive_fixtures.h"

namespace picket::archive {
namespace {

using std::string_literals::operator""s;
using tests::FlowMaker;
using tests::second_ns;

constexpr std::uint64_t hour_ns = 3600 * second_ns;
// Six hours before midnight.
constexpr std::uint64_t begin_ns = (std::uint64_t{24} * 12 - 6) * hour_ns;
constexpr unsigned hours = 12;

std::string text_of(const store::Totals& totals) {
    std::string text;
    for (const auto value : {totals.flows, totals.packets, totals.bytes, totals.first_ns, totals.last_ns,
                             totals.udp_payload[0], totals.udp_payload[1], totals.one_direction})
        text += std::to_string(value) + " ";
    return text;
}

std::string text_of(store::FlowShaper& shaper, const store::Query& query) {
    const auto sum = shaper.sum();
    std::string text = text_of(sum.totals);
    if (query.counts_ends)
        text +=
            std::to_string(sum.sources) + " sources " + std::to_string(sum.destinations) + " destinations\n";
    if (query.shape == store::Shape::sum) text += std::to_string(sum.totals.unanswered) + " unanswered\n";
    for (const auto& group : shaper.groups()) text += group.label + " " + text_of(group.totals) + "\n";
    return text;
}

struct Case {
    const char* name;
    std::uint64_t sorted_rows_max;
    std::uint64_t imported_every;  // flow is of a foreign log, and has no amounts in an index
    bool parts;                    // some flows have several
    bool absurd;                   // one flow cannot be added up, nor its file
};

class ToldSources : public ::testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        auto settings = tests::archive_settings(directory_.archive());
        settings.flush_rows = 511;
        settings.may_wait = true;
        settings.sorted_rows_max = GetParam().sorted_rows_max;
        Archive archive(settings, rules_, events_);
        std::uint64_t id = 0;
        for (unsigned hour = 0; hour < hours; ++hour) {
            FlowMaker maker(hour, begin_ns + hour * hour_ns);
            for (std::uint64_t i = 0; i < flows_an_hour(); ++i) add(archive, flow(maker, ++id));
        }
        for (unsigned i = 0; i < 1000 && indexed_files() < indexed_min(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ASSERT_EQ(archive.finish(), std::nullopt);
        ASSERT_GE(indexed_files(), indexed_min());
        files_ = manifest().files;
        for (const auto& entry : std::filesystem::directory_iterator(directory_.archive()))
            EXPECT_FALSE(entry.path().string().ends_with(temporary_end)) << entry.path();
    }

    static std::size_t indexed_min() { return GetParam().absurd ? 2 : 3; }

    // Rows for three merges.
    static std::uint64_t flows_an_hour() { return GetParam().parts ? 1500 : 2200; }

    static std::vector<store::StoredFlow> flow(FlowMaker& maker, std::uint64_t id) {
        if (GetParam().parts) return maker.flow(id);
        return {maker.any_part(id)};
    }

    void add(Archive& archive, std::vector<store::StoredFlow> parts) {
        for (auto& part : parts) {
            part.rule_count = 0;
            part.rule_generation = 0;
            if (GetParam().absurd && part.id == 5) part.directions[0].bytes = UINT64_MAX;
            const auto every = GetParam().imported_every;
            if (every == 0 || part.id % every != 0) continue;
            part.flags |= std::uint32_t{1} << 31;
            part.directions[part.id % 2].bytes = UINT64_MAX;  // no sum can be made of it
        }
        memory_.append(parts);
        archive.add_flows(parts);
        if (parts.size() == 1) whole_.push_back(parts.front());
    }

    Manifest manifest() {
        std::string text;
        Manifest manifest;
        EXPECT_EQ(read_text(directory_.archive() + "/" + manifest_name, text), std::nullopt);
        EXPECT_EQ(parse_manifest(text, manifest), "");
        return manifest;
    }

    std::size_t indexed_files() {
        const auto files = manifest().files;
        return static_cast<std::size_t>(
            std::count_if(files.begin(), files.end(), [](const auto& file) { return file.amounts; }));
    }

    store::Networks networks(FlowMaker& maker) {
        std::vector<store::Network> list;
        for (std::uint64_t i = 0; i < 1 + maker.below(3); ++i) {
            const auto address = maker.address();
            const std::uint64_t wide = address.is_ipv4() ? 96 : 40;
            const auto length =
                static_cast<std::uint8_t>(maker.below(3) ? 128 : wide + maker.below(129 - wide));
            list.push_back({store::mask_address(address, length), length});
        }
        // More than are searched one by one.
        const unsigned more = maker.below(6) == 0 ? 72 : 0;
        for (unsigned i = 0; i < more; ++i) {
            const std::string address = "10.0." + std::to_string(i % 3) + "." + std::to_string(4 + i / 3);
            list.push_back({*store::parse_address(address), 128});
        }
        if (more > 0 && maker.below(2) == 0) list.erase(list.begin(), list.end() - more);
        return std::make_shared<store::NetworkSet>(list);
    }

    store::Query any_query(FlowMaker& maker) {
        store::Query query;
        (maker.below(2) ? query.hosts : maker.below(2) ? query.source : query.watch) = networks(maker);
        if (maker.below(3) == 0) query.since_ns = begin_ns + maker.below(hours) * hour_ns;
        if (maker.below(3) == 0) query.until_ns = begin_ns + maker.below(hours + 3) * hour_ns;
        // Just where a file begins or ends.
        const auto& file = files_[maker.below(files_.size())];
        if (maker.below(6) == 0) query.since_ns = file.first_ns + maker.below(2);
        if (maker.below(6) == 0) query.until_ns = file.last_ns + maker.below(2);
        query.shape = static_cast<store::Shape>(maker.below(3));
        if (query.shape == store::Shape::rows) {
            query.limit = maker.below(60);
            query.sort = maker.below(2) ? store::SortKey::first : store::SortKey::last;
            query.descending = maker.below(2) == 0;
            query.counts_ends = maker.below(2) == 0;
        }
        return query;
    }

    // Some that have ended since, of the last hours or of any time.
    std::vector<store::StoredFlow> any_live(FlowMaker& maker) {
        std::vector<store::StoredFlow> live;
        const std::uint64_t kind = maker.below(3);
        if (kind == 0) return live;
        for (unsigned i = 0; i < 100; ++i) {
            const std::size_t last = kind == 1 ? whole_.size() / 6 : whole_.size();
            auto flow = tests::live(whole_[whole_.size() - 1 - maker.below(last)]);
            // The clock may have been set back since.
            if (i % 4 == 0) flow.last_ns += maker.below(50) * second_ns;
            live.push_back(flow);
        }
        return live;
    }

    // How many flows an index has told.
    std::uint64_t expect_same(const Archive& archive, const store::Query& query,
                              std::vector<store::StoredFlow> live) {
        const store::QueryJoin join{requests_, rules_};
        std::erase_if(live, [&](const auto& flow) { return !store::matches_ends(query, flow); });
        const auto expected = store::select_flows(memory_.snapshot(), live, query, join, false);
        store::FlowShaper wanted(query, join);
        wanted.add(expected);
        store::FlowShaper shaper(query, join);
        std::uint64_t told = 0;
        const auto tell = [&](const store::StoredFlow& flow) {
            if (!store::matches(query, flow, join)) return;
            shaper.add(flow);
            ++told;
        };
        const bool rows = query.shape == store::Shape::rows;
        const auto answer = archive.ask(
            query, live, {rows ? std::function<void(const store::StoredFlow&)>() : tell, &shaper});
        const auto found = store::select_flows(answer.flows, live, query, join, false);
        shaper.add(found);
        EXPECT_EQ(text_of(shaper, query), text_of(wanted, query));
        if (rows) {
            const std::size_t shown = std::min(*query.limit, expected.rows.size());
            EXPECT_GE(found.rows.size(), shown);
            for (std::size_t i = 0; i < std::min(shown, found.rows.size()); ++i)
                EXPECT_EQ(serve::flow_row(*found.rows[i], join, query.records),
                          serve::flow_row(*expected.rows[i], join, query.records))
                    << i;
        }
        return shaper.sum().totals.flows - told - found.rows.size();
    }

    std::uint64_t expect_same_answers(unsigned queries) {
        return expect_same_answers(Archive(tests::closed_archive(directory_.archive()), rules_, events_),
                                   queries);
    }
    std::uint64_t expect_same_answers(const Archive& archive, unsigned queries) {
        FlowMaker maker(99);
        std::uint64_t told = 0;
        for (unsigned i = 0; i < queries / tests::slowness; ++i) {
            const auto query = any_query(maker);
            told += expect_same(archive, query, any_live(maker));
            if (::testing::Test::HasFailure()) {
                ADD_FAILURE() << "query " << i;
                break;
            }
        }
        return told;
    }

    // What tells of sources lies apart, with destinations, or there with nothing to be added up.
    enum class Format { apart, together, oldest };

    // Writes the indexes that add up anew, in one of the formats that there were, by a statement of what
    // there was at first.
    void rewrite_indexes(
        Format format,
        const std::function<std::string(const std::string& index, const std::string& sources)>& rows) {
        namespace fs = std::filesystem;
        Manifest now = manifest();
        const Database database({1, std::uint64_t{256} << 20, ""});
        Connection connection(database);
        for (auto& file : now.files) {
            if (!file.amounts) continue;
            for (const auto& name : index_files(file)) {
                const std::string path = directory_.archive() + "/" + name;
                file.bytes -= fs::file_size(path);
                fs::copy(path, directory_.path() + "/" + name, fs::copy_options::skip_existing);
            }
            file.amounts = format != Format::oldest;
            file.sources_apart = format == Format::apart;
            if (file.index.empty()) continue;
            const std::string sources = sources_name(file.index);
            const std::string path =
                directory_.archive() + "/" + (format == Format::apart ? sources : file.index);
            const std::string first = directory_.path() + "/";
            ASSERT_EQ(write_parquet(connection, rows(first + file.index, first + sources), path + ".new", {}),
                      std::nullopt);
            fs::rename(path + ".new", path);
            if (format != Format::apart) fs::remove(directory_.archive() + "/" + sources);
            for (const auto& name : index_files(file))
                file.bytes += fs::file_size(directory_.archive() + "/" + name);
        }
        std::ofstream(directory_.archive() + "/" + manifest_name) << manifest_text(now);
    }

    static std::string together(const std::string& index, const std::string& sources) {
        return "SELECT 1::UTINYINT AS ends, * FROM read_parquet('" + sources +
               "') UNION ALL BY NAME SELECT 2::UTINYINT AS ends, * FROM read_parquet('" + index + "')";
    }

    tests::TemporaryDirectory directory_;
    tests::FixedRules rules_;
    store::RequestStore requests_{100, 1 << 20};
    detect::EventLog events_;
    store::FlowStore memory_{1'000'000};
    std::vector<store::StoredFlow> whole_;
    std::vector<FileEntry> files_;
};

TEST_P(ToldSources, AnswersAreThoseOfMemory) {
    EXPECT_GT(expect_same_answers(80), 1000U) << "an index has told of flows";
}

TEST_P(ToldSources, AmountsAreReadUpToABound) {
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

TEST_P(ToldSources, OfFilesWithoutTheFirstRows) {
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
TEST_P(ToldSources, IndexesOfBothEndsAreReadToo) {
    rewrite_indexes(Format::together, [](const std::string& index, const std::string& sources) {
        return "FROM (" + together(index, sources) + ") ORDER BY ends, ip_hi, ip_lo, block";
    });
    EXPECT_GT(expect_same_answers(40), 500U);
}

// As they were before they told amounts.
TEST_P(ToldSources, OldestIndexesAreReadToo) {
    rewrite_indexes(Format::oldest, [](const std::string& index, const std::string& sources) {
        return "SELECT * EXCLUDE (ends, flows, packets, bytes, first, last, udp_toserver, udp_toclient, "
               "unanswered, others), bit_or(ends) AS ends FROM (" +
               together(index, sources) + ") GROUP BY ALL ORDER BY ip_hi, ip_lo, block";
    });
    EXPECT_EQ(expect_same_answers(24), 0U);
}

TEST_P(ToldSources, WithoutIndexesRowsAreRead) {
    for (const auto& file : files_) {
        if (!file.index.empty()) std::filesystem::remove(directory_.archive() + "/" + file.index);
    }
    EXPECT_EQ(expect_same_answers(24), 0U);
}

TEST_P(ToldSources, RowsThatWaitAreAddedUpToo) {
    auto settings = tests::archive_settings(directory_.archive());
    settings.flush_interval = std::chrono::hours(1);
    Archive archive(settings, rules_, events_);
    FlowMaker maker(hours, begin_ns + hours * hour_ns);
    for (std::uint64_t i = 1; i <= flows_an_hour(); ++i)
        add(archive, flow(maker, hours * flows_an_hour() + i));
    EXPECT_GT(expect_same_answers(archive, 24), 1000U);
}

TEST_P(ToldSources, AnIndexThatTellsOtherFlowsIsNotBelieved) {
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

INSTANTIATE_TEST_SUITE_P(Archives, ToldSources,
                         ::testing::Values(Case{"WholeFlows", 4'000'000, 0, false, false},
                                           Case{"Absurd", 4'000'000, 0, false, true},
                                           Case{"Parts", 4'000'000, 40, true, false},
                                           Case{"RangesOfSources", 4000, 40, true, false}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace picket::archive
