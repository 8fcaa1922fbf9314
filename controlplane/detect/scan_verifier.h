// Whether suspected scans are scans: by all flows of their sources, judged by time (decision 24).
//
// Not thread-safe; the detector that it asks and tells is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "controlplane/detect/scan_detector.h"
#include "controlplane/store/query.h"
#include "controlplane/store/stored_flow.h"

namespace picket::detect {

// Where the flows of suspects are asked for.
class SuspectFlows {
  public:
    struct Known {
        std::uint64_t until_ns = 0;    // what happened before is told; 0: something may be missing
        std::uint64_t horizon_ns = 0;  // flows that ended before may be missing; 0: none are
    };
    using Visit = std::function<void(const store::StoredFlow&)>;

    virtual ~SuspectFlows() = default;
    // Every flow once and whole, live ones too, in no order.
    virtual Known each_flow(const store::Query& query, const Visit& visit) = 0;
    // Those that go on.
    virtual Known each_live_flow(const store::Query& query, const Visit& visit) = 0;
};

class ScanVerifier {
  public:
    using Clock = std::chrono::steady_clock;

    ScanVerifier(ScanDetector& detector, SuspectFlows& flows) : detector_(detector), flows_(flows) {}

    void add(const Scan& suspicion, Clock::time_point now);
    [[nodiscard]] bool empty() const noexcept { return suspects_.empty(); }
    // When the contacts that decide must have been answered; a look before is in vain for some. 0: no
    // suspects.
    [[nodiscard]] std::uint64_t due_ns() const;
    // Looks into the first of the suspects, and lets those go that are decided. Returns those that are scans.
    [[nodiscard]] std::vector<Scan> look(Clock::time_point now);

  private:
    // since: when the contact that decides became the one that it is.
    struct Suspect {
        Scan scan;
        std::uint64_t flagged_ns = 0;
        Clock::time_point since;
    };
    class Contacts;
    // These return until when everything is known that bears on the suspects; 0: something may be missing.
    [[nodiscard]] std::uint64_t look_into(std::span<const Scan> suspects);
    [[nodiscard]] std::uint64_t tell_young(std::span<const Scan> suspects);
    [[nodiscard]] std::uint64_t tell_older(std::span<const Scan> suspects);
    [[nodiscard]] std::uint64_t tell(std::span<const Scan> suspects, Contacts& contacts,
                                     std::uint64_t until_ns);
    [[nodiscard]] std::uint64_t judge_anew(std::span<const Scan> suspects);
    [[nodiscard]] std::uint64_t doubt_crowd(const Scan& suspect);

    ScanDetector& detector_;
    SuspectFlows& flows_;
    std::vector<Suspect> suspects_;
};

}  // namespace picket::detect
