// The table `flows`: a row a part of a flow, with all that picketd knows of it (docs/archive.md).
#pragma once

#include <string_view>
#include <vector>

#include "controlplane/archive/column.h"
#include "controlplane/store/stored_flow.h"

namespace picket::archive {

// In the order of the file. Immutable, made once.
const std::vector<Column<store::StoredFlow>>& flow_columns();

// Is the column one of those that a flow's details tell alone, and no row of an answer? Parts add up to the
// same row without them.
bool is_detail(std::string_view column) noexcept;

// Enumerations of a row that was read become their neutral value if they are out of range: a file may be
// damaged, and names are looked up by them.
void make_safe(store::StoredFlow& flow) noexcept;

}  // namespace picket::archive
