// Alerts that an operator has seen: when, and how many hits they stood for then.
//
// An alert that climbs afterwards is told as having new hits. Kept in a file, where there is an archive to
// keep it beside; that of a closed archive is read only. Thread-safe.
#pragma once

#include <cstdint>
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

    // file: where they are kept; empty: in memory only. A damaged file counts as empty, see trouble().
    explicit Acknowledgements(std::string file);

    // The number of alerts that were not acknowledged, or have climbed since.
    std::size_t add(std::span<const Alert> alerts, std::uint64_t now_ns);
    [[nodiscard]] std::optional<Acknowledgement> find(const Alert& alert) const;
    // Why they are not kept, or what was lost; empty: nothing.
    [[nodiscard]] std::string trouble() const;

  private:
    void read();
    void write();

    std::string file_;
    mutable std::mutex mutex_;
    std::map<std::string, Acknowledgement> known_;  // by the alert's hour first
    std::string trouble_;
};

}  // namespace picket::detect
