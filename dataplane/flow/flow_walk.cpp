// Snapshots of live flows.
#include <algorithm>
#include <cstring>

#include "dataplane/flow/flow_record.h"
#include "dataplane/flow/flow_tracker.h"

namespace picket::flow {
namespace {

bool within(const api::Address& address, const api::Prefix& prefix) noexcept {
    const unsigned bits = std::min<unsigned>(prefix.length, 128);
    const unsigned whole = bits / 8;
    if (std::memcmp(address.bytes.data(), prefix.address.bytes.data(), whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const unsigned shift = 8 - bits % 8;
    return (address.bytes[whole] >> shift) == (prefix.address.bytes[whole] >> shift);
}

bool passes(const api::FlowRecord& record, const api::WalkFilter& filter) noexcept {
    if (filter.protocol != 0 && record.protocol != filter.protocol) return false;
    if (filter.port != 0 && record.source_port != filter.port && record.destination_port != filter.port)
        return false;
    const std::size_t count = std::min<std::size_t>(filter.prefix_count, api::walk_prefixes_max);
    if (count == 0) return true;
    return std::any_of(filter.prefixes.begin(), filter.prefixes.begin() + static_cast<std::ptrdiff_t>(count),
                       [&record](const api::Prefix& prefix) {
                           return within(record.source, prefix) || within(record.destination, prefix);
                       });
}

}  // namespace

std::size_t FlowTracker::walk(std::size_t position, std::size_t records, std::uint64_t walk_id,
                              const api::WalkFilter& filter, RecordSink& sink) noexcept {
    const std::size_t end = std::min(position + records, table_.records());
    for (; position < end; ++position) {
        const HotFlow* hot = table_.hot_in_use(static_cast<std::uint32_t>(position));
        if (hot == nullptr) continue;
        api::FlowRecord record;
        fill_record(table_.state_of(*hot), record);
        record.end_reason = api::EndReason::live;
        record.walk_id = walk_id;
        if (passes(record, filter)) sink.flow_record(record);
    }
    return position;
}

}  // namespace picket::flow
