#include "dataplane/fragment/datagram_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace picket::fragment {

// The key's sides are in the order of addresses and ports, and later fragments have none: where both
// addresses are the same one, there is no direction.
DatagramKey key_of(const parse::Packet& packet, const flow::KeyedHash& hash) noexcept {
    DatagramKey key;
    key.addresses = packet.key.address_a | std::uint64_t{packet.key.address_b} << 32;
    key.ipv6 = packet.ipv6;
    const bool same_address = packet.ipv6 != nullptr ? std::memcmp(packet.ipv6, packet.ipv6 + 16, 16) == 0
                                                     : packet.key.address_a == packet.key.address_b;
    const std::uint64_t direction = same_address ? 0 : packet.side;
    // In IPv6 the later fragments may name an extension header where the first names the protocol.
    const std::uint64_t protocol = packet.ipv6 != nullptr ? 0 : packet.key.protocol;
    key.rest = packet.fragment.id | protocol << 32 | std::uint64_t{packet.key.family} << 40 |
               direction << 47 | std::uint64_t{packet.key.vlan} << 48;
    key.hash = hash(key.addresses, key.rest);
    return key;
}

DatagramTable::DatagramTable(std::size_t capacity)
    : capacity_(capacity),
      memory_(capacity * sizeof(Datagram)),
      buckets_(std::bit_ceil(2 * capacity), no_index) {}

Datagram* DatagramTable::find(const DatagramKey& key) noexcept {
    for (std::uint32_t i = buckets_[key.hash & (buckets_.size() - 1)]; i != no_index; i = at(i).next) {
        Datagram& datagram = at(i);
        if (datagram.addresses != key.addresses || datagram.rest != key.rest) continue;
        if (key.ipv6 == nullptr || std::memcmp(key.ipv6, datagram.ipv6.data(), 32) == 0) return &datagram;
    }
    return nullptr;
}

Datagram& DatagramTable::insert(const DatagramKey& key, std::uint64_t time_ns) noexcept {
    std::uint32_t index = used_;
    if (free_ != no_index) {
        index = free_;
        free_ = at(index).next;
    } else {
        ++used_;
    }
    Datagram& datagram = at(index);
    datagram.addresses = key.addresses;
    datagram.rest = key.rest;
    if (key.ipv6 != nullptr) std::memcpy(datagram.ipv6.data(), key.ipv6, datagram.ipv6.size());
    datagram.begun_ns = time_ns;
    datagram.low_ns = time_ns;
    datagram.last_ns = time_ns;
    datagram.fragments = 0;
    datagram.held_first = no_index;
    datagram.held_last = no_index;
    datagram.first_seen = false;
    datagram.done = false;
    datagram.contradicts = false;
    datagram.bucket = static_cast<std::uint32_t>(key.hash & (buckets_.size() - 1));
    datagram.next = buckets_[datagram.bucket];
    buckets_[datagram.bucket] = index;
    append(open_, datagram);
    ++open_count_;
    return datagram;
}

void DatagramTable::erase(Datagram& datagram) noexcept {
    const std::uint32_t index = index_of(datagram);
    std::uint32_t* link = &buckets_[datagram.bucket];
    while (*link != index) link = &at(*link).next;
    *link = datagram.next;
    take_out(datagram.done ? done_ : open_, datagram);
    if (!datagram.done) --open_count_;
    datagram.next = free_;
    free_ = index;
}

void DatagramTable::finish(Datagram& datagram) noexcept {
    take_out(open_, datagram);
    --open_count_;
    datagram.done = true;
    append(done_, datagram);
}

void DatagramTable::append(AgeList& list, Datagram& datagram) noexcept {
    const std::uint32_t index = index_of(datagram);
    datagram.older = list.newest;
    datagram.newer = no_index;
    (list.newest == no_index ? list.oldest : at(list.newest).newer) = index;
    list.newest = index;
}

void DatagramTable::take_out(AgeList& list, Datagram& datagram) noexcept {
    (datagram.older == no_index ? list.oldest : at(datagram.older).newer) = datagram.newer;
    (datagram.newer == no_index ? list.newest : at(datagram.newer).older) = datagram.older;
}

}  // namespace picket::fragment
