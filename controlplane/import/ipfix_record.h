// One data record of IPFIX, as a flow.
//
// A value type; not thread-safe. Refers to the bytes of the message that it was read from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "controlplane/import/foreign_flow.h"
#include "controlplane/import/ipfix_template.h"

namespace picket::importer {

// What times of records are relative to.
struct IpfixClock {
    std::uint64_t export_s = 0;            // of the message, UTC
    std::optional<std::uint64_t> boot_ms;  // of the exporter, UTC; nothing: not told yet
};

class IpfixRecord {
  public:
    // The next record of `layout`; false if the bytes end within it.
    [[nodiscard]] bool read(parse::ByteCursor& bytes, const IpfixTemplate& layout) noexcept;
    [[nodiscard]] std::optional<std::uint64_t> value(IpfixTake take) const noexcept;
    // The flow that it tells of, or why it tells of none.
    [[nodiscard]] ForeignLine flow(const IpfixClock& clock) const;

  private:
    void keep(IpfixTake take, const std::uint8_t* bytes, std::size_t length) noexcept;
    [[nodiscard]] std::uint64_t count(IpfixTake fine, IpfixTake coarse) const noexcept;
    [[nodiscard]] std::string take_ends(store::StoredFlow& flow) const;
    [[nodiscard]] std::string take_times(const IpfixClock& clock, store::StoredFlow& flow) const;
    void take_counts(store::StoredFlow& flow) const noexcept;

    std::array<std::uint64_t, ipfix_takes> values_{};
    std::uint64_t present_ = 0;  // a bit each IpfixTake
    static_assert(ipfix_takes <= 64, "present_ has a bit for each");
    std::array<api::Address, 4> addresses_;  // source_v4 and its followers
};

}  // namespace picket::importer
