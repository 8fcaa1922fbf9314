// Deduplicated alerts: one for each rule or watch list, destination, port and hour, with a count that climbs.
//
// Thread-safe. The drain thread adds hits, HTTP threads read. Bounded: the oldest alerts are thrown away.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/store/flat_map.h"
#include "dataplane/api/abi.h"

namespace picket::detect {

inline constexpr std::size_t alert_sources_max = 64;
inline constexpr std::uint8_t watch_severity = 2;
inline constexpr std::uint8_t scan_severity = 2;

// One hit of a rule on a request or packet, of a watch list on a new flow, or a scan; or several alike that
// the data plane has counted instead of telling each.
struct Hit {
    std::uint64_t time_ns = 0;  // UTC
    std::uint32_t gid = 1;
    std::uint32_t sid = 0;  // 0: watch list, whose name is `list`
    std::uint32_t rev = 0;
    std::uint32_t severity = 3;
    std::uint32_t generation = 0;
    std::string message;
    std::string list;
    api::Address source;
    api::Address destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint16_t vlan = 0;
    std::uint8_t protocol = 0;
    bool scan = false;       // a scan of this source, whose kind is `list`; destination is one of many
    bool flow_lost = false;  // the flow had lost packets when this happened
    std::uint64_t flow_id = 0;
    std::vector<std::string> buffers;  // that the rule has matched; empty for watch lists
    std::string uri;                   // raw target, empty for payload rules, watch lists and counted hits
    std::uint64_t count = 1;
    std::uint64_t lost_count = 0;  // of several: how many were in flows that had lost packets
    std::uint64_t last_ns = 0;     // of several: the newest; time_ns is the first

    [[nodiscard]] std::uint64_t lost() const noexcept { return count > 1 ? lost_count : flow_lost ? 1 : 0; }
};

struct Alert {
    Hit hit;  // the first one
    std::uint64_t id = 0;
    std::uint64_t count = 0;
    std::uint64_t lost = 0;  // hits in flows that had lost packets
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
    std::uint32_t generation = 0;       // of the newest hit
    std::vector<api::Address> sources;  // distinct, the first alert_sources_max
};

struct AlertFeed {
    std::vector<Alert> alerts;  // in the order of their change
    std::uint64_t next = 0;     // pass this as `after` the next time
};

class AlertTable {
  public:
    explicit AlertTable(std::size_t alerts_max) : alerts_max_(alerts_max) {}

    void add(const Hit& hit);
    // Alerts before this went to somebody else.
    void forget_before(std::uint64_t utc_ns);
    // Publishes alerts that climbed since they were last in the feed; call some times a second.
    void publish_climbing();

    [[nodiscard]] std::vector<Alert> all() const;
    // Alerts that ended before this may be missing; 0: none are.
    [[nodiscard]] std::uint64_t horizon_ns() const;
    [[nodiscard]] std::uint64_t alerts_total() const;
    [[nodiscard]] std::uint64_t hits_total() const;  // of rules and watch lists
    [[nodiscard]] std::uint64_t new_alerts_in_last_minute() const;
    [[nodiscard]] std::array<std::uint64_t, 4> by_severity()
        const;  // index severity - 1, the last: 4 and more
    // gid << 32 | sid to hits, of rules only.
    [[nodiscard]] store::FlatMap<std::uint64_t, std::uint64_t> hits_by_rule() const;

    // What changed after `after`: new alerts at once, climbing ones at most once a second. Waits up to
    // `wait` for the first change.
    AlertFeed tail(std::uint64_t after, std::chrono::milliseconds wait);
    [[nodiscard]] std::uint64_t feed_position() const;
    void wake_all();  // ends all waits, for the end of the program

  private:
    using Clock = std::chrono::steady_clock;
    struct Key {
        std::uint64_t rule = 0;
        std::uint64_t list = 0;  // hash of the list's name
        api::Address destination;
        std::uint16_t port = 0;
        std::uint64_t hour = 0;
        bool operator==(const Key&) const = default;
        [[nodiscard]] std::uint64_t hash(const store::FlatHash& base) const noexcept {
            return store::mix_words(base(destination) ^ list, base(rule ^ hour << 20 ^ port));
        }
    };
    struct Entry {
        Alert alert;
        Key key;
        std::uint64_t count_published = 0;
        Clock::time_point published;
    };

    void create(const Hit& hit, const Key& key);
    void climb(Entry& entry, const Hit& hit);
    void publish(Entry& entry);
    [[nodiscard]] AlertFeed feed_after(std::uint64_t after) const;

    std::size_t alerts_max_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Entry> entries_;
    std::uint64_t first_id_ = 1;  // of entries_.front()
    store::FlatMap<Key, std::uint64_t> ids_;
    std::deque<std::uint64_t> feed_;       // alert ids in the order of their change
    std::uint64_t feed_first_ = 1;         // sequence number of feed_.front()
    std::vector<std::uint64_t> climbing_;  // ids that climbed since they were published
    store::FlatMap<std::uint64_t, std::uint64_t> hits_by_rule_;
    std::array<std::uint64_t, 4> by_severity_{};
    std::deque<Clock::time_point> recent_;
    std::uint64_t alerts_total_ = 0;
    std::uint64_t hits_total_ = 0;
    std::uint64_t horizon_ns_ = 0;
    bool woken_ = false;
};

}  // namespace picket::detect
