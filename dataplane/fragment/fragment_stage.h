// The fragment stage of one worker: gives every fragment the ports of its datagram, and puts datagrams
// together.
//
// A fragment that comes after the first one of its datagram (offset 0) gets its ports and goes on at once.
// One that comes before is held, and goes on with its own time when the first has come. The fragment that
// makes a datagram whole carries all of its payload, and the fields of its transport header: so TCP is told
// of a segment once, and requests and payload rules see what the receiver will see. The other fragments carry
// none.
//
// Copies of fragments (packet_copy) only count: they go where the fragment went, and bring no bytes.
//
// What does not become whole in 30 s of packet time, or has to make room, or is left when the input ends, is
// given up: held fragments go on without ports, as they came, and if the first was there the payload up to
// the first missing byte is told late.
//
// A fragment belongs to a datagram if its own time is within 30 s of the datagram's first, and a datagram is
// given up at the latest before a packet of its address pair that is later than that: so results depend
// neither on when expire() is called, nor on burst boundaries, nor on what other pairs send. Only eviction
// does.
//
// One worker's, bounded, and without allocation after construction; noexcept from then on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/api/counters.h"
#include "dataplane/fragment/chunk_pool.h"
#include "dataplane/fragment/datagram_table.h"

namespace picket::fragment {

struct FragmentSettings {
    std::size_t datagrams = 4096;
    std::size_t bytes = std::size_t{16} << 20;  // at least one datagram's
    std::size_t held = 8192;                    // fragments that wait for their first one
    bool times_jump = true;                     // replay: a capture's packets may be in any order of time
};

inline constexpr std::uint64_t whole_within_ns = 30'000'000'000;
// PERF: short, because a sender of 65,536 fragmented datagrams a second uses an identification again after
// one.
inline constexpr std::uint64_t remembered_ns = 1'000'000'000;

// Where fragments go.
class FragmentSink {
  public:
    virtual ~FragmentSink() = default;
    // To its flow, now.
    virtual void pass(const parse::Packet& packet) noexcept = 0;
    // It is held: release() follows, once.
    virtual void hold(const parse::Packet& packet) noexcept = 0;
    // To its flow, after it was held. packet.ipv6 is valid during the call only.
    virtual void release(const parse::Packet& packet) noexcept = 0;
    // No packet to be counted, but the payload of those that were; comes after all that was passed before.
    virtual void tell_late(const parse::Packet& packet) noexcept = 0;
    // The payloads of what was passed are about to be overwritten.
    virtual void flush() noexcept = 0;
};

class FragmentStage {
  public:
    // Throws SetupError if there is no memory. The sink is called from the member functions only.
    FragmentStage(const FragmentSettings& settings, const flow::KeyedHash& hash, FragmentSink& sink);

    // REQUIRES: packet.flags has packet_fragment; its hash is set.
    void take(parse::Packet packet) noexcept;

    // Whether end_pair() for a packet of that time, or expire(), may find something.
    [[nodiscard]] bool may_be_over(std::uint64_t time_ns) noexcept {
        const Datagram* oldest = table_.oldest_open();
        if (oldest == nullptr) return false;
        return time_ns > (times_jump_ ? low_ns() : oldest->begun_ns) + whole_within_ns;
    }
    // Before any packet goes on: gives up what its address pair did not finish in time before it.
    void end_pair(const parse::Packet& packet) noexcept;
    // Datagrams are open.
    [[nodiscard]] bool waits() const noexcept { return table_.oldest_open() != nullptr; }

    // Gives up what was not whole in time by now_ns. No packet of an earlier time will come.
    void expire(std::uint64_t now_ns) noexcept;
    // Forgets the ports of datagrams that have been whole for long enough.
    void forget(std::uint64_t now_ns) noexcept;
    void give_up_all() noexcept;
    // What was passed has been dealt with: its payload is not needed any more.
    void end_burst() noexcept { room_used_ = 0; }

    // No fragment of an open datagram is older.
    [[nodiscard]] std::uint64_t low_ns() noexcept;

    void publish(api::WorkerCounters& counters) const noexcept;

  private:
    struct Held {
        parse::Packet packet;
        std::uint32_t next;
    };
    // What the fragments of datagrams that were given up are counted as.
    enum class Why : std::uint8_t { timed_out, evicted };

    void take_copy(parse::Packet& packet) noexcept;
    [[nodiscard]] Datagram& datagram_of(const DatagramKey& key, const parse::Packet& packet) noexcept;
    void note_age(Datagram& datagram, const parse::Packet& packet) noexcept;
    void add(Datagram& datagram, parse::Packet& packet) noexcept;
    void begin_first(Datagram& datagram, const parse::Packet& packet) noexcept;
    void complete(Datagram& datagram, parse::Packet& packet) noexcept;
    void hold(Datagram& datagram, const parse::Packet& packet) noexcept;
    void release_held(Datagram& datagram) noexcept;
    void give_up(Datagram& datagram, Why why) noexcept;
    [[nodiscard]] Datagram* first_begun(std::optional<std::uint64_t> addresses) const noexcept;
    void tell_what_there_is(const Datagram& datagram) noexcept;
    [[nodiscard]] bool put_together(const Datagram& datagram, parse::Packet& packet) noexcept;
    [[nodiscard]] std::span<std::uint8_t> room() noexcept;

    flow::KeyedHash hash_;
    FragmentSink* sink_;
    bool times_jump_;
    DatagramTable table_;
    ChunkPool pool_;
    flow::PageMapping held_memory_;
    std::size_t held_capacity_;
    std::uint32_t held_used_ = 0;  // ever in use
    std::uint32_t held_free_ = no_index;
    flow::PageMapping room_;  // payloads of the burst's datagrams, one after the other
    std::size_t room_used_ = 0;
    std::uint64_t low_ns_ = UINT64_MAX;
    bool low_is_old_ = false;  // the datagram that low_ns_ is of may be gone

    std::uint64_t datagrams_ = 0;
    std::uint64_t timed_out_ = 0;
    std::uint64_t evicted_ = 0;
    std::uint64_t contradicting_ = 0;
};

}  // namespace picket::fragment
