// Rows of tables beside `flows`, read by the flows that they belong to.
//
// Not thread-safe. Throws ArchiveUnreadable.
#pragma once

#include <string>
#include <vector>

#include "controlplane/archive/archive_writer.h"
#include "controlplane/archive/database.h"
#include "controlplane/archive/table_io.h"
#include "controlplane/store/flat_map.h"

namespace picket::archive {

using FlowKeys = store::FlatMap<store::FlowKey, std::uint8_t>;

// True for more flows than one condition names.
inline std::string flow_condition(const FlowKeys& keys) {
    constexpr std::size_t ids_max = 4096;
    if (keys.size() > ids_max) return "true";
    std::string ids;
    keys.for_each([&](const store::FlowKey& key, std::uint8_t) {
        ids += (ids.empty() ? "" : ", ") + std::to_string(key.id);
    });
    return "flow_id IN (" + ids + ")";
}

// Visits the rows of files that touch the time, in the order in which they came. REQUIRES: some key.
template <typename Row, typename Visit>
void read_rows_of(Connection& connection, const ArchiveView& view, Table table,
                  const std::vector<Column<Row>>& columns, const FlowKeys& keys, std::uint64_t since_ns,
                  std::uint64_t until_ns, Visit&& visit) {
    const std::string list = file_list(view.files, table, since_ns, until_ns);
    if (list.empty()) return;
    const auto pointers = pointers_to(columns);
    const auto failure = read_rows(
        connection,
        "SELECT " + names_of(pointers) + " FROM read_parquet(" + list + ") WHERE " + flow_condition(keys),
        pointers, [&](const Row& row) {
            if (keys.find(row.flow) != nullptr) visit(row);
        });
    if (failure) throw ArchiveUnreadable("the archive's files cannot be read: " + *failure);
}

}  // namespace picket::archive
