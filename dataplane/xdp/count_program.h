// Our XDP program on one interface: it counts every frame in the kernel, before user space can lose any, and
// passes it on to the AF_XDP socket of its queue. This is where the audit of an af_xdp port begins.
//
// Life: make it before the AF_XDP port is created, hand object_path() to DPDK's driver (devarg xdp_prog),
// which loads and attaches the program when its first queue is set up, then adopt(). Destroy it after the
// port is closed: the program is detached. A program of ours that a killed process left behind is replaced;
// another's is not touched, and the interface of a Picket that is alive is refused.
// Threads: all calls from one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "dataplane/xdp/descriptor.h"

namespace picket::xdp {

struct Counts {
    std::uint64_t packets = 0;    // every frame that reached the interface, no_socket included
    std::uint64_t bytes = 0;      // of those frames, Ethernet header included, checksum not
    std::uint64_t no_socket = 0;  // of packets: no AF_XDP socket on that queue, left to the kernel's stack
    bool operator==(const Counts&) const = default;
};

// Receive queues that are counted apart.
inline constexpr std::size_t queues_max = 64;
using QueueCounts = std::array<Counts, queues_max>;

[[nodiscard]] Counts sum_of(const QueueCounts& queues) noexcept;

class CountProgram {
  public:
    // Throws SetupError (exit status 3): no such interface, no permission, another XDP program is attached,
    // or this build has none.
    explicit CountProgram(const std::string& interface);
    ~CountProgram();
    CountProgram(const CountProgram&) = delete;
    CountProgram& operator=(const CountProgram&) = delete;

    // A path under which this process can read the program's object file; valid while this exists.
    [[nodiscard]] const std::string& object_path() const noexcept { return object_path_; }

    // Finds the maps of the program now attached. Throws SetupError if it is not ours.
    void adopt();

    // By receive queue, over all CPUs, since the program was attached; zero before adopt(). The last entry
    // also holds the queues beyond it.
    [[nodiscard]] QueueCounts counts() const noexcept;

  private:
    void detach() noexcept;

    std::string interface_;
    std::string object_path_;
    unsigned interface_index_ = 0;
    Descriptor lock_;  // held while this process owns the interface
    Descriptor object_;
    Descriptor counts_;
    std::uint32_t program_id_ = 0;
    unsigned cpus_ = 0;
};

}  // namespace picket::xdp
