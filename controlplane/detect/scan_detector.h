// Who scans: sweeps, port scans and distributed scans, from the first contacts of all sources.
//
// A sweep tries one port of many hosts, a port scan many ports of one host; each is judged by ScanSeries.
// That a peer-to-peer host's, proxy's or resolver's failures are no scan follows from what is counted: peers
// listen on ports of their own, proxies and resolvers are answered. A distributed scan is many sources, none
// of them a scanner by itself, that fail at one port of many hosts.
//
// A series begins with a failure: who never fails costs nothing. What is known of a source is forgotten when
// it has been silent for a day, or when more are active than there is room for: then the ones longest silent
// go, and are counted.
//
// Failures become known within seconds, while a connection that goes on is told of when it ends, and those
// that were answered before the first failure was known are not kept. So what is found is a suspicion first:
// the owner asks for the flows of the source, tells of them, and asks for confirmation.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/detect/contact.h"
#include "controlplane/detect/kept_contacts.h"
#include "controlplane/detect/scan_series.h"
#include "controlplane/store/flat_map.h"
#include "controlplane/store/network_set.h"

namespace picket::detect {

enum class ScanKind : std::uint8_t { sweep, port_scan, distributed };
[[nodiscard]] std::string_view name_of(ScanKind kind) noexcept;

struct Scan {
    ScanKind kind = ScanKind::sweep;
    api::Address source;       // distributed: of the newest contact
    api::Address destination;  // port scan: the host; else of the newest contact
    std::uint16_t port = 0;    // sweep, distributed: the port
    std::uint8_t protocol = 0;
    std::uint64_t flagged_ns = 0;  // the contact that decided; of a crowd, the newest one then
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
    std::uint64_t targets = 0;   // hosts or ports
    std::uint64_t failures = 0;  // first contacts that failed
    std::uint64_t sources = 1;
    bool suspected = false;  // not confirmed yet, or not any more
};

// "sweep of port 80/TCP, 4 of 4 hosts failed"
[[nodiscard]] std::string describe(const Scan& scan);

struct ScanSettings {
    std::shared_ptr<const store::NetworkSet> known_nat;  // never scanners; nullptr: none
    std::size_t series_max = 200'000;                    // of either generation
    bool collect = false;  // captures: judge everything at the end, by time, whatever order it comes in
};

// Flows that went by, whether or not they are contacts: they tell one-way views.
struct FlowsSeen {
    std::uint64_t flows = 0;
    std::uint64_t answered = 0;  // that have packets of both directions
    std::uint64_t latest_ns = 0;

    void add(bool both_ways, std::uint64_t last_ns) noexcept {
        ++flows;
        answered += both_ways ? 1 : 0;
        latest_ns = latest_ns < last_ns ? last_ns : latest_ns;
    }
};

class ScanDetector {
  public:
    // Contacts that are kept until the end, of a replay or of an archive's flows.
    static constexpr std::size_t collected_max = KeptContacts::count_max;

    // suspect is called, under no lock, by the thread that adds, once for each scan that is
    // suspected, and again if it has not held and is suspected anew.
    ScanDetector(ScanSettings settings, std::function<void(const Scan&)> suspect);

    void add(const Contact& contact) { add(std::span(&contact, 1)); }
    void add(std::span<const Contact> contacts);
    // ScanSettings::collect from here on.
    void collect(bool all);
    // What is known of a contact so far, and may be told again: of a crowd only what has ended counts. Who
    // collects waits for the end instead.
    void add_so_far(const Contact& contact);
    void note_flows(const FlowsSeen& seen) noexcept;
    // The input has ended: contacts that still wait for an answer are judged, and those that were collected.
    void finish();
    // Contacts that bear on it, by time, of which some may have been told before: all that were answered or
    // refused until until_ns. False: it has more contacts than are kept, and has to be judged anew.
    bool tell_again(const Scan& suspicion, std::span<const Contact> contacts, std::uint64_t until_ns);
    // The same, but all that is known but for the newest contacts is forgotten; ratio: the test's before
    // them.
    void judge_anew(const Scan& suspicion, std::span<const Contact> contacts, double ratio,
                    std::uint64_t until_ns);
    [[nodiscard]] static bool bears_on(const Scan& scan, const Contact& contact) noexcept;
    // Beside the contacts of a distributed scan so many have been answered whose flows go on.
    void add_live_successes(const Scan& suspicion, std::uint64_t successes);
    // The suspicion as it is now; nullopt if it has not held, or is confirmed.
    [[nodiscard]] std::optional<Scan> suspicion(const Scan& suspicion);
    // When the contact that decides must have been answered, if ever: confirm() is right once everything up
    // to then is known.
    [[nodiscard]] static std::uint64_t decided_ns(const Scan& suspicion) noexcept;
    [[nodiscard]] static bool is_same(const Scan& a, const Scan& b) noexcept {
        return key_of(a) == key_of(b);
    }
    // The suspicion as it is now, which counts as a scan from here on; nullopt if it has not held, is not
    // decided by what happened until known_until_ns, or was confirmed before.
    [[nodiscard]] std::optional<Scan> confirm(const Scan& suspicion,
                                              std::uint64_t known_until_ns = UINT64_MAX);

    // Those that are confirmed.
    [[nodiscard]] std::vector<Scan> scans() const;
    // Distinct sources of sweeps and port scans, and the distributed scans.
    [[nodiscard]] std::size_t scanners() const;
    // Hardly anything comes back here, so that silence proves little.
    [[nodiscard]] bool one_way() const noexcept;
    [[nodiscard]] std::uint64_t forgotten() const noexcept {
        return forgotten_.load(std::memory_order_relaxed);
    }

  private:
    struct Key {
        api::Address address;  // source; of distributed scans none
        api::Address other;    // port scan: the host
        std::uint16_t port = 0;
        std::uint8_t protocol = 0;
        ScanKind kind = ScanKind::sweep;

        bool operator==(const Key&) const = default;
        [[nodiscard]] std::uint64_t hash(const store::FlatHash& base) const noexcept {
            return store::mix_words(
                base(address) ^ base(other),
                base(std::uint64_t{port} << 16 | protocol << 8 | static_cast<unsigned>(kind)));
        }
    };
    // Of many sources at one port.
    struct Crowd {
        store::FlatMap<api::Address, std::uint8_t> sources;  // that failed
        store::FlatMap<api::Address, std::uint8_t> targets;
        std::uint64_t failures = 0;
        std::uint64_t successes = 0;
        std::uint64_t first_ns = UINT64_MAX;  // of those that failed
        std::uint64_t last_ns = 0;
        std::uint64_t doubted_failures = 0;  // so many, when it was none after all

        [[nodiscard]] bool has_failed(std::uint64_t live_successes) const noexcept;
    };
    template <typename Value>
    struct Generations {
        store::FlatMap<Key, Value> young;
        store::FlatMap<Key, Value> old;

        [[nodiscard]] const Value* find(const Key& key) const noexcept {
            const Value* value = young.find(key);
            return value != nullptr ? value : old.find(key);
        }
        void erase(const Key& key) {
            if (!young.erase(key)) old.erase(key);
        }
    };

    void take(const Contact& contact);
    // crowd: it may belong to one.
    void judge(const Contact& contact, bool crowd = true);
    void judge_series(const Key& key, const api::Address& target_host, std::uint64_t target,
                      const Contact& contact);
    void note_series(const Key& key, const ScanSeries& series, const api::Address& target_host);
    void add_each(ScanSeries& series, const Key& key, std::span<const Contact> contacts) const;
    void judge_crowd(const Contact& contact);
    void note_scan(const Key& key, const Scan& scan);
    void forget_suspicion(const Key& key);
    [[nodiscard]] static Key key_of(const Scan& scan) noexcept;
    // nullptr: there is none, or none any more. REQUIRES: mutex_ is locked.
    [[nodiscard]] Scan* find_suspicion(const Scan& suspicion);
    void tell_news();
    void add_waiting();
    // create: also if it is not known yet. nullptr if it is not, and shall not be.
    template <typename Value>
    Value* touch(Generations<Value>& generations, const Key& key, std::size_t size_max, bool create);
    void age(std::uint64_t now_ns);

    ScanSettings settings_;
    std::function<void(const Scan&)> suspect_;
    std::mutex judge_mutex_;  // of all up to news_; taken before mutex_
    store::FlatHash hash_;
    Generations<ScanSeries> series_;
    Generations<Crowd> crowds_;
    std::uint64_t generation_ = 0;  // day of the newest contact since 1970
    KeptContacts collected_;
    std::vector<Contact> waiting_;  // for an answer, when the input ended
    std::vector<Scan> news_;
    mutable std::mutex mutex_;  // of scans_ and its positions
    std::vector<Scan> scans_;
    store::FlatMap<Key, std::size_t> positions_;
    std::atomic<std::uint64_t> forgotten_{0};
    std::atomic<std::uint64_t> flows_{0};
    std::atomic<std::uint64_t> flows_answered_{0};
    std::atomic<std::uint64_t> latest_ns_{0};
};

}  // namespace picket::detect
