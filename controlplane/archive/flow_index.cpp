#include "controlplane/archive/flow_index.h"

#include <algorithm>
#include <set>

#include "controlplane/archive/flow_columns.h"
#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

constexpr const char* sort_order = "src_hi, src_lo, dest_hi, dest_lo, dest_port, start";

// (file, block) of all rows of the indexes that fulfil the condition.
Failure look_up(Connection& connection, const std::string& indexes, const std::string& condition,
                std::map<std::string, std::set<std::uint32_t>>& found) {
    Rows rows = connection.stream("SELECT filename, block FROM read_parquet([" + indexes +
                                  "], filename = true) WHERE " + condition + " GROUP BY ALL");
    while (duckdb_data_chunk chunk = rows.next()) {
        const auto* names = Source{duckdb_data_chunk_get_vector(chunk, 0)}.data<duckdb_string_t>();
        const auto* blocks = Source{duckdb_data_chunk_get_vector(chunk, 1)}.data<std::uint32_t>();
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); ++i) {
            duckdb_string_t name = names[i];
            found[std::string(duckdb_string_t_data(&name), duckdb_string_t_length(name))].insert(blocks[i]);
        }
    }
    return rows.failure();
}

}  // namespace

std::string index_name(const std::string& file) {
    return file.substr(0, file.rfind('.')) + ".index";
}

std::string merged_flows(const std::string& list, bool sorted, std::size_t block_rows) {
    const std::string names = names_of(pointers_to(flow_columns()));
    return "SELECT " + names + ", ((row_number() OVER () - 1) // " + std::to_string(block_rows) +
           ")::UINTEGER AS block FROM (SELECT " + names + " FROM read_parquet(" + list + ")" +
           (sorted ? std::string(" ORDER BY ") + sort_order : std::string()) + ")";
}

std::string index_of(const std::string& path) {
    const std::string from = " FROM read_parquet(" + quoted(path) + ")";
    return "SELECT * FROM (SELECT src_hi AS ip_hi, src_lo AS ip_lo, block" + from +
           " UNION ALL SELECT dest_hi, dest_lo, block" + from + ") GROUP BY ALL ORDER BY ip_hi, ip_lo, block";
}

std::optional<BlockChoice> choose_blocks(Connection& connection, const std::vector<FilePointer>& files,
                                         const store::Query& query) {
    std::vector<std::string> conditions;
    for (const auto& networks : {query.hosts, query.watch, query.source, query.destination}) {
        if (networks && is_exact(*networks)) conditions.push_back(one_end_condition("ip", *networks));
    }
    if (conditions.empty()) return std::nullopt;
    std::string indexes;
    for (const auto& file : files) {
        if (!file->index_path().empty())
            indexes += (indexes.empty() ? "" : ", ") + quoted(file->index_path());
    }
    BlockChoice choice;
    if (indexes.empty()) return choice;
    std::map<std::string, std::set<std::uint32_t>> common;
    for (const auto& condition : conditions) {
        std::map<std::string, std::set<std::uint32_t>> found;
        choice.failure = look_up(connection, indexes, condition, found);
        if (choice.failure) return choice;
        if (&condition == &conditions.front()) {
            common = std::move(found);
            continue;
        }
        for (auto& [name, blocks] : common)
            std::erase_if(blocks, [&](std::uint32_t block) { return !found[name].contains(block); });
    }
    for (const auto& file : files) {
        const auto found = file->index_path().empty() ? common.end() : common.find(file->index_path());
        if (found != common.end() && !found->second.empty())
            choice.blocks[file->path()].assign(found->second.begin(), found->second.end());
    }
    return choice;
}

}  // namespace picket::archive
