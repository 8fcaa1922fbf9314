#include "dataplane/match/flow_bits.h"

#include <algorithm>
#include <bit>

namespace picket::match {

FlowBits::FlowBits(std::size_t records)
    : heads_(std::bit_ceil(records), none),
      records_(std::make_unique_for_overwrite<Record[]>(records)),
      capacity_(records) {}

bool FlowBits::is_set(std::uint32_t flow, std::uint32_t bit) const noexcept {
    for (std::uint32_t at = heads_[place_of(flow)]; at != none; at = records_[at].next) {
        const Record& record = records_[at];
        if (record.flow == flow && std::find(record.bits.begin(), record.bits.begin() + record.count, bit) !=
                                       record.bits.begin() + record.count) {
            return true;
        }
    }
    return false;
}

bool FlowBits::set(std::uint32_t flow, std::uint32_t bit) noexcept {
    if (is_set(flow, bit)) return true;
    std::uint32_t& head = head_of(flow);
    for (std::uint32_t at = head; at != none; at = records_[at].next) {
        Record& record = records_[at];
        if (record.flow == flow && record.count < bits_a_record) {
            record.bits[record.count++] = bit;
            return true;
        }
    }
    std::uint32_t fresh = free_;
    if (fresh != none) {
        free_ = records_[fresh].next;
    } else if (touched_ < capacity_) {
        fresh = static_cast<std::uint32_t>(touched_++);
    } else {
        return false;
    }
    records_[fresh] = Record{flow, head, 1, {bit}};
    head = fresh;
    ++in_use_;
    return true;
}

void FlowBits::free_record(std::uint32_t& link) noexcept {
    const std::uint32_t freed = link;
    link = records_[freed].next;
    records_[freed].next = free_;
    free_ = freed;
    --in_use_;
}

void FlowBits::unset(std::uint32_t flow, std::uint32_t bit) noexcept {
    for (std::uint32_t* link = &head_of(flow); *link != none; link = &records_[*link].next) {
        Record& record = records_[*link];
        if (record.flow != flow) continue;
        for (std::uint32_t i = 0; i < record.count; ++i) {
            if (record.bits[i] != bit) continue;
            record.bits[i] = record.bits[--record.count];
            if (record.count == 0) free_record(*link);
            return;
        }
    }
}

void FlowBits::forget(std::uint32_t flow) noexcept {
    if (in_use_ == 0) return;
    for (std::uint32_t* link = &head_of(flow); *link != none;) {
        if (records_[*link].flow == flow) {
            free_record(*link);
        } else {
            link = &records_[*link].next;
        }
    }
}

}  // namespace picket::match
