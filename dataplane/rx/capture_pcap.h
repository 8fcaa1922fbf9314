// Walks the records of a pcap file: micro- and nanoseconds, both byte orders, and the variants that have more
// in each record's header.
//
// A walker borrows the bytes, allocates nothing and checks every bound, so that it is safe on any content.
// One thread each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/rx/capture_damage.h"
#include "dataplane/rx/capture_load.h"
#include "dataplane/rx/frame.h"

namespace picket::rx {

// One packet of a capture, as the walkers see it.
struct CaptureRecord {
    const std::uint8_t* data = nullptr;
    std::uint32_t captured_length = 0;
    std::uint32_t wire_length = 0;
    std::uint64_t time_ns = 0;
    LinkType link_type = LinkType::ethernet;
    bool has_time = true;       // false: the format gives none (simple packet blocks)
    bool time_clamped = false;  // the time is outside of what time_ns can hold
};

enum class WalkStep : std::uint8_t { packet, end, damaged };

// The latest time that is handed out (the year 2262): room for timeouts to be added without overflow, and
// below the UINT64_MAX that stands for 'no more records'.
inline constexpr std::uint64_t capture_time_ns_max = INT64_MAX;

struct PcapLayout {
    enum class Lengths : std::uint8_t { captured_first, wire_first, either };

    bool swapped = false;
    Lengths lengths = Lengths::captured_first;
    std::uint8_t record_header = 16;    // bytes
    std::uint8_t record_padding = 0;    // bytes before the packet that its length includes (AIX's FDDI)
    std::uint32_t fraction_ns = 1000;   // nanoseconds in a unit of the time's second half
    std::uint32_t packet_max = 262144;  // bytes
    std::uint32_t first_record = 24;    // offset
    LinkType link_type = LinkType::ethernet;
};

// Reads the file header and guesses the variant from the first records, as Wireshark 4.0 does (the magic
// number does not tell the variants apart). Returns the damage where the header is damaged.
[[nodiscard]] Damage read_pcap_layout(std::span<const std::uint8_t> bytes, PcapLayout& layout) noexcept;

class PcapWalker {
  public:
    PcapWalker() = default;
    PcapWalker(std::span<const std::uint8_t> bytes, const PcapLayout& layout) noexcept
        : start_(bytes.data()),
          at_(bytes.data() + layout.first_record),
          end_(bytes.data() + bytes.size()),
          layout_(layout) {}

    // Fills the record and moves behind it. After end or damaged it stays where it is.
    WalkStep next(CaptureRecord& record) noexcept {
        const auto left = static_cast<std::size_t>(end_ - at_);
        if (left < layout_.record_header) [[unlikely]]
            return left == 0 ? WalkStep::end
                             : damaged(DamageKind::cut_record_header, left, layout_.record_header);
        const std::uint32_t seconds = load32(at_, layout_.swapped);
        const std::uint32_t fraction = load32(at_ + 4, layout_.swapped);
        std::uint32_t captured = load32(at_ + 8, layout_.swapped);
        std::uint32_t wire = load32(at_ + 12, layout_.swapped);
        if (layout_.lengths != PcapLayout::Lengths::captured_first) [[unlikely]]
            order_lengths(captured, wire);
        if (captured > layout_.packet_max) [[unlikely]]
            return damaged(DamageKind::packet_too_large, captured, layout_.packet_max);
        if (captured > left - layout_.record_header || captured < layout_.record_padding) [[unlikely]]
            return damaged(DamageKind::cut_packet, left - layout_.record_header, captured);
        record.data = at_ + layout_.record_header + layout_.record_padding;
        record.captured_length = captured - layout_.record_padding;
        record.wire_length = wire - layout_.record_padding;
        // At most 4.3e18 + 4.3e12: cannot overflow, and stays below capture_time_ns_max.
        record.time_ns =
            seconds * std::uint64_t{1'000'000'000} + std::uint64_t{fraction} * layout_.fraction_ns;
        record.link_type = layout_.link_type;
        record.has_time = true;
        record.time_clamped = false;
        at_ += layout_.record_header + captured;
        // PERF: the hardware's own fetching ahead loses its track while a burst is processed: 2.33 instead of
        // 2.55 s for the replay of 10 M small packets. Beyond the end this does nothing.
        __builtin_prefetch(
            reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(at_) + ahead_bytes));
        return WalkStep::packet;
    }

    [[nodiscard]] std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - start_); }
    [[nodiscard]] const Damage& damage() const noexcept { return damage_; }

  private:
    static constexpr std::size_t ahead_bytes = 2048;  // some 25 records of the smallest frames

    void order_lengths(std::uint32_t& captured, std::uint32_t& wire) const noexcept;
    WalkStep damaged(DamageKind kind, std::uint64_t found, std::uint64_t wanted) noexcept;

    const std::uint8_t* start_ = nullptr;
    const std::uint8_t* at_ = nullptr;
    const std::uint8_t* end_ = nullptr;
    PcapLayout layout_;
    Damage damage_;
};

}  // namespace picket::rx
