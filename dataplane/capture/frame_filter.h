// Which frames an operator wants to see: a program of classic BPF, as tcpdump has it.
//
// The program comes from the other process and is checked when it is taken: it cannot loop, nor look beyond
// the frame, nor end the process. Immutable; each worker has one of its own.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/mailbox.h"
#include "dataplane/rx/frame.h"

namespace picket::capture {

class FrameFilter {
  public:
    // An empty program makes a filter that nothing passes. nullptr and a sentence if it cannot be used.
    static std::unique_ptr<FrameFilter> create(const api::FrameProgram& program, std::string& error);

    [[nodiscard]] bool passes(const rx::Frame& frame) const noexcept;
    [[nodiscard]] bool is_empty() const noexcept { return program_.empty(); }
    [[nodiscard]] std::uint32_t capture() const noexcept { return capture_; }
    [[nodiscard]] std::uint32_t frame_bytes() const noexcept { return frame_bytes_; }

  private:
    explicit FrameFilter(const api::FrameProgram& program);

    std::vector<bpf_insn> program_;
    std::uint32_t capture_;
    std::uint32_t frame_bytes_;
};

}  // namespace picket::capture
