#include "controlplane/cli/link_view.h"

#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

std::string share(std::uint64_t part, std::uint64_t all) {
    if (all == 0) return "-";
    return fixed(100.0 * static_cast<double>(part) / static_cast<double>(all), 1) + " %";
}

}  // namespace

void LinkView::add(const Json& link) {
    ++ports;
    duplicates += count_at(link, "duplicates");
    recorded += count_at(link, "recorded");
    one_way += count_at(link, "one_way");
    swapped += count_at(link, "swapped");
}

std::string LinkView::text() const {
    std::string text = "one-way " + share(one_way, recorded);
    if (ports > 1) text += "   swapped " + share(swapped, recorded);
    return text + "   duplicates " + grouped(duplicates);
}

}  // namespace picket::cli
