// What the flows that are kept say of scans: each target's first contact, when one stopped, and why.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "controlplane/detect/scan_detector.h"
#include "controlplane/store/flat_map.h"
#include "controlplane/store/outcome.h"

namespace picket::detect {

struct ScanDetails {
    std::uint64_t destinations = 0;
    std::uint64_t ports = 0;
    std::uint64_t flows = 0;     // 0: everything else is as the scan itself has it
    std::uint64_t failures = 0;  // of first contacts
    std::array<std::uint64_t, store::outcome_texts.size()> outcomes{};  // of first contacts
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;  // the last target's first contact
    bool stopped = false;       // nothing for longer than its pace lets expect
    bool stopped_after_first_answer = false;
};

// Which scans a flow belongs to. Those of one source by who, where and how; of a distributed scan's flows
// only the failed contacts of its time are told from what else goes to the same port.
class FlowsOfScans {
  public:
    explicit FlowsOfScans(std::span<const Scan> scans);

    // visit(index of the scan)
    template <typename Visit>
    void visit(const store::StoredFlow& flow, Visit&& visit) const {
        const auto* own = by_source_.find(flow.source);
        if (own == nullptr) return;
        for (const std::uint32_t i : *own) {
            if (belongs(scans_[i], flow)) visit(i);
        }
    }
    template <typename Visit>
    void visit_distributed(const store::StoredFlow& flow, Visit&& visit) const {
        for (const std::uint32_t i : distributed_) {
            if (is_of_crowd(scans_[i], flow)) visit(i);
        }
    }

  private:
    static bool belongs(const Scan& scan, const store::StoredFlow& flow) noexcept;
    static bool is_of_crowd(const Scan& scan, const store::StoredFlow& flow) noexcept;

    std::span<const Scan> scans_;
    store::FlatMap<api::Address, std::vector<std::uint32_t>> by_source_;
    std::vector<std::uint32_t> distributed_;
};

// Gathers the details of scans from flows, one by one. Distributed scans have none: their flows cannot be
// told from those of others that try the same port. Bounded by a number of first contacts. The scans outlive
// it.
class ScanDetailer {
  public:
    static constexpr std::size_t contacts_max = 4'000'000;

    explicit ScanDetailer(std::span<const Scan> scans)
        : scans_(scans), flows_of_(scans), gathered_(scans.size()) {}

    // A whole flow; no flow twice.
    void add(const store::StoredFlow& flow);
    [[nodiscard]] ScanDetails details(std::size_t scan, std::uint64_t now_ns) const;
    // Flows to more targets than there was room for.
    [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

  private:
    struct Target {
        api::Address address;
        std::uint16_t port = 0;
        bool operator==(const Target&) const = default;
        [[nodiscard]] std::uint64_t hash(const store::FlatHash& base) const noexcept {
            return store::mix_words(base(address), base(port));
        }
    };
    struct Contact {
        std::uint64_t start_ns = 0;
        std::uint64_t id = 0;
        store::FlowOutcome outcome = store::FlowOutcome::unknown;
        bool failed = false;
    };
    [[nodiscard]] static bool has_failed(const store::StoredFlow& flow) noexcept;

    struct Gathered {
        std::uint64_t flows = 0;
        store::FlatMap<Target, Contact> first_contacts;
    };

    std::span<const Scan> scans_;
    FlowsOfScans flows_of_;
    std::vector<Gathered> gathered_;
    std::size_t contacts_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace picket::detect
