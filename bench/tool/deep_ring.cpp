#include "bench/tool/deep_ring.h"

#include <rte_errno.h>
#include <rte_ring.h>

#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

// The driver looks up one ring for each queue it could have, ETH_RXTX<queue>_<node>, if it is told to ATTACH,
// and calls the port like the node.
constexpr unsigned driver_queues = 16;
constexpr unsigned unused_frames = 2;

}  // namespace

DeepRing::DeepRing(unsigned frames) {
    for (unsigned queue = 0; queue < driver_queues; ++queue) {
        const std::string name = "ETH_RXTX" + std::to_string(queue) + "_" + ethdev();
        rte_ring* ring = rte_ring_create(name.c_str(), queue == 0 ? frames : unused_frames, SOCKET_ID_ANY,
                                         RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (ring == nullptr) {
            const std::string why = rte_strerror(rte_errno);
            for (rte_ring* made : rings_) rte_ring_free(made);
            throw SetupError("ring port", "no memory for its rings: " + why,
                             "free memory, or reserve hugepages");
        }
        rings_.push_back(ring);
    }
}

DeepRing::~DeepRing() {
    for (rte_ring* ring : rings_) rte_ring_free(ring);
}

std::string DeepRing::device() {
    return "vdev:" + ethdev() + ",nodeaction=" + ethdev() + ":0:ATTACH";
}

std::string DeepRing::ethdev() {
    return "net_ring_deep";
}

}  // namespace picket::bench
