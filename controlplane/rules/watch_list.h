// Watch lists as the compiler takes them, and the table that the data plane searches.
//
// Pure functions on values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rules/rule.h"

namespace picket::rules {

struct WatchListSource {
    std::string name;                       // at most 63 bytes
    std::vector<api::AddressRange> ranges;  // any order, may overlap
};

// Reads a watch list: one address or network (a/n) a line, IPv4 or IPv6, '#' begins a comment. Lines that
// are not understood become rejects; the others load.
WatchListSource parse_watch_list(std::string name, std::string_view text, const std::string& file,
                                 std::vector<Reject>& rejects);

// Disjoint, sorted ranges with the lists that hold them; list i is bit i. REQUIRES at most 64 lists.
std::vector<api::WatchRange> merge_watch_lists(const std::vector<WatchListSource>& lists);

}  // namespace picket::rules
