// Flow logs of comma-separated values: the columns are known by the names in the first line, those of
// Picket's own --csv, of nfdump's -o csv, or Date,Time,SrcIP,SrcPort,DstIP,DstPort,Protocol,Packets,Bytes.
//
// A value type; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/import/foreign_flow.h"

namespace picket::importer {

class CsvLog {
  public:
    // header: the first line. Check problem() before parse().
    explicit CsvLog(std::string_view header);

    // Which columns the header lacks; empty: none that is needed.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    [[nodiscard]] ForeignLine parse(std::string_view line, const ParseTime& time) const;

  private:
    enum Field : std::size_t {
        first,
        date,
        clock,
        last,
        source,
        source_port,
        destination,
        destination_port,
        protocol,
        packets,
        bytes,
        packets_back,
        bytes_back,
        flags,
        flags_back,
        vlan,
        fields
    };
    using Row = std::vector<std::string>;

    [[nodiscard]] static Field field_of(std::string_view name);
    [[nodiscard]] std::string_view at(const Row& row, Field field) const;
    [[nodiscard]] bool has(Field field) const noexcept { return places_[field] != nowhere; }
    [[nodiscard]] std::string take_times(const Row& row, const ParseTime& time,
                                         store::StoredFlow& flow) const;
    [[nodiscard]] std::string take_ends(const Row& row, store::StoredFlow& flow, bool& masked) const;
    [[nodiscard]] std::string take_counts(const Row& row, store::StoredFlow& flow) const;

    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
    std::array<std::size_t, fields> places_;
    std::size_t columns_ = 0;
    std::string problem_;
};

// The values of a line, as RFC 4180 quotes them, without spaces around them.
[[nodiscard]] std::vector<std::string> split_csv(std::string_view line);

}  // namespace picket::importer
