// Alerts that an operator has seen: when, and how many hits they stood for then.
//
// An alert that climbs afterwards is told as having new hits. Kept as a text wherever the owner keeps it
// (beside the archive); without, in memory only. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "controlplane/detect/alert_table.h"

namespace picket::detect {

struct Acknowledgement {
    std::uint64_t time_ns = 0;  // UTC
    std::uint64_t count = 0;    // of the alert then
};

class Acknowledgements {
  public:
    static constexpr std::size_t kept_max = 200'000;  // those of the oldest alerts go

    struct Keeper {
        std::function<std::optional<std::string>()> read;  // what was kept; nothing: nothing yet
        std::function<std::optional<std::string>(const std::string&)> keep;  // a sentence if that failed
    };
    explicit Acknowledgements(Keeper keeper = {});

    // The number of alerts that were not acknowledged, or have climbed since.
    std::size_t add(std::span<const Alert> alerts, std::uint64_t now_ns);
    [[nodiscard]] std::optional<Acknowledgement> find(const Alert& alert) const;
    // Why they are not kept, or what was lost; empty: nothing.
    [[nodiscard]] std::string trouble() const;

  private:
    // What is kept and not known yet: the place may have become readable since.
    void take_kept();
    void keep();

    Keeper keeper_;
    mutable std::mutex mutex_;
    std::map<std::string, Acknowledgement> known_;  // by the alert's hour first
    std::string trouble_;
};

}  // namespace picket::detect
