#include "controlplane/detect/kept_contacts.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "controlplane/store/protocol_text.h"

namespace picket::detect {
namespace {

std::uint32_t ipv4_of(const api::Address& address) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, address.bytes.data() + 12, sizeof value);
    return value;
}

api::Address address_of(std::uint32_t ipv4) noexcept {
    std::uint8_t bytes[4];
    std::memcpy(bytes, &ipv4, sizeof bytes);
    return api::ipv4_mapped(bytes);
}

// Counts the failures of sources; some share a counter, which lets more pass, never less.
class SourceFailures {
  public:
    SourceFailures(const store::FlatHash& hash, unsigned least) : hash_(hash), least_(least) {}

    void add(const Contact& contact) noexcept {
        std::uint8_t& failures = counters_[slot_of(contact)];
        failures = static_cast<std::uint8_t>(std::min<unsigned>(failures + 1u, least_));
    }
    [[nodiscard]] bool enough(const Contact& contact) const noexcept {
        return counters_[slot_of(contact)] >= least_;
    }

  private:
    static constexpr std::size_t slots = std::size_t{1} << 20;
    [[nodiscard]] std::size_t slot_of(const Contact& contact) const noexcept {
        return hash_(contact.source) & (slots - 1);
    }

    const store::FlatHash& hash_;
    unsigned least_;
    std::vector<std::uint8_t> counters_ = std::vector<std::uint8_t>(slots);
};

// Of each port, when contacts failed, and how many succeeded between two failures.
//
// Successes of sources that may scan alone do not count: a crowd leaves out those of sources that do.
class PortFailures {
  public:
    explicit PortFailures(const ScanLeast& least) : least_(least) {}

    void add_failure(const Contact& contact) noexcept {
        if (contact.port != 0) ++counts_[slot_of(contact)];
    }
    // After all failures: each once more, for its time.
    void add_time(const Contact& contact) {
        const std::size_t slot = slot_of(contact);
        if (counts_[slot] < least_.run_failures) return;
        if (places_[slot] == nowhere) {
            places_[slot] = static_cast<std::uint32_t>(ports_.size());
            ports_.emplace_back().times.reserve(counts_[slot]);
        }
        ports_[places_[slot]].times.push_back(contact.time_ns);
    }
    // After all times.
    void sort() {
        for (Port& port : ports_) {
            std::ranges::sort(port.times);
            port.successes.resize(port.times.size());
        }
    }
    void add_success(const Contact& contact) noexcept {
        Port* port = find(contact);
        if (port == nullptr) return;
        const auto next = std::ranges::lower_bound(port->times, contact.time_ns);
        // Of the same time as a failure: its place is not known.
        if (next == port->times.end() || *next == contact.time_ns) return;
        ++port->successes[static_cast<std::size_t>(next - port->times.begin())];
    }
    // After all successes.
    void judge() noexcept {
        for (Port& port : ports_) port.suspicious = has_dense_run(port);
    }
    [[nodiscard]] bool suspicious(const Contact& contact) noexcept {
        const Port* port = find(contact);
        return port != nullptr && port->suspicious;
    }

  private:
    static constexpr std::size_t slots = std::size_t{2} << 16;
    static constexpr std::uint32_t nowhere = UINT32_MAX;
    struct Port {
        std::vector<std::uint64_t> times;
        std::vector<std::uint32_t> successes;  // right before each of them
        bool suspicious = false;
    };

    [[nodiscard]] bool has_dense_run(const Port& port) const noexcept {
        std::uint64_t within = 0;  // between the first and the last failure of the run that ends at i
        for (std::size_t i = 0; i < port.times.size(); ++i) {
            if (i != 0) within += port.successes[i];
            const std::size_t run = std::min(i + 1, least_.run_failures);
            if (i + 1 > run) within -= port.successes[i + 1 - run];
            if (run == least_.run_failures && within <= least_.run_successes_max) return true;
        }
        return false;
    }

    // Crowds are of a port and a protocol. What is not TCP is UDP: contact_of() takes no other with ports.
    [[nodiscard]] static std::size_t slot_of(const Contact& contact) noexcept {
        const bool tcp = contact.protocol == store::protocol_tcp;
        return contact.port | std::size_t{tcp} << 16;
    }
    [[nodiscard]] Port* find(const Contact& contact) noexcept {
        const std::uint32_t place = places_[slot_of(contact)];
        return place == nowhere ? nullptr : &ports_[place];
    }

    const ScanLeast& least_;
    std::vector<std::uint32_t> counts_ = std::vector<std::uint32_t>(slots);
    std::vector<std::uint32_t> places_ = std::vector<std::uint32_t>(slots, nowhere);
    std::vector<Port> ports_;
};

}  // namespace

bool KeptContacts::add(const Contact& contact) {
    if (ipv4_.size() + others_.size() >= count_max) return false;
    // Address space for all at once, so that they are never moved.
    if (!contact.source.is_ipv4() || !contact.destination.is_ipv4()) {
        if (others_.capacity() == 0) others_.reserve(count_max);
        others_.push_back(contact);
        return true;
    }
    if (ipv4_.capacity() == 0) ipv4_.reserve(count_max);
    ipv4_.push_back({contact.time_ns, ipv4_of(contact.source), ipv4_of(contact.destination), contact.port,
                     contact.protocol, contact.failed});
    return true;
}

Contact KeptContacts::whole(const Ipv4Contact& contact) noexcept {
    Contact made;
    made.source = address_of(contact.source);
    made.destination = address_of(contact.destination);
    made.time_ns = contact.time_ns;
    made.port = contact.port;
    made.protocol = contact.protocol;
    made.failed = contact.failed;
    return made;
}

template <typename Visit>
void KeptContacts::for_each(Visit&& visit) const {
    for (const Ipv4Contact& contact : ipv4_) visit(whole(contact));
    for (const Contact& contact : others_) visit(contact);
}

// PERF: of millions of contacts nearly all are of sources that never fail often enough, at ports that answer:
// neither sorted nor judged.
std::vector<KeptContacts::Suspicious> KeptContacts::take_suspicious(const store::FlatHash& hash,
                                                                    const ScanLeast& least) {
    SourceFailures sources(hash, least.series_failures);
    PortFailures ports(least);
    for_each([&](const Contact& contact) {
        if (!contact.failed) return;
        sources.add(contact);
        ports.add_failure(contact);
    });
    for_each([&](const Contact& contact) {
        if (contact.failed) ports.add_time(contact);
    });
    ports.sort();
    for_each([&](const Contact& contact) {
        if (!contact.failed && !sources.enough(contact)) ports.add_success(contact);
    });
    ports.judge();
    const auto each_suspicious = [&](auto&& visit) {
        for_each([&](const Contact& contact) {
            const bool crowd = ports.suspicious(contact);
            if (crowd || sources.enough(contact)) visit(Suspicious{contact, crowd});
        });
    };
    std::size_t count = 0;
    each_suspicious([&](const Suspicious&) { ++count; });
    std::vector<Suspicious> suspicious;
    suspicious.reserve(count);
    each_suspicious([&](const Suspicious& found) { suspicious.push_back(found); });
    ipv4_ = {};
    others_ = {};
    std::ranges::sort(suspicious, [](const Suspicious& left, const Suspicious& right) {
        const Contact& a = left.contact;
        const Contact& b = right.contact;
        return std::tie(a.time_ns, a.source.bytes, a.destination.bytes, a.port) <
               std::tie(b.time_ns, b.source.bytes, b.destination.bytes, b.port);
    });
    return suspicious;
}

}  // namespace picket::detect
