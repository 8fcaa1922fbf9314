// The index of addresses of merged files of flows: which blocks of their rows have an address at which end.
//
// A sort order serves sources. For destinations rows of merged files carry the number of their block in the
// column `block`; blocks are row groups, so that statistics skip all others. The index is a Parquet file as
// well: (ip_hi, ip_lo, block) of destinations, sorted, so that a look-up reads few pages of it. Where a merge
// made several files one index is of them all, and has the column `file`: the number in the name of each.
// A second file beside it has the same of sources, and what their flows of one part add up to
// (flow_amounts.h), and how many `others` there are: FileEntry::amounts. Before FileEntry::sources_apart both
// were in one file, with the column `ends`: 1 source, 2 destination, 3 both (then without amounts).
//
// PERF: an index to open is 1.0 to 1.8 ms (Intel Xeon, 2.3 GHz, warm, two columns of a few rows read); of 300
// M flows with an index a file there were 152.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controlplane/archive/catalog.h"
#include "controlplane/archive/database.h"
#include "controlplane/store/network_set.h"
#include "controlplane/store/shapes.h"

namespace picket::archive {

// The rows of some files of flows that fulfil the condition as one file has them: numbered by blocks, sorted
// if so wanted.
[[nodiscard]] std::string merged_flows(const std::string& list, const std::string& condition, bool sorted,
                                       std::size_t block_rows);
enum class End : std::uint8_t { source, destination };
// The rows of the index of one file, and of several within a directory.
[[nodiscard]] std::string index_of(const std::string& path, End end);
[[nodiscard]] std::string index_of_merge(const DurableDirectory& directory,
                                         const std::vector<FileEntry>& files, End end);

// Blocks of each of the files, all of which have an index, that hold flows to the set's addresses, by the
// file's path. Files without such blocks are left out. Throws ArchiveUnreadable.
[[nodiscard]] std::map<std::string, std::vector<std::uint32_t>> blocks_of_destination(
    Connection& connection, const std::vector<FilePointer>& files, const store::NetworkSet& set);

// Of a source in one block.
struct SourceAmounts {
    api::Address source;
    store::Totals totals;      // of told flows (flow_amounts.h)
    std::uint64_t others = 0;  // rows
};
// Of the set's addresses in each of the files, all of which have amounts, by the file's path. False, and some
// are missing, if there are more than rows_max of the set's in the indexes. REQUIRES: is_strict(set). Throws
// ArchiveUnreadable.
[[nodiscard]] bool read_amounts_of_sources(Connection& connection, const std::vector<FilePointer>& files,
                                           const store::NetworkSet& set, std::size_t rows_max,
                                           std::map<std::string, std::vector<SourceAmounts>>& amounts);

}  // namespace picket::archive
