#include "controlplane/archive/flow_index.h"

#include <cstdlib>
#include <set>

#include "controlplane/archive/archive.h"
#include "controlplane/archive/flow_amounts.h"
#include "controlplane/archive/flow_columns.h"
#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

constexpr const char* sort_order = "src_hi, src_lo, dest_hi, dest_lo, dest_port, start";

// A file's addresses at one end; `more` columns come after the address. What imported flows tell may be too
// much to be added up: they are counted alone.
std::string addresses_of(const std::string& path, const std::string& more, End end) {
    const auto rows_of = [&](const std::string& name, const std::string& columns,
                             const std::string& condition) {
        return "SELECT " + name + "_hi AS ip_hi, " + name + "_lo AS ip_lo, " + more + "block" + columns +
               " FROM read_parquet(" + quoted(path) + ") WHERE " + condition + " GROUP BY ALL";
    };
    if (end == End::destination) return rows_of("dest", "", "true");
    return rows_of("src", ", " + all_amounts(true) + ", 0::UBIGINT AS others", told_flow) +
           " UNION ALL BY NAME " +
           rows_of("src", ", 0::UBIGINT AS flows, count(*)::UBIGINT AS others",
                   "NOT " + std::string(told_flow));
}

// What next_name() of the catalog has counted; unique within an archive.
std::uint64_t number_in(const std::string& name) {
    return std::strtoull(name.c_str() + name.rfind('-') + 1, nullptr, 10);
}

std::string list_of(const std::set<std::string>& paths) {
    std::string list;
    for (const auto& path : paths) list += (list.empty() ? "" : ", ") + quoted(path);
    return list;
}

// Statements that look into the indexes of some files. What tells the number of the file that a row is of is
// a column, or the name of the index of one file, which has the same number.
class Indexes {
  public:
    Indexes(const std::vector<FilePointer>& files, End end) : end_(end) {
        for (const auto& file : files) {
            const FileEntry& entry = file->entry();
            paths_[{!entry.merge_index.empty(), entry.sources_apart}].insert(
                end == End::source ? file->sources_path() : file->index_path());
        }
    }
    // visit("SELECT ... AS file, `columns` FROM ... WHERE `condition`")
    template <typename Visit>
    void each(const std::string& columns, const std::string& condition, Visit&& visit) const {
        const std::string of_end = end_ == End::source ? "ends = 1 AND " : "ends >= 2 AND ";
        for (const auto& [kind, paths] : paths_) {
            const std::string file =
                kind.of_merge ? "file" : R"(regexp_extract(filename, '-(\d+)\.\w+$', 1)::UBIGINT AS file)";
            visit("SELECT " + file + ", " + columns + " FROM read_parquet([" + list_of(paths) +
                  "], filename = true) WHERE " + (kind.apart ? "" : of_end) + condition);
        }
    }

  private:
    struct Kind {
        bool of_merge;
        bool apart;
        auto operator<=>(const Kind&) const = default;
    };
    End end_;
    std::map<Kind, std::set<std::string>> paths_;
};

std::map<std::uint64_t, std::string> paths_by_number(const std::vector<FilePointer>& files) {
    std::map<std::uint64_t, std::string> paths;
    for (const auto& file : files) paths[number_in(file->entry().name)] = file->path();
    return paths;
}

struct BlockRow {
    std::uint64_t file = 0;
    std::uint32_t block = 0;
};

std::vector<Column<BlockRow>> block_columns() {
    return {number<BlockRow>(
                "file", [](auto& row) -> auto& { return row.file; }),
            number<BlockRow>(
                "block", [](auto& row) -> auto& { return row.block; })};
}

struct AmountRow : SourceAmounts {
    std::uint64_t file = 0;
};

std::vector<Column<AmountRow>> amount_columns() {
    std::vector<Column<AmountRow>> columns{number<AmountRow>(
        "file", [](auto& row) -> auto& { return row.file; })};
    add_address<AmountRow>(
        columns, "ip", [](auto& row) -> auto& { return row.source; });
    add_amount_columns(columns);
    columns.push_back(number<AmountRow>(
        "others", [](auto& row) -> auto& { return row.others; }));
    return columns;
}

}  // namespace

std::string merged_flows(const std::string& list, const std::string& condition, bool sorted,
                         std::size_t block_rows) {
    const std::string names = names_of(pointers_to(flow_columns()));
    return "SELECT " + names + ", ((row_number() OVER () - 1) // " + std::to_string(block_rows) +
           ")::UINTEGER AS block FROM (SELECT " + names + " FROM read_parquet(" + list + ") WHERE " +
           condition + (sorted ? std::string(" ORDER BY ") + sort_order : std::string()) + ")";
}

std::string index_of(const std::string& path, End end) {
    return "FROM (" + addresses_of(path, "", end) + ") ORDER BY ip_hi, ip_lo, block";
}

std::string index_of_merge(const DurableDirectory& directory, const std::vector<FileEntry>& files, End end) {
    std::string all;
    for (const FileEntry& file : files) {
        all += (all.empty() ? "" : " UNION ALL ") +
               addresses_of(directory.path_of(file.name),
                            std::to_string(number_in(file.name)) + "::UBIGINT AS file, ", end);
    }
    return "FROM (" + all + ") ORDER BY ip_hi, ip_lo, file, block";
}

std::map<std::string, std::vector<std::uint32_t>> blocks_of_destination(Connection& connection,
                                                                        const std::vector<FilePointer>& files,
                                                                        const store::NetworkSet& set) {
    const auto paths = paths_by_number(files);
    std::map<std::string, std::vector<std::uint32_t>> blocks;
    const std::string condition = span_condition("ip", set) + one_end_condition("ip", set);
    const auto columns = block_columns();
    Indexes(files, End::destination).each("block", condition, [&](const std::string& select) {
        const auto failure = read_rows(connection, select + " GROUP BY ALL ORDER BY ALL",
                                       pointers_to(columns), [&](const BlockRow& row) {
                                           const auto path = paths.find(row.file);
                                           if (path != paths.end()) blocks[path->second].push_back(row.block);
                                       });
        if (failure) throw ArchiveUnreadable("an index of the archive cannot be read: " + *failure);
    });
    return blocks;
}

bool read_amounts_of_sources(Connection& connection, const std::vector<FilePointer>& files,
                             const store::NetworkSet& set, std::size_t rows_max,
                             std::map<std::string, std::vector<SourceAmounts>>& amounts) {
    const auto paths = paths_by_number(files);
    const auto columns = amount_columns();
    // One more tells that there are more.
    const std::string condition =
        span_condition("ip", set) + one_end_condition("ip", set) + " LIMIT " + std::to_string(rows_max + 1);
    std::size_t rows = 0;
    Indexes(files, End::source)
        .each(
            "ip_hi, ip_lo, flows, packets, bytes, first, last, udp_toserver, udp_toclient, unanswered, "
            "others",
            condition, [&](const std::string& select) {
                if (rows > rows_max) return;
                const auto failure =
                    read_rows(connection, select, pointers_to(columns), [&](const AmountRow& row) {
                        ++rows;
                        const auto path = paths.find(row.file);
                        if (path != paths.end()) amounts[path->second].push_back(row);
                    });
                if (failure) throw ArchiveUnreadable("an index of the archive cannot be read: " + *failure);
            });
    return rows <= rows_max;
}

}  // namespace picket::archive
