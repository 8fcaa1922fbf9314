// Reads the packets of one capture file in file order, those before its damage if it is damaged.
//
// A cursor shares the file with other cursors and allocates nothing after construction. One thread each. The
// bytes of its frames live as long as the file.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "dataplane/rx/capture_file.h"
#include "dataplane/rx/capture_pages.h"
#include "dataplane/rx/frame.h"

namespace picket::rx {

class CaptureCursor {
  public:
    explicit CaptureCursor(std::shared_ptr<const CaptureFile> file)
        : file_(std::move(file)),
          packets_(file_->summary().packets),
          pcap_(file_->format() == CaptureFile::Format::pcap),
          previous_ns_(file_->initial_time_ns()),
          window_(file_->bytes()) {
        if (pcap_)
            pcap_walker_ = PcapWalker(file_->bytes().bytes(), file_->pcap_layout());
        else
            pcapng_walker_ = PcapngWalker(file_->bytes().bytes(), file_->pcapng_tables());
    }

    // Fills the frame, its sequence being the position in this file, and returns true; false at the end.
    bool next(Frame& frame) noexcept {
        if (delivered_ == packets_) return false;
        CaptureRecord record;
        const bool there = pcap_ ? walk(pcap_walker_, record) : walk(pcapng_walker_, record);
        if (!there) [[unlikely]]
            return lose_rest();
        frame.data = record.data;
        frame.captured_length = record.captured_length;
        frame.wire_length = record.wire_length;
        frame.time_ns = previous_ns_ = record.time_ns;
        frame.sequence = delivered_++;
        frame.port = 0;
        frame.link_type = record.link_type;
        window_.advance(pcap_ ? pcap_walker_.offset() : pcapng_walker_.offset());
        return true;
    }

    // A lower bound of the times of all records not yet delivered, UINT64_MAX if there are none; exact where
    // the block of 4,096 records in hand is in order. Reads one record header: call it once a burst.
    [[nodiscard]] std::uint64_t future_min_time_ns() const noexcept {
        if (delivered_ == packets_) return UINT64_MAX;
        CaptureRecord record;
        PcapWalker pcap = pcap_walker_;
        PcapngWalker pcapng = pcapng_walker_;
        if (!(pcap_ ? walk(pcap, record) : walk(pcapng, record))) return UINT64_MAX;
        return file_->future_min_time_ns(delivered_, record.time_ns);
    }

    // Gives the pages of the file back that this cursor may have left resident.
    void release_pages() noexcept { window_.close(); }

    // Records that were there when the file was opened and are gone, because another process changed the
    // file.
    [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

  private:
    template <typename Walker>
    bool walk(Walker& walker, CaptureRecord& record) const noexcept {
        const bool there = walker.next(record) == WalkStep::packet;
        if (!record.has_time) [[unlikely]]
            record.time_ns = previous_ns_;
        return there;
    }

    bool lose_rest() noexcept {
        lost_ = packets_ - delivered_;
        packets_ = delivered_;
        return false;
    }

    std::shared_ptr<const CaptureFile> file_;
    std::uint64_t packets_;
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
    bool pcap_;
    std::uint64_t previous_ns_;
    PcapWalker pcap_walker_;
    PcapngWalker pcapng_walker_;
    PageWindow window_;
};

}  // namespace picket::rx
