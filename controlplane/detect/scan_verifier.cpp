#include "controlplane/detect/scan_verifier.h"

#include <algorithm>
#include <memory>

#include "controlplane/detect/contact.h"
#include "controlplane/store/flat_map.h"
#include "dataplane/api/mailbox.h"

namespace picket::detect {
namespace {

// As many sources as a walk can choose by.
constexpr std::size_t suspects_a_look = api::walk_prefixes_max;
// A data plane that shows its flows only in part, or lags, is not waited for any longer.
constexpr std::chrono::seconds decision_wait{5};
// Longer than it takes until a failure is known.
constexpr std::uint64_t reach_ns = 300'000'000'000;

store::Query flows_of(std::span<const Scan> suspects) {
    std::vector<store::Network> sources;
    for (const Scan& suspect : suspects) sources.push_back({suspect.source, 128});
    store::Query query;
    query.source = std::make_shared<const store::NetworkSet>(sources);
    return query;
}

// Of a series that has more, the contacts before are added up, and began too long ago to be asked for.
bool is_busy(const Scan& scan) noexcept {
    return scan.targets > scan_contacts_kept;
}

std::uint64_t judged_since(const Scan& scan) noexcept {
    return std::max(scan.first_ns, scan.flagged_ns - std::min(scan.flagged_ns, reach_ns));
}

}  // namespace

// First contacts that bear on each suspect.
class ScanVerifier::Contacts {
  public:
    explicit Contacts(std::span<const Scan> suspects) : suspects_(suspects), contacts_(suspects.size()) {
        for (std::size_t i = 0; i < suspects.size(); ++i) by_source_[suspects[i].source].push_back(i);
    }

    void add(const store::StoredFlow& flow) {
        const auto* own = by_source_.find(flow.source);
        if (own == nullptr) return;
        const auto contact = contact_of(flow);
        if (!contact) return;
        for (const std::size_t i : *own) {
            if (ScanDetector::bears_on(suspects_[i], *contact)) contacts_[i].push_back(*contact);
        }
    }
    // By time; none that began before.
    [[nodiscard]] std::span<const Contact> of(std::size_t suspect, std::uint64_t begin_ns = 0) {
        auto& contacts = contacts_[suspect];
        std::erase_if(contacts, [&](const Contact& contact) { return contact.time_ns < begin_ns; });
        std::ranges::sort(contacts, {}, &Contact::time_ns);
        return contacts;
    }

  private:
    std::span<const Scan> suspects_;
    store::FlatMap<api::Address, std::vector<std::size_t>> by_source_;
    std::vector<std::vector<Contact>> contacts_;
};

void ScanVerifier::add(const Scan& suspicion, Clock::time_point now) {
    const auto same = [&](const Suspect& suspect) { return ScanDetector::is_same(suspect.scan, suspicion); };
    if (std::ranges::none_of(suspects_, same)) suspects_.push_back({suspicion, 0, now});
}

std::uint64_t ScanVerifier::due_ns() const {
    std::uint64_t due_ns = 0;
    for (std::size_t i = 0; i < std::min(suspects_.size(), suspects_a_look); ++i) {
        if (const auto scan = detector_.suspicion(suspects_[i].scan))
            due_ns = std::max(due_ns, ScanDetector::decided_ns(*scan));
    }
    return due_ns;
}

std::vector<Scan> ScanVerifier::look(Clock::time_point now) {
    const std::size_t looked_at = std::min(suspects_.size(), suspects_a_look);
    std::vector<Scan> asked;
    for (std::size_t i = 0; i < looked_at; ++i) {
        if (const auto scan = detector_.suspicion(suspects_[i].scan)) asked.push_back(*scan);
    }
    const std::uint64_t known_until_ns = look_into(asked);
    std::vector<Scan> confirmed;
    std::vector<Suspect> undecided;
    for (std::size_t i = 0; i < looked_at; ++i) {
        Suspect suspect = suspects_[i];
        const auto scan = detector_.suspicion(suspect.scan);
        if (!scan) continue;
        if (scan->flagged_ns != suspect.flagged_ns) suspect.since = now;
        suspect.flagged_ns = scan->flagged_ns;
        const bool waited = now - suspect.since > decision_wait;
        if (const auto sure = detector_.confirm(*scan, waited ? UINT64_MAX : known_until_ns)) {
            confirmed.push_back(*sure);
        } else {
            undecided.push_back(suspect);
        }
    }
    suspects_.erase(suspects_.begin(), suspects_.begin() + static_cast<std::ptrdiff_t>(looked_at));
    suspects_.insert(suspects_.end(), undecided.begin(), undecided.end());
    return confirmed;
}

std::uint64_t ScanVerifier::look_into(std::span<const Scan> suspects) {
    std::vector<Scan> young;
    std::vector<Scan> older;
    std::vector<Scan> busy;
    std::uint64_t known_until_ns = UINT64_MAX;
    const auto note = [&](std::uint64_t until_ns) { known_until_ns = std::min(known_until_ns, until_ns); };
    for (const Scan& scan : suspects) {
        if (scan.kind == ScanKind::distributed) {
            note(doubt_crowd(scan));
        } else if (is_busy(scan)) {
            busy.push_back(scan);
        } else {
            (scan.flagged_ns < scan.first_ns + reach_ns ? young : older).push_back(scan);
        }
    }
    if (!young.empty()) note(tell_young(young));
    if (!older.empty()) note(tell_older(older));
    if (!busy.empty()) note(judge_anew(busy));
    return known_until_ns;
}

std::uint64_t ScanVerifier::tell_young(std::span<const Scan> suspects) {
    Contacts contacts(suspects);
    store::Query query = flows_of(suspects);
    query.since_ns = std::ranges::min(suspects, {}, &Scan::first_ns).first_ns;
    const auto known = flows_.each_flow(query, [&](const store::StoredFlow& flow) { contacts.add(flow); });
    return tell(suspects, contacts, known.until_ns);
}

// What lies between the beginning, where contacts may not have been kept, and the flows that go on, is known.
// A scanner that tries a host every few hours would else cost days of flows.
std::uint64_t ScanVerifier::tell_older(std::span<const Scan> suspects) {
    Contacts contacts(suspects);
    const auto add = [&](const store::StoredFlow& flow) { contacts.add(flow); };
    for (const Scan& suspect : suspects) {
        store::Query query = flows_of({&suspect, 1});
        query.since_ns = suspect.first_ns;
        query.until_ns = suspect.first_ns + reach_ns;
        static_cast<void>(flows_.each_flow(query, add));
    }
    const auto known = flows_.each_live_flow(flows_of(suspects), add);
    return tell(suspects, contacts, known.until_ns);
}

std::uint64_t ScanVerifier::tell(std::span<const Scan> suspects, Contacts& contacts, std::uint64_t until_ns) {
    bool told = true;
    for (std::size_t i = 0; i < suspects.size(); ++i)
        told = detector_.tell_again(suspects[i], contacts.of(i), until_ns) && told;
    return told ? until_ns : 0;
}

std::uint64_t ScanVerifier::judge_anew(std::span<const Scan> suspects) {
    Contacts contacts(suspects);
    store::Query query = flows_of(suspects);
    query.since_ns = judged_since(std::ranges::min(suspects, {}, judged_since));
    const auto known = flows_.each_flow(query, [&](const store::StoredFlow& flow) { contacts.add(flow); });
    if (known.until_ns == 0) return 0;
    for (std::size_t i = 0; i < suspects.size(); ++i) {
        const std::uint64_t since_ns = judged_since(suspects[i]);
        const bool is_whole = since_ns == suspects[i].first_ns && known.horizon_ns <= since_ns;
        // Of those that began before the horizon only the long ones are there. Nothing was found until then.
        const auto begin_ns = is_whole ? 0 : std::max(since_ns, known.horizon_ns);
        const auto own = contacts.of(i, begin_ns);
        detector_.judge_anew(suspects[i], own, is_whole ? 1 : scan_floor, known.until_ns);
    }
    return known.until_ns;
}

std::uint64_t ScanVerifier::doubt_crowd(const Scan& suspect) {
    store::Query query;
    query.destination_port = suspect.port;
    query.protocol = suspect.protocol;
    std::uint64_t successes = 0;
    const auto known = flows_.each_live_flow(query, [&](const store::StoredFlow& flow) {
        // The first part of a flow has been told.
        if (flow.part > 1 || flow.start_ns < suspect.first_ns) return;
        const auto contact = contact_of(flow);
        successes += contact && !contact->failed ? 1 : 0;
    });
    detector_.add_live_successes(suspect, successes);
    return known.until_ns;
}

}  // namespace picket::detect
