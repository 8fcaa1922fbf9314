// The inside of a RuleSet: the checked copy of the blob, its sections as spans, and what was made of them.
//
// Owned by one RuleSet; immutable once it is loaded. Every index and offset in the sections has been checked
// by open_blob(), so that readers follow them without checks.
#pragma once

#include <hs/hs.h>

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/rule_blob.h"
#include "dataplane/match/rule_guard.h"
#include "dataplane/match/rule_set.h"
#include "dataplane/match/watch_index.h"

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

namespace picket::match {

struct HyperscanFree {
    void operator()(hs_database_t* database) const noexcept { hs_free_database(database); }
};
struct PcreFree {
    void operator()(pcre2_code* code) const noexcept { pcre2_code_free(code); }
};
using HyperscanDatabase = std::unique_ptr<hs_database_t, HyperscanFree>;
using PcreCode = std::unique_ptr<pcre2_code, PcreFree>;

// Sections of a blob that passed open_blob(); they point into it.
struct BlobView {
    const api::RuleBlobHeader* header = nullptr;
    std::span<const api::RuleEntry> rules;
    std::span<const api::RuleChain> chains;
    std::span<const api::RuleOption> options;
    std::span<const api::PcreEntry> pcres;
    std::span<const api::RangeSetEntry> address_sets;
    std::span<const api::AddressRange> address_ranges;
    std::span<const api::RangeSetEntry> port_sets;
    std::span<const api::PortRange> port_ranges;
    std::span<const api::FilterElement> elements;
    std::span<const std::uint32_t> lists;
    std::span<const api::BitRule> bit_rules;
    std::span<const api::BitOption> bit_options;
    std::span<const std::uint32_t> bit_lists;
    std::span<const api::BitName> bit_names;
    std::span<const api::WatchRange> watch_ranges;
    std::span<const api::WatchList> watch_lists;
    const char* bytes = nullptr;  // start of the blob, for the offsets of texts

    [[nodiscard]] std::string_view text(std::uint32_t offset, std::uint32_t length) const noexcept {
        return {bytes + offset, length};
    }
};

// Checks the whole blob and fills view. An empty string if it is sound, else what is wrong with it.
// REQUIRES blob.data() aligned to 8 bytes.
std::string open_blob(std::span<const std::byte> blob, BlobView& view);

// Ports whose packets a payload rule may match, for one protocol and direction.
struct PayloadPorts {
    bool any = false;
    // PERF: for most rule sets few of these are not empty, and every packet with a payload asks.
    bool some_source = false;
    bool some_destination = false;
    std::bitset<65536> source;
    std::bitset<65536> destination;
};

struct RuleSet::Tables {
    std::uint32_t generation = 0;
    std::vector<std::uint64_t> blob;  // words, so that its start is aligned
    BlobView view;
    std::array<HyperscanDatabase, api::filter_group_count> databases;
    std::vector<PcreCode> pcres;
    RuleGuards guards;                       // one a rule
    std::vector<std::uint32_t> bits;         // ids of view.bit_lists, from BitNames
    std::vector<std::uint32_t> bit_rule_of;  // a rule's index in view.bit_rules; only where it has one
    std::array<PayloadPorts, 2> tcp;         // index 1: packets to the server
    std::array<PayloadPorts, 2> udp;
    unsigned payload_kinds = 0;  // see RuleSet::payload_kinds()
    WatchIndex watch;
    std::uint8_t phases = 0;  // api::rule_phases of all rules together

    [[nodiscard]] const api::FilterGroupEntry& group(api::FilterGroup which) const noexcept {
        return view.header->groups[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] hs_database_t* database(api::FilterGroup which) const noexcept {
        return databases[static_cast<std::size_t>(which)].get();
    }
};

// True if the ends are within the rule's address and port sets and its direction, state and protocol.
bool ends_match(const BlobView& view, const api::RuleEntry& rule, const FlowEnds& ends) noexcept;

}  // namespace picket::match
