// A user's own SQL over the closed files of an archive: read-only and bounded.
//
// Each query has an engine of its own, which may open the archive's files and nothing else, loads nothing,
// and whose settings are locked before the query comes. Only a single SELECT is run. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "controlplane/archive/archive.h"
#include "controlplane/archive/catalog.h"

namespace picket::archive {

// The tables flows, parts, requests, responses, hits and losses are described in docs/archive.md.
[[nodiscard]] SqlResult run_sql(const std::vector<FilePointer>& files, const std::string& sql,
                                const SqlLimits& limits);

}  // namespace picket::archive
