#include "bench/tool/port_sender.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>

#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

constexpr std::uint16_t burst_frames = 32;
constexpr unsigned cache = 256;
constexpr unsigned spare_buffers = 2047;  // a burst and what the caches of two threads hold
constexpr unsigned bursts_between = 32;

}  // namespace

// PERF: a stack, so that what was freed last, and is in the cache, is used next, and all other buffers wait
// for a pause.
PortSender::PortSender(const std::string& ethdev, unsigned held) {
    pool_ = rte_pktmbuf_pool_create_by_ops("picket_sender", held + spare_buffers, cache, 0,
                                           RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY, "stack");
    if (pool_ == nullptr)
        throw SetupError("sender", std::string("no memory for packet buffers: ") + rte_strerror(rte_errno),
                         "free memory, or reserve hugepages");
    if (rte_eth_dev_get_port_by_name(ethdev.c_str(), &port_) != 0)
        throw SetupError("sender", "there is no port " + ethdev, "");
}

PortSender::~PortSender() {
    rte_mempool_free(pool_);
}

Sent PortSender::send(TrafficSource& source, double mpps, double seconds, const TscClock& clock,
                      const std::function<void()>& between) noexcept {
    Sent sent;
    std::array<rte_mbuf*, burst_frames> mbufs{};
    const double burst_cycles = mpps > 0 ? burst_frames / mpps * 1e-6 * clock.hz() : 0;
    const std::uint64_t begin = __rdtsc();
    const std::uint64_t end = begin + clock.cycles(seconds);
    auto next = static_cast<double>(begin);
    std::uint64_t now = begin;
    for (unsigned burst = 1; now < end; ++burst) {
        if (burst % bursts_between == 0) between();
        if (rte_pktmbuf_alloc_bulk(pool_, mbufs.data(), burst_frames) != 0) {
            now = __rdtsc();
            continue;
        }
        const std::uint64_t mark = __rdtsc();
        std::uint64_t bytes = 0;
        for (rte_mbuf* mbuf : mbufs) {
            const std::size_t length = source.next(rte_pktmbuf_mtod(mbuf, std::uint8_t*));
            mbuf->data_len = static_cast<std::uint16_t>(length);
            mbuf->pkt_len = static_cast<std::uint32_t>(length);
            bytes += length;
        }
        now = __rdtsc();
        sent.source_cycles += now - mark;
        while (static_cast<double>(now) < next) now = __rdtsc();
        next += burst_cycles;
        const std::uint16_t taken = rte_eth_tx_burst(port_, 0, mbufs.data(), burst_frames);
        sent.frames += burst_frames;
        sent.taken += taken;
        sent.bytes += bytes;
        for (std::uint16_t i = taken; i < burst_frames; ++i) sent.bytes -= mbufs[i]->pkt_len;
        if (taken < burst_frames) {
            sent.missed += burst_frames - taken;
            rte_pktmbuf_free_bulk(mbufs.data() + taken, static_cast<unsigned>(burst_frames - taken));
        }
    }
    sent.seconds = clock.ns(static_cast<double>(now - begin)) * 1e-9;
    between();
    return sent;
}

}  // namespace picket::bench
