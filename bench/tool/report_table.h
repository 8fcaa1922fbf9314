// A report for people: machine, a table, what each row means. Within 80 columns unless wide.
#pragma once

#include <iosfwd>

#include "bench/tool/row.h"

namespace picket::bench {

struct TableStyle {
    bool wide = false;
    bool bold = false;
};

void print_report(std::ostream& out, const Report& report, const TableStyle& style);

}  // namespace picket::bench
