// Makes a NIC spread packets so that both directions of a flow share a queue, and checks that it does.
// Internal to DpdkPort; same thread rules.
#pragma once

#include <cstdint>

struct rte_eth_conf;
struct rte_eth_dev_info;

namespace picket::rx {

// Puts the symmetric key into the configuration. False where the device cannot hash by addresses and a key.
[[nodiscard]] bool request_symmetric_rss(const rte_eth_dev_info& info, rte_eth_conf& configuration) noexcept;

// After the port was started: programs the redirection table over queues and reads key and table back.
// False where the device keeps something else.
[[nodiscard]] bool apply_symmetric_rss(std::uint16_t ethdev, const rte_eth_dev_info& info,
                                       std::uint16_t queues);

}  // namespace picket::rx
