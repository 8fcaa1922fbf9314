#include "controlplane/import/foreign_flow.h"

#include <algorithm>
#include <charconv>

#include "controlplane/store/address_text.h"
#include "controlplane/store/protocol_text.h"

namespace picket::importer {
namespace {

// Two months at 100 Gbit/s; sums of a hundred such flows still fit 64 bits.
constexpr std::uint64_t count_max = std::uint64_t{1} << 56;

bool is_masked(std::string_view text) {
    return !text.empty() && text.find_first_of("Xx") != std::string_view::npos &&
           text.find_first_not_of("Xx.:0123456789") == std::string_view::npos;
}

}  // namespace

store::StoredFlow new_flow() {
    store::StoredFlow flow;
    flow.part = 1;
    flow.final = 1;
    flow.flags = store::flow_imported;
    flow.end_reason = api::EndReason::forced_end;
    return flow;
}

std::optional<api::Address> parse_end(std::string_view text, bool& masked) {
    if (is_masked(text)) {
        masked = true;
        return store::parse_address("0.0.0.0");
    }
    return store::parse_address(text);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

void set_ports(store::StoredFlow& flow, std::uint16_t source, std::uint16_t destination) noexcept {
    if (!store::has_ports(flow.protocol)) return;
    flow.source_port = source;
    flow.destination_port = destination;
}

std::string complete(store::StoredFlow& flow) {
    if (flow.last_ns < flow.start_ns) return "it ends before it begins";
    if (flow.packets() == 0) return "it has no packet";
    flow.part_first_ns = flow.start_ns;
    for (api::FlowDirection& direction : flow.directions) {
        if (direction.packets == 0) {
            if (direction.bytes > 0) return "it has bytes without packets";
            continue;
        }
        if (direction.packets > count_max || direction.bytes > count_max)
            return "it has more packets or bytes than a link can carry";
        direction.first_ns = flow.start_ns;
        direction.last_ns = flow.last_ns;
    }
    return {};
}

}  // namespace picket::importer
