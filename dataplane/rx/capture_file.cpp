#include "dataplane/rx/capture_file.h"

#include <algorithm>

#include "dataplane/rx/capture_pages.h"
#include "dataplane/rx/capture_pcapng_blocks.h"

namespace picket::rx {

std::shared_ptr<const CaptureFile> CaptureFile::open(const std::string& path, const CaptureLimits& limits) {
    return std::shared_ptr<const CaptureFile>(new CaptureFile(path, limits));
}

CaptureFile::CaptureFile(const std::string& path, const CaptureLimits& limits) : bytes_(path, limits) {
    summary_.path = path;
    Damage damage;
    const std::span<const std::uint8_t> bytes = bytes_.bytes();
    if (bytes.size() >= 4 && load32(bytes.data(), false) == pcapng::section_header) {
        format_ = Format::pcapng;
        damage = scan(PcapngScanner(bytes, tables_));
    } else if (bytes.size() >= 4) {
        damage = read_pcap_layout(bytes, layout_);
        if (!damage.any()) {
            format_ = Format::pcap;
            damage = scan(PcapWalker(bytes, layout_));
        }
    }
    finish_blocks();
    // What ends early because the gzip data ended early is the gzip data's damage.
    const Damage& unpacking = bytes_.unpack_damage();
    if (unpacking.any() && (!damage.any() || is_cut(damage.kind))) damage = unpacking;
    summary_.error = sentence(damage, summary_.packets, bytes_.unpacked());
    summary_.truncated = is_cut(damage.kind);
    summary_.damage_offset = damage.offset;
}

template <typename Walker>
Damage CaptureFile::scan(Walker walker) {
    PageWindow window(bytes_);
    CaptureRecord record;
    std::uint64_t previous_ns = 0;
    WalkStep step;
    while ((step = walker.next(record)) == WalkStep::packet) {
        add(record, previous_ns);
        window.advance(walker.offset());
    }
    window.close();
    return step == WalkStep::damaged ? walker.damage() : Damage{};
}

inline void CaptureFile::add(CaptureRecord& record, std::uint64_t& previous_ns) {
    CaptureSummary& sum = summary_;
    if (sum.packets % block_records == 0) blocks_.emplace_back();
    TimeBlock& block = blocks_.back();
    const std::uint64_t timed = sum.packets - sum.untimed;
    ++sum.packets;
    sum.bytes += record.wire_length;
    sum.captured_bytes += record.captured_length;
    if (!record.has_time) [[unlikely]] {
        ++sum.untimed;
        if (timed != 0) block.least_from_here = std::min(block.least_from_here, previous_ns);
        return;
    }
    if (timed == 0) [[unlikely]] {
        initial_time_ns_ = previous_ns = record.time_ns;
        sum.first_ns = sum.last_ns = record.time_ns;
    }
    sum.clamped += record.time_clamped;
    sum.first_ns = std::min(sum.first_ns, record.time_ns);
    sum.last_ns = std::max(sum.last_ns, record.time_ns);
    if (record.time_ns < previous_ns) block.ordered = false;
    block.least_from_here = std::min(block.least_from_here, record.time_ns);
    previous_ns = record.time_ns;
}

// Turns the least time of each block into the least of it and all later ones.
void CaptureFile::finish_blocks() noexcept {
    std::uint64_t after = UINT64_MAX;
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
        block->least_after = after;
        block->least_from_here = std::min(block->least_from_here, after);
        after = block->least_from_here;
    }
}

}  // namespace picket::rx
