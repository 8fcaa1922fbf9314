#include "controlplane/archive/flow_index.h"

#include <cstdlib>
#include <set>

#include "controlplane/archive/flow_columns.h"
#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

constexpr const char* sort_order = "src_hi, src_lo, dest_hi, dest_lo, dest_port, start";

// Addresses of a file's rows; `more` columns come after the address.
std::string addresses_of(const std::string& path, const std::string& more) {
    const std::string from = " FROM read_parquet(" + quoted(path) + ")";
    return "SELECT ip_hi, ip_lo, " + more +
           "block, bit_or(ends)::UTINYINT AS ends FROM (SELECT src_hi AS ip_hi, src_lo AS ip_lo, block, "
           "1 AS ends" +
           from + " UNION ALL SELECT dest_hi, dest_lo, block, 2" + from + ") GROUP BY ip_hi, ip_lo, block";
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

// `file`: what tells the number of the file that a row of the indexes is of. Of others than path_of knows
// nothing is wanted.
Failure read_blocks(Connection& connection, const std::set<std::string>& indexes, const std::string& file,
                    const std::string& condition, const std::map<std::uint64_t, std::string>& path_of,
                    std::map<std::string, std::vector<std::uint32_t>>& blocks) {
    if (indexes.empty()) return {};
    Rows rows = connection.stream("SELECT " + file + " AS file, block FROM read_parquet([" +
                                  list_of(indexes) + "], filename = true) WHERE ends >= 2 AND " + condition +
                                  " GROUP BY ALL ORDER BY ALL");
    while (duckdb_data_chunk chunk = rows.next()) {
        const auto* files = Source{duckdb_data_chunk_get_vector(chunk, 0)}.data<std::uint64_t>();
        const auto* numbers = Source{duckdb_data_chunk_get_vector(chunk, 1)}.data<std::uint32_t>();
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); ++i) {
            const auto path = path_of.find(files[i]);
            if (path != path_of.end()) blocks[path->second].push_back(numbers[i]);
        }
    }
    return rows.failure();
}

}  // namespace

std::string index_name(const std::string& file) {
    return file.substr(0, file.rfind('.')) + ".index";
}

std::string merged_flows(const std::string& list, const std::string& condition, bool sorted,
                         std::size_t block_rows) {
    const std::string names = names_of(pointers_to(flow_columns()));
    return "SELECT " + names + ", ((row_number() OVER () - 1) // " + std::to_string(block_rows) +
           ")::UINTEGER AS block FROM (SELECT " + names + " FROM read_parquet(" + list + ") WHERE " +
           condition + (sorted ? std::string(" ORDER BY ") + sort_order : std::string()) + ")";
}

std::string index_of(const std::string& path) {
    return addresses_of(path, "") + " ORDER BY ip_hi, ip_lo, block";
}

std::string index_of_merge(const DurableDirectory& directory, const std::vector<FileEntry>& files) {
    std::string all;
    for (const FileEntry& file : files) {
        all += (all.empty() ? "" : " UNION ALL ") +
               addresses_of(directory.path_of(file.name),
                            std::to_string(number_in(file.name)) + "::UBIGINT AS file, ");
    }
    return "FROM (" + all + ") ORDER BY ip_hi, ip_lo, file, block";
}

BlockChoice blocks_of_destination(Connection& connection, const std::vector<FilePointer>& files,
                                  const store::NetworkSet& set) {
    std::set<std::string> own;
    std::set<std::string> of_merges;
    std::map<std::uint64_t, std::string> path_of;
    for (const auto& file : files) {
        (file->entry().merge_index.empty() ? own : of_merges).insert(file->index_path());
        path_of[number_in(file->entry().name)] = file->path();
    }
    const std::string condition = span_condition("ip", set) + one_end_condition("ip", set);
    BlockChoice choice;
    // A file and its own index have the same number.
    choice.failure = read_blocks(connection, own, "regexp_extract(filename, '-(\\d+)\\.index$', 1)::UBIGINT",
                                 condition, path_of, choice.blocks);
    if (!choice.failure)
        choice.failure = read_blocks(connection, of_merges, "file", condition, path_of, choice.blocks);
    return choice;
}

}  // namespace picket::archive
