#include "dataplane/rx/dpdk_port_rss.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <vector>

#include "dataplane/rx/rss.h"

namespace picket::rx {
namespace {

// Addresses only, so that fragments are on the queue of their flow. Not those of mobile hosts, which lie in
// extension headers (IPV6_EX).
constexpr std::uint64_t wanted_types = RTE_ETH_RSS_IP & ~RTE_ETH_RSS_IPV6_EX;
// The kinds that stand for any packet of the family. Devices that have only kinds by protocol would put all
// TCP on queue 0.
constexpr std::uint64_t needed_types = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
constexpr std::uint8_t usual_key_bytes = 40;

std::uint8_t key_bytes(const rte_eth_dev_info& info) noexcept {
    return info.hash_key_size == 0 ? usual_key_bytes : info.hash_key_size;
}

std::vector<rte_eth_rss_reta_entry64> table_groups(const std::vector<std::uint16_t>& table) {
    std::vector<rte_eth_rss_reta_entry64> groups((table.size() + RTE_ETH_RETA_GROUP_SIZE - 1) /
                                                 RTE_ETH_RETA_GROUP_SIZE);
    for (std::size_t i = 0; i < table.size(); ++i) {
        rte_eth_rss_reta_entry64& group = groups[i / RTE_ETH_RETA_GROUP_SIZE];
        group.mask |= 1ULL << i % RTE_ETH_RETA_GROUP_SIZE;
        group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = table[i];
    }
    return groups;
}

bool table_is(std::uint16_t ethdev, const std::vector<std::uint16_t>& table) {
    std::vector<rte_eth_rss_reta_entry64> groups = table_groups(table);
    if (rte_eth_dev_rss_reta_query(ethdev, groups.data(), static_cast<std::uint16_t>(table.size())) != 0) {
        return false;
    }
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] != table[i]) {
            return false;
        }
    }
    return true;
}

}  // namespace

bool request_symmetric_rss(const rte_eth_dev_info& info, rte_eth_conf& configuration) noexcept {
    const std::uint64_t types = info.flow_type_rss_offloads & wanted_types;
    if ((types & needed_types) != needed_types || key_bytes(info) > symmetric_key.size()) {
        return false;
    }
    configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    // DPDK reads the key only, though its type does not say so.
    configuration.rx_adv_conf.rss_conf.rss_key = const_cast<std::uint8_t*>(symmetric_key.data());
    configuration.rx_adv_conf.rss_conf.rss_key_len = key_bytes(info);
    configuration.rx_adv_conf.rss_conf.rss_hf = types;
    return true;
}

bool apply_symmetric_rss(std::uint16_t ethdev, const rte_eth_dev_info& info, std::uint16_t queues) {
    std::array<std::uint8_t, rss_key_bytes_max> key{};
    rte_eth_rss_conf kept{};
    kept.rss_key = key.data();
    kept.rss_key_len = key_bytes(info);
    if (rte_eth_dev_rss_hash_conf_get(ethdev, &kept) != 0 || (kept.rss_hf & needed_types) != needed_types ||
        (kept.rss_hf & ~wanted_types) != 0 ||
        !std::equal(key.begin(), key.begin() + key_bytes(info), symmetric_key.begin())) {
        return false;
    }
    if (info.reta_size == 0) {
        return false;  // a fixed table: what is handed over would not meet what the device has spread
    }
    const std::vector<std::uint16_t> table = make_reta(info.reta_size, queues);
    std::vector<rte_eth_rss_reta_entry64> groups = table_groups(table);
    return rte_eth_dev_rss_reta_update(ethdev, groups.data(), info.reta_size) == 0 && table_is(ethdev, table);
}

}  // namespace picket::rx
