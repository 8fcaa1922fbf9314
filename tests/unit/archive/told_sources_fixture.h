// Random flows of many hours, merged to files that an index adds up, and questions about them that memory
// answers too.
#pragma once

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

using std::string_literals::operator""s;
using tests::FlowMaker;
using tests::second_ns;

inline constexpr std::uint64_t hour_ns = 3600 * second_ns;
// Six hours before midnight.
inline constexpr std::uint64_t begin_ns = (std::uint64_t{24} * 12 - 6) * hour_ns;
inline constexpr unsigned hours = 12;

inline std::string text_of(const store::Totals& totals) {
    std::string text;
    for (const auto value : {totals.flows, totals.packets, totals.bytes, totals.first_ns, totals.last_ns,
                             totals.udp_payload[0], totals.udp_payload[1], totals.one_direction})
        text += std::to_string(value) + " ";
    return text;
}

inline std::string text_of(store::FlowShaper& shaper, const store::Query& query) {
    const auto sum = shaper.sum();
    std::string text = text_of(sum.totals);
    if (query.counts_ends)
        text +=
            std::to_string(sum.sources) + " sources " + std::to_string(sum.destinations) + " destinations\n";
    if (query.shape == store::Shape::sum) text += std::to_string(sum.totals.unanswered) + " unanswered\n";
    for (const auto& group : shaper.groups()) text += group.label + " " + text_of(group.totals) + "\n";
    return text;
}

struct IndexedArchive {
    const char* name;
    std::uint64_t sorted_rows_max;
    std::uint64_t imported_every;  // flow is of a foreign log, and has no amounts in an index
    bool parts;                    // some flows have several
    bool absurd;                   // one flow cannot be added up, nor its file
};

class ToldSourcesTest : public ::testing::TestWithParam<IndexedArchive> {
  protected:
    void SetUp() override {
        Archive archive(merging(511), rules_, events_);
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

    [[nodiscard]] ArchiveSettings merging(std::size_t flush_rows) const {
        auto settings = tests::archive_settings(directory_.archive());
        settings.flush_rows = flush_rows;
        settings.may_wait = true;
        settings.sorted_rows_max = GetParam().sorted_rows_max;
        return settings;
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
        now.schema = format == Format::apart ? schema_version : 1;
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

    void put_both_ends_together() {
        rewrite_indexes(Format::together, [](const std::string& index, const std::string& sources) {
            return "FROM (" + together(index, sources) + ") ORDER BY ends, ip_hi, ip_lo, block";
        });
    }

    tests::TemporaryDirectory directory_;
    tests::FixedRules rules_;
    store::RequestStore requests_{100, 1 << 20};
    detect::EventLog events_;
    store::FlowStore memory_{1'000'000};
    std::vector<store::StoredFlow> whole_;
    std::vector<FileEntry> files_;
};

}  // namespace picket::archive
