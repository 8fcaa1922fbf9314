// Messages of IPFIX (RFC 7011), as files hold them (RFC 5655): one behind the other.
//
// Not thread-safe. Memory: templates, at most fields_max fields of all observation domains together.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>

#include "controlplane/import/foreign_flow.h"
#include "controlplane/import/ipfix_record.h"
#include "controlplane/import/ipfix_template.h"

namespace picket::importer {

inline constexpr std::size_t ipfix_header_bytes = 16;

// The length in bytes of the message that begins so, its header included; 0 if none does.
// REQUIRES: `header` has ipfix_header_bytes.
[[nodiscard]] std::size_t ipfix_message_length(std::span<const std::uint8_t> header) noexcept;

class IpfixReader {
  public:
    // Each record of a flow, and each record or set that is not understood.
    using Sink = std::function<void(const ForeignLine&)>;
    static constexpr std::size_t fields_max = 1'000'000;

    explicit IpfixReader(Sink sink) : sink_(std::move(sink)) {}

    // A whole message. Damage within it is told to the sink; sets that follow damage of a set are lost.
    void read(std::span<const std::uint8_t> message);

  private:
    void read_set(std::uint16_t id, parse::ByteCursor& bytes);
    void read_templates(parse::ByteCursor& bytes, bool options);
    void adopt(std::uint16_t id, IpfixTemplate layout);
    void forget(std::uint16_t id, bool options);
    void read_records(std::uint16_t id, parse::ByteCursor& bytes);
    void note_exporter(const IpfixRecord& record);
    void reject(std::string why);
    [[nodiscard]] std::uint64_t key(std::uint16_t id) const noexcept {
        return std::uint64_t{domain_} << 16 | id;
    }

    Sink sink_;
    std::unordered_map<std::uint64_t, IpfixTemplate> templates_;  // by observation domain and id
    std::size_t fields_ = 0;                                      // of all templates
    std::unordered_map<std::uint32_t, std::uint64_t> boot_ms_;    // by observation domain
    // Of the message that is being read:
    std::uint32_t domain_ = 0;
    std::uint64_t export_s_ = 0;
};

}  // namespace picket::importer
