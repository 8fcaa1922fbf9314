// Walks the blocks of a pcapng file (draft-ietf-opsawg-pcapng): several sections of either byte order,
// several interfaces with their own link type and clock, enhanced, simple and obsolete packet blocks; others
// are skipped.
//
// The first walk over a file (PcapngScanner) collects its sections and interfaces in PcapngTables and checks
// options and other blocks, which later walks (PcapngWalker over the same tables) need not do. Walkers borrow
// bytes and tables, allocate nothing and check every bound. One thread each; the tables are immutable after
// the scan and shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/rx/capture_damage.h"
#include "dataplane/rx/capture_pcap.h"

namespace picket::rx {

// Turns an interface's ticks into nanoseconds since 1970.
struct PcapngClock {
    enum class Unit : std::uint8_t { multiple, fraction, power_of_two };

    Unit unit = Unit::multiple;
    std::uint8_t exponent = 0;        // power_of_two: a tick is 2^-exponent s
    std::uint64_t factor = 1000;      // multiple: ns in a tick; fraction: ticks in a ns
    std::int64_t offset_seconds = 0;  // if_tsoffset

    // The value of if_tsresol: a power of ten, or of two if the top bit is set.
    void set_resolution(std::uint8_t resolution) noexcept;

    // Out of the range of time_ns: clamped to 0 or capture_time_ns_max, and says so.
    [[nodiscard]] std::uint64_t time_ns(std::uint64_t ticks, bool& clamped) const noexcept {
        if (unit == Unit::multiple && offset_seconds == 0 && ticks <= capture_time_ns_max / factor) [[likely]]
            return ticks * factor;
        return time_ns_slow(ticks, clamped);
    }

  private:
    [[nodiscard]] std::uint64_t time_ns_slow(std::uint64_t ticks, bool& clamped) const noexcept;
};

struct PcapngInterface {
    LinkType link_type = LinkType::ethernet;
    std::uint32_t snap_length = 0;  // 0: none
    std::uint32_t packet_max = 0;
    PcapngClock clock;
};

struct PcapngTables {
    std::vector<std::uint32_t> first_interfaces;  // of each section: index into interfaces
    std::vector<PcapngInterface> interfaces;
};

// The part of a block that its header gives.
struct PcapngBlock {
    const std::uint8_t* start = nullptr;  // of the block
    std::uint32_t type = 0;
    std::uint32_t length = 0;               // of the whole block, rounded up to a multiple of four
    const std::uint8_t* options = nullptr;  // of packet blocks: where the options begin, if there are any
};

class PcapngWalker {
  public:
    PcapngWalker() = default;
    PcapngWalker(std::span<const std::uint8_t> bytes, const PcapngTables& tables) noexcept
        : start_(bytes.data()), at_(start_), end_(start_ + bytes.size()), tables_(&tables) {}

    // Fills the record and moves behind its block. After end or damaged it stays where it is.
    WalkStep next(CaptureRecord& record) noexcept;

    [[nodiscard]] std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - start_); }
    [[nodiscard]] const Damage& damage() const noexcept { return damage_; }

  protected:
    enum class BlockStep : std::uint8_t { packet, other, end, damaged };

    // Reads one block up to, and not including, its trailing length.
    BlockStep read_block(PcapngBlock& block, CaptureRecord& record) noexcept;
    // Checks the trailing length and moves behind the block.
    bool finish_block(const PcapngBlock& block) noexcept;

    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    [[nodiscard]] bool swapped() const noexcept { return swapped_; }
    bool damaged(DamageKind kind, std::uint64_t found, std::uint64_t wanted) noexcept;

    // Enters the next section or interface of the tables.
    void enter_section() noexcept;
    void enter_interface() noexcept { ++interfaces_seen_; }

    const std::uint8_t* start_ = nullptr;
    const std::uint8_t* at_ = nullptr;
    const std::uint8_t* end_ = nullptr;

  private:
    bool read_section_order(PcapngBlock& block) noexcept;
    bool read_packet(PcapngBlock& block, CaptureRecord& record, std::size_t fixed) noexcept;
    bool read_simple_packet(const PcapngBlock& block, CaptureRecord& record) noexcept;
    bool require(const PcapngBlock& block, std::size_t least) noexcept;

    const PcapngTables* tables_ = nullptr;
    bool swapped_ = false;
    std::uint32_t sections_seen_ = 0;
    std::uint32_t first_interface_ = 0;
    std::uint32_t interfaces_seen_ = 0;  // of this section
    Damage damage_;
};

// The first walk: fills the tables, which must be empty and outlive it.
class PcapngScanner : private PcapngWalker {
  public:
    PcapngScanner(std::span<const std::uint8_t> bytes, PcapngTables& tables) noexcept
        : PcapngWalker(bytes, tables), tables_(tables) {}

    // May allocate in the tables.
    WalkStep next(CaptureRecord& record);

    using PcapngWalker::damage;
    using PcapngWalker::offset;

  private:
    bool scan_other(const PcapngBlock& block);
    bool check_version(const PcapngBlock& block) noexcept;
    bool add_interface(const PcapngBlock& block);

    PcapngTables& tables_;
};

}  // namespace picket::rx
