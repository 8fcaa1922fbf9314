// Flows that an index has added up by their source: of their rows no more than the other end is read.
//
// PERF: a question about twenty addresses of months reads 18 columns of each block that has one of them, of
// which most rows are of others; the other ends are two columns (docs/archive.md).
//
// Not thread-safe.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "controlplane/archive/catalog.h"
#include "controlplane/archive/database.h"
#include "controlplane/store/query.h"
#include "controlplane/store/shapes.h"

namespace picket::archive {

// Files of which all told flows (flow_amounts.h) of the question's sources are added up, by their paths.
struct ToldSources {
    std::set<std::string> all;          // and nothing is left to be read of them
    std::set<std::string> with_others;  // rows that are no told flow are left
};

// The addresses that choose the flows, by their source alone or by either end, if nothing but addresses and
// times chooses them and the answer shows totals, talkers, or few rows; else nullptr.
[[nodiscard]] const store::NetworkSet* told_addresses(const store::Query& query);

// Adds up what it can of the files, which have indexes. live: flows that may be in files too. Of few rows
// that are shown the files are left to be read. REQUIRES: `set` is told_addresses(query). Throws
// ArchiveUnreadable.
[[nodiscard]] ToldSources tell_sources(Connection& connection, const std::vector<FilePointer>& files,
                                       const store::Query& query, const store::NetworkSet& set,
                                       std::span<const store::StoredFlow> live, store::FlowShaper& shaper);

}  // namespace picket::archive
