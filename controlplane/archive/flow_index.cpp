#include "controlplane/archive/flow_index.h"

#include <algorithm>

#include "controlplane/archive/flow_columns.h"
#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

constexpr const char* sort_order = "src_hi, src_lo, dest_hi, dest_lo, dest_port, start";

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
    const std::string from = " FROM read_parquet(" + quoted(path) + ")";
    return "SELECT ip_hi, ip_lo, block, bit_or(ends)::UTINYINT AS ends FROM (SELECT src_hi AS ip_hi, src_lo "
           "AS "
           "ip_lo, block, 1 AS ends" +
           from + " UNION ALL SELECT dest_hi, dest_lo, block, 2" + from +
           ") GROUP BY ip_hi, ip_lo, block ORDER BY ip_hi, ip_lo, block";
}

BlockChoice blocks_of_destination(Connection& connection, const std::vector<FilePointer>& files,
                                  const store::NetworkSet& set) {
    BlockChoice choice;
    std::string indexes;
    std::map<std::string, std::string> path_of;  // index to file
    for (const auto& file : files) {
        indexes += (indexes.empty() ? "" : ", ") + quoted(file->index_path());
        path_of[file->index_path()] = file->path();
    }
    if (indexes.empty()) return choice;
    Rows rows = connection.stream("SELECT filename, block FROM read_parquet([" + indexes +
                                  "], filename = true) WHERE ends >= 2 AND " + one_end_condition("ip", set) +
                                  " GROUP BY ALL ORDER BY ALL");
    while (duckdb_data_chunk chunk = rows.next()) {
        const auto* names = Source{duckdb_data_chunk_get_vector(chunk, 0)}.data<duckdb_string_t>();
        const auto* blocks = Source{duckdb_data_chunk_get_vector(chunk, 1)}.data<std::uint32_t>();
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); ++i) {
            duckdb_string_t name = names[i];
            const std::string index(duckdb_string_t_data(&name), duckdb_string_t_length(name));
            choice.blocks[path_of[index]].push_back(blocks[i]);
        }
    }
    choice.failure = rows.failure();
    return choice;
}

}  // namespace picket::archive
