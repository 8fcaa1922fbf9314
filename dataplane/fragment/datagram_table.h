// The datagrams whose fragments are on their way: a fixed number, found by addresses and identification, in
// two lists by age.
//
//   open   not whole yet
//   done   whole; kept for a moment, so that repeated fragments still find their ports
//
// One worker's. No allocation after construction; memory of datagrams that were never used costs nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/flow/flow_key.h"
#include "dataplane/flow/page_mapping.h"
#include "dataplane/fragment/datagram_bytes.h"
#include "dataplane/parse/packet.h"

namespace picket::fragment {

inline constexpr std::uint32_t no_index = 0xffffffff;

// What fragments of one datagram have in common (RFC 791 §3.2, RFC 8200 §4.5), and its hash.
struct DatagramKey {
    std::uint64_t addresses = 0;  // IPv4: both. IPv6: a digest; the addresses themselves are compared too
    std::uint64_t rest = 0;       // identification, family, direction, VLAN; IPv4: protocol
    std::uint64_t hash = 0;
    const std::uint8_t* ipv6 = nullptr;  // source and destination, 32 bytes; null for IPv4
};

// REQUIRES: a fragment, as parsed. `addresses` is that of any packet of the pair.
[[nodiscard]] DatagramKey key_of(const parse::Packet& packet, const flow::KeyedHash& hash) noexcept;

struct Datagram {
    std::uint64_t addresses;
    std::uint64_t rest;
    std::array<std::uint8_t, 32> ipv6;
    std::uint64_t begun_ns;  // the fragment that came first
    std::uint64_t low_ns;    // the least of the fragments' times
    std::uint64_t last_ns;   // the one that came last
    std::uint32_t bucket;
    std::uint32_t next;  // in the bucket, or in the list of free ones
    std::uint32_t older;
    std::uint32_t newer;
    std::uint32_t fragments;  // that came
    std::uint32_t held_first;
    std::uint32_t held_last;
    bool first_seen;
    bool done;
    bool contradicts;
    parse::Packet first;  // the fragment with the ports, valid with first_seen; its spans are not
    DatagramBytes bytes;
};

class DatagramTable {
  public:
    explicit DatagramTable(std::size_t capacity);

    // nullptr if there is none.
    [[nodiscard]] Datagram* find(const DatagramKey& key) noexcept;
    // A new open datagram, the youngest; its bytes are empty. REQUIRES: !full().
    [[nodiscard]] Datagram& insert(const DatagramKey& key, std::uint64_t time_ns) noexcept;
    // REQUIRES: its bytes are cleared.
    void erase(Datagram& datagram) noexcept;
    // From open to done.
    void finish(Datagram& datagram) noexcept;

    [[nodiscard]] bool full() const noexcept { return free_ == no_index && used_ == capacity_; }
    [[nodiscard]] std::size_t open_count() const noexcept { return open_count_; }
    // nullptr if the list is empty.
    [[nodiscard]] Datagram* oldest_open() const noexcept { return at_or_none(open_.oldest); }
    [[nodiscard]] Datagram* oldest_done() const noexcept { return at_or_none(done_.oldest); }
    [[nodiscard]] Datagram* next_younger(const Datagram& datagram) const noexcept {
        return at_or_none(datagram.newer);
    }

  private:
    struct AgeList {
        std::uint32_t oldest = no_index;
        std::uint32_t newest = no_index;
    };

    [[nodiscard]] Datagram& at(std::uint32_t index) const noexcept {
        return reinterpret_cast<Datagram*>(memory_.data())[index];
    }
    [[nodiscard]] Datagram* at_or_none(std::uint32_t index) const noexcept {
        return index == no_index ? nullptr : &at(index);
    }
    [[nodiscard]] std::uint32_t index_of(const Datagram& datagram) const noexcept {
        return static_cast<std::uint32_t>(&datagram - reinterpret_cast<const Datagram*>(memory_.data()));
    }
    void append(AgeList& list, Datagram& datagram) noexcept;
    void take_out(AgeList& list, Datagram& datagram) noexcept;

    std::size_t capacity_;
    flow::PageMapping memory_;  // zeroed, so that an untouched datagram has no bytes
    std::vector<std::uint32_t> buckets_;
    std::uint32_t used_ = 0;  // datagrams that were ever in use
    std::uint32_t free_ = no_index;
    std::size_t open_count_ = 0;
    AgeList open_;
    AgeList done_;
};

}  // namespace picket::fragment
