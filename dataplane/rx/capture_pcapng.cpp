#include "dataplane/rx/capture_pcapng.h"

#include <algorithm>

#include "dataplane/rx/capture_pcapng_blocks.h"

namespace picket::rx {

namespace {

__extension__ using Int128 = __int128;

constexpr std::uint64_t ns_in_second = 1'000'000'000;

std::uint64_t power_of_ten(unsigned exponent) noexcept {
    std::uint64_t power = 1;
    for (unsigned i = 0; i < exponent; ++i) power *= 10;
    return power;
}

}  // namespace

void PcapngClock::set_resolution(std::uint8_t resolution) noexcept {
    exponent = resolution & 0x7f;
    if ((resolution & 0x80) != 0) {
        unit = Unit::power_of_two;
    } else if (exponent <= 9) {
        unit = Unit::multiple;
        factor = power_of_ten(9U - exponent);
    } else {
        unit = Unit::fraction;
        // Beyond 10^28 ticks a second no 64-bit count of them reaches a nanosecond.
        factor = exponent <= 28 ? power_of_ten(exponent - 9U) : UINT64_MAX;
    }
}

std::uint64_t PcapngClock::time_ns_slow(std::uint64_t ticks, bool& clamped) const noexcept {
    Int128 time = 0;
    switch (unit) {
        case Unit::multiple:
            time = static_cast<Int128>(ticks) * factor;
            break;
        case Unit::fraction:
            time = static_cast<Int128>(ticks / factor);
            break;
        case Unit::power_of_two:
            time = (static_cast<Int128>(ticks) * ns_in_second) >> exponent;
            break;
    }
    time += static_cast<Int128>(offset_seconds) * static_cast<std::int64_t>(ns_in_second);
    clamped = time < 0 || time > static_cast<Int128>(capture_time_ns_max);
    if (time < 0) return 0;
    return clamped ? capture_time_ns_max : static_cast<std::uint64_t>(time);
}

bool PcapngWalker::damaged(DamageKind kind, std::uint64_t found, std::uint64_t wanted) noexcept {
    damage_ = {kind, offset(), found, wanted};
    return false;
}

bool PcapngWalker::require(const PcapngBlock& block, std::size_t least) noexcept {
    if (block.length < least) return damaged(DamageKind::block_too_short, block.length, least);
    if (left() < least) return damaged(DamageKind::cut_block, left(), block.length);
    return true;
}

// The byte order is that of the mark inside the section header itself, its length included.
bool PcapngWalker::read_section_order(PcapngBlock& block) noexcept {
    using namespace pcapng;
    if (left() < section_least) return damaged(DamageKind::cut_block, left(), section_least);
    const std::uint32_t mark = load32(at_ + 8, false);
    if (mark != byte_order_mark && mark != __builtin_bswap32(byte_order_mark))
        return damaged(DamageKind::section_magic, mark, byte_order_mark);
    swapped_ = mark != byte_order_mark;
    block.length = load32(at_ + 4, swapped_);
    return true;
}

bool PcapngWalker::read_packet(PcapngBlock& block, CaptureRecord& record, std::size_t fixed) noexcept {
    if (!require(block, fixed)) return false;
    const std::uint32_t interface =
        block.type == pcapng::enhanced_packet ? load32(at_ + 8, swapped_) : load16(at_ + 8, swapped_);
    const std::uint64_t ticks = std::uint64_t{load32(at_ + 12, swapped_)} << 32 | load32(at_ + 16, swapped_);
    record.captured_length = load32(at_ + 20, swapped_);
    record.wire_length = load32(at_ + 24, swapped_);
    const std::uint64_t padded = (std::uint64_t{record.captured_length} + 3) & ~std::uint64_t{3};
    if (fixed + padded > block.length)
        return damaged(DamageKind::packet_outside_block, record.captured_length, block.length);
    const std::size_t index = std::size_t{first_interface_} + interface;
    if (interface >= interfaces_seen_ || index >= tables_->interfaces.size())
        return damaged(DamageKind::no_interface, interface, interfaces_seen_);
    const PcapngInterface& on = tables_->interfaces[index];
    if (record.captured_length > on.packet_max)
        return damaged(DamageKind::packet_too_large, record.captured_length, on.packet_max);
    record.data = at_ + pcapng::packet_data;
    record.link_type = on.link_type;
    record.has_time = true;
    record.time_clamped = false;
    record.time_ns = on.clock.time_ns(ticks, record.time_clamped);
    if (fixed + padded < block.length) block.options = record.data + padded;
    return true;
}

// A simple packet belongs to the section's first interface and has no time. How much of it was captured
// follows from the interface's snap length.
bool PcapngWalker::read_simple_packet(const PcapngBlock& block, CaptureRecord& record) noexcept {
    using namespace pcapng;
    if (!require(block, simple_least)) return false;
    if (interfaces_seen_ == 0 || first_interface_ >= tables_->interfaces.size())
        return damaged(DamageKind::no_interface, 0, 0);
    const PcapngInterface& on = tables_->interfaces[first_interface_];
    record.wire_length = load32(at_ + 8, swapped_);
    record.captured_length = record.wire_length;
    if (on.snap_length != 0) record.captured_length = std::min(record.captured_length, on.snap_length);
    const std::uint64_t padded = (std::uint64_t{record.captured_length} + 3) & ~std::uint64_t{3};
    if (simple_least + padded > block.length)
        return damaged(DamageKind::packet_outside_block, record.captured_length, block.length);
    if (record.captured_length > on.packet_max)
        return damaged(DamageKind::packet_too_large, record.captured_length, on.packet_max);
    // There are no options: what follows the packet is the trailing length. The block's own is wrong
    // otherwise.
    if (simple_least + padded < block.length)
        return damaged(DamageKind::block_lengths_differ, simple_least + padded, block.length);
    record.data = at_ + simple_data;
    record.link_type = on.link_type;
    record.has_time = false;
    record.time_clamped = false;
    record.time_ns = 0;
    return true;
}

PcapngWalker::BlockStep PcapngWalker::read_block(PcapngBlock& block, CaptureRecord& record) noexcept {
    using namespace pcapng;
    if (left() < block_header) {
        if (left() == 0) return BlockStep::end;
        damaged(DamageKind::cut_block_header, left(), block_header);
        return BlockStep::damaged;
    }
    block.start = at_;
    block.options = nullptr;
    block.type = load32(at_, swapped_);
    block.length = load32(at_ + 4, swapped_);
    const bool section = block.type == section_header;  // a palindrome: the same in both orders
    if (section && !read_section_order(block)) return BlockStep::damaged;
    if (block.length > block_length_max) {
        damaged(DamageKind::block_too_large, block.length, block_length_max);
        return BlockStep::damaged;
    }
    block.length = (block.length + 3) & ~3U;  // some writers leave the padding out of the length

    bool good = true;
    if (block.type == enhanced_packet || block.type == obsolete_packet)
        good = read_packet(block, record, packet_least);
    else if (block.type == simple_packet)
        good = read_simple_packet(block, record);
    else
        good = require(block, section ? section_least : block_least);
    if (good && left() < block.length) good = damaged(DamageKind::cut_block, left(), block.length);
    if (!good) return BlockStep::damaged;
    const bool packet =
        block.type == enhanced_packet || block.type == simple_packet || block.type == obsolete_packet;
    return packet ? BlockStep::packet : BlockStep::other;
}

bool PcapngWalker::finish_block(const PcapngBlock& block) noexcept {
    const std::uint64_t trailing = load32(at_ + block.length - 4, swapped_);
    if (((trailing + 3) & ~std::uint64_t{3}) != block.length)
        return damaged(DamageKind::block_lengths_differ, trailing, block.length);
    at_ += block.length;
    return true;
}

void PcapngWalker::enter_section() noexcept {
    interfaces_seen_ = 0;
    if (sections_seen_ < tables_->first_interfaces.size())
        first_interface_ = tables_->first_interfaces[sections_seen_++];
}

WalkStep PcapngWalker::next(CaptureRecord& record) noexcept {
    PcapngBlock block;
    for (;;) {
        const BlockStep step = read_block(block, record);
        if (step == BlockStep::end) return WalkStep::end;
        if (step == BlockStep::damaged || !finish_block(block)) return WalkStep::damaged;
        if (step == BlockStep::packet) return WalkStep::packet;
        if (block.type == pcapng::section_header) enter_section();
        if (block.type == pcapng::interface_description) enter_interface();
    }
}

}  // namespace picket::rx
