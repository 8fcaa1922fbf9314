// A capture file: opened once, scanned once, immutable afterwards and shareable between threads.
//
// Formats: pcap (micro- and nanoseconds, both byte orders, the variants of patched libpcaps, AIX, Nokia and
// Ixia), pcapng, either of them gzip-compressed or through a pipe ("-": standard input). See capture_bytes.h
// for where the bytes live.
//
// Opening walks over all record headers once: it counts, finds where damage begins, and notes the least time
// of each block of records, so that flows can be expired exactly however the records are ordered in time.
// Memory: the map, 16 bytes for every 4,096 records, and the interfaces of a pcapng file.
//
// What is damaged, and how many packets precede the damage, agrees with capinfos of Wireshark 4.0. Deliberate
// differences:
// - An empty file, and one that is neither pcap nor pcapng, is refused (capinfos finds no fault in an empty
//   file, reads other formats, and takes some short files for text).
// - A link type that is unknown is no damage: its packets are counted (capinfos refuses such pcap files).
// - A pcapng file cut inside its first section header is damaged (capinfos takes it for another format).
// - Wireshark decodes the pseudo-headers of some link types (ERF, IrDA, ATM, LAPD, MTP2, Bluetooth ...) while
//   it reads, and calls a packet without room for one damage. Here a packet is bytes.
// - The contents of systemd journal, sysdig and vendors' custom blocks are not looked at.
// - A pcapng file with more than a million interfaces is damaged; one gzip member may be followed only by
//   others (Wireshark reads what follows as if it were capture data).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/rx/capture_bytes.h"
#include "dataplane/rx/capture_pcap.h"
#include "dataplane/rx/capture_pcapng.h"

namespace picket::rx {

struct CaptureSummary {
    std::string path;
    std::uint64_t packets = 0;         // records before the damage, if any
    std::uint64_t bytes = 0;           // of these packets on the wire, as the records say
    std::uint64_t captured_bytes = 0;  // of these packets in the file
    std::uint64_t first_ns = 0;        // the least and the greatest time of a record, since 1970, wherever in
    std::uint64_t last_ns = 0;         // the file it stands; 0 if no record has a time
    std::uint64_t untimed = 0;         // records without a time: they take that of the record before them
    std::uint64_t clamped = 0;         // records whose time does not fit: they take the nearest that does
    bool truncated = false;            // the file ends too early (the error says how)
    std::string error;                 // empty, or what is damaged at which byte
    std::uint64_t damage_offset = 0;   // of the (unpacked) file; up to there it is sound
};

class CaptureFile {
  public:
    // Throws SetupError: exit status 2 for a file that is missing or unreadable, 4 for one that is empty or
    // not a capture, 3 if it cannot be mapped. Damage further on is not thrown: see summary().error.
    static std::shared_ptr<const CaptureFile> open(const std::string& path, const CaptureLimits& limits = {});

    [[nodiscard]] const CaptureSummary& summary() const noexcept { return summary_; }

    // How cursors see the file.
    enum class Format : std::uint8_t { none, pcap, pcapng };
    [[nodiscard]] Format format() const noexcept { return format_; }
    [[nodiscard]] const CaptureBytes& bytes() const noexcept { return bytes_; }
    [[nodiscard]] const PcapLayout& pcap_layout() const noexcept { return layout_; }
    [[nodiscard]] const PcapngTables& pcapng_tables() const noexcept { return tables_; }
    // The time that untimed records take before any record with a time.
    [[nodiscard]] std::uint64_t initial_time_ns() const noexcept { return initial_time_ns_; }

    // A lower bound of the times of the records from the one with this index on, which has the time head_ns;
    // exact where its block is in order. UINT64_MAX if there are none.
    [[nodiscard]] std::uint64_t future_min_time_ns(std::uint64_t index,
                                                   std::uint64_t head_ns) const noexcept {
        if (index >= summary_.packets) return UINT64_MAX;
        const TimeBlock& block = blocks_[index / block_records];
        if (!block.ordered) return block.least_from_here;
        return head_ns < block.least_after ? head_ns : block.least_after;
    }

    static constexpr std::uint64_t block_records = 4096;

  private:
    struct TimeBlock {
        std::uint64_t least_from_here = UINT64_MAX;  // of this and all later blocks
        std::uint64_t least_after = UINT64_MAX;      // of all later blocks
        bool ordered = true;  // no record of the block is earlier than the one before it
    };

    explicit CaptureFile(const std::string& path, const CaptureLimits& limits);
    template <typename Walker>
    Damage scan(Walker walker);
    void add(CaptureRecord& record, std::uint64_t& previous_ns);
    void finish_blocks() noexcept;

    CaptureBytes bytes_;
    CaptureSummary summary_;
    Format format_ = Format::none;
    PcapLayout layout_;
    PcapngTables tables_;
    std::uint64_t initial_time_ns_ = 0;
    std::vector<TimeBlock> blocks_;
};

}  // namespace picket::rx
