// What every receive path hands to the pipeline: one frame as it was seen on the wire or in a capture file.
//
// A Frame does not own its bytes. They stay valid until the queue that produced it is asked to release()
// its burst; whoever needs them longer copies them (design: no buffer outlives its burst).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace picket::rx {

// Values of LINKTYPE_* as in the pcap and pcapng registries (https://www.tcpdump.org/linktypes.html).
enum class LinkType : std::uint16_t {
    null = 0,
    ethernet = 1,
    ppp = 9,
    ppp_hdlc = 50,
    ppp_ether = 51,
    raw_ip_12 = 12,
    raw_ip = 101,
    c_hdlc = 104,
    loop = 108,
    linux_sll = 113,
    ipv4 = 228,
    ipv6 = 229,
    linux_sll2 = 276,
};

struct Frame {
    const std::uint8_t* data = nullptr;
    std::uint32_t captured_length = 0;  // bytes at data
    std::uint32_t wire_length = 0;      // bytes on the wire, at least captured_length in honest captures
    std::uint64_t time_ns = 0;          // capture files: since 1970; live ports: CLOCK_MONOTONIC
    std::uint64_t sequence = 0;         // capture files: 0-based position in the merged input; else 0
    std::uint16_t port = 0;             // index of the port in the configuration
    LinkType link_type = LinkType::ethernet;
    // From another worker, which counts the frame: only the flow that its ICMP error quotes is of concern.
    bool quote_only = false;
};

// One receive queue of one port, polled by exactly one worker.
class RxQueue {
  public:
    virtual ~RxQueue() = default;

    // Fills at most out.size() frames and returns how many. 0 means nothing is there now. The frames stay
    // valid until release(). noexcept, never blocks, never allocates.
    virtual std::size_t receive(std::span<Frame> out) noexcept = 0;

    // Gives the buffers of the last receive() back. Called once after each receive() that returned frames.
    virtual void release() noexcept = 0;
};

}  // namespace picket::rx
