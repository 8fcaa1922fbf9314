// The tables that a user's SQL sees, over the files of an archive.
#pragma once

#include <string>
#include <vector>

#include "controlplane/archive/catalog.h"

namespace picket::archive {

// Statements that make the macros and views.
[[nodiscard]] std::vector<std::string> sql_views(const std::vector<FilePointer>& files);

}  // namespace picket::archive
