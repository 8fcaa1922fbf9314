// One generation of compiled rules and watch lists, as the data plane uses it.
//
// Ownership: shared by all workers' Matchers and whoever loaded it. Immutable after load(), hence safe to
// read from any thread. load() allocates and takes milliseconds (it compiles the PCRE2 patterns): it is
// called by the housekeeping thread, never by a worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/api/rule_blob.h"
#include "dataplane/match/bit_names.h"
#include "dataplane/match/flow_ends.h"

namespace picket::match {

class RuleSet {
  public:
    // Copies the blob, checks every count, index and offset of the copy, and makes it ready. nullptr and
    // a sentence in error if the blob is damaged, of another version, or not made for this engine and
    // processor, or names more flowbits than `names` has room for. Any bytes are safe to pass, except a
    // forged Hyperscan database with a right CRC.
    static std::shared_ptr<const RuleSet> load(std::span<const std::byte> blob, std::uint32_t generation,
                                               BitNames& names, std::string& error);
    // Of a rule set that no other follows.
    static std::shared_ptr<const RuleSet> load(std::span<const std::byte> blob, std::uint32_t generation,
                                               std::string& error) {
        BitNames names;
        return load(blob, generation, names, error);
    }
    ~RuleSet();
    RuleSet(const RuleSet&) = delete;
    RuleSet& operator=(const RuleSet&) = delete;

    [[nodiscard]] std::uint32_t generation() const noexcept;
    [[nodiscard]] std::uint32_t rule_count() const noexcept;
    [[nodiscard]] api::Dialect dialect() const noexcept;

    // Bit i: the address is on watch list i.
    [[nodiscard]] std::uint64_t watch_lookup(const api::Address& address) const noexcept;
    [[nodiscard]] std::uint32_t watch_list_count() const noexcept;
    [[nodiscard]] std::string_view watch_list_name(std::uint32_t list) const noexcept;

    // False if no payload rule can match a packet with these ends: its payload need not be scanned.
    [[nodiscard]] bool wants_payload(const FlowEnds& ends) const noexcept;
    // Bit payload_kind(): a payload rule may match such packets, whatever their ports.
    [[nodiscard]] unsigned payload_kinds() const noexcept;
    [[nodiscard]] static constexpr unsigned payload_kind(bool udp, bool to_server) noexcept {
        return (udp ? 2u : 0u) | (to_server ? 1u : 0u);
    }
    // False if no rule looks at requests at all.
    [[nodiscard]] bool wants_requests() const noexcept;
    // Whether some rule looks at bodies of requests, at responses.
    [[nodiscard]] bool wants_bodies() const noexcept;
    [[nodiscard]] bool wants_responses() const noexcept;

    struct Tables;  // dataplane/match/rule_tables.h, for the Matcher
    [[nodiscard]] const Tables& tables() const noexcept { return *tables_; }

  private:
    explicit RuleSet(std::unique_ptr<Tables> tables);
    std::unique_ptr<Tables> tables_;
};

}  // namespace picket::match
