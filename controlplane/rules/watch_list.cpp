// Watch lists: text to ranges, and many lists to one table of disjoint ranges.
#include "controlplane/rules/watch_list.h"

#include <map>

#include "controlplane/rules/range_set.h"
#include "controlplane/rules/rule_text.h"

namespace picket::rules {

WatchListSource parse_watch_list(std::string name, std::string_view text, const std::string& file,
                                 std::vector<Reject>& rejects) {
    WatchListSource list{std::move(name), {}};
    std::uint32_t number = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        ++number;
        line = trim(line.substr(0, line.find('#')));
        if (line.empty()) {
            continue;
        }
        api::AddressRange range;
        if (parse_network(line, range)) {
            list.ranges.push_back(range);
        } else {
            rejects.push_back({file, number, std::nullopt, "watch",
                               "'" + std::string(line) + "' is not an address or network"});
        }
    }
    return list;
}

std::vector<api::WatchRange> merge_watch_lists(const std::vector<WatchListSource>& lists) {
    // Where membership changes: the lists whose bits flip at this address.
    std::map<api::Address, std::uint64_t> flips;
    std::uint64_t open_to_end = 0;
    for (std::size_t i = 0; i < lists.size(); ++i) {
        const std::uint64_t bit = std::uint64_t{1} << i;
        for (const api::AddressRange& range : join_ranges(lists[i].ranges)) {
            flips[range.first] ^= bit;
            if (range.last == last_address()) {
                open_to_end |= bit;
            } else {
                flips[next_address(range.last)] ^= bit;
            }
        }
    }
    std::vector<api::WatchRange> merged;
    std::uint64_t current = 0;
    for (const auto& [address, bits] : flips) {
        if (current != 0) {
            merged.back().last = previous_address(address);
        }
        current ^= bits;
        if (current != 0) {
            merged.push_back({address, address, current});
        }
    }
    if (open_to_end != 0) {
        merged.back().last = last_address();
    }
    return merged;
}

}  // namespace picket::rules
