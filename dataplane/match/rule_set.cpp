#include "dataplane/match/rule_set.h"

#include <algorithm>
#include <cstring>

#include "dataplane/match/rule_tables.h"

namespace picket::match {
namespace {

bool contains_address(const BlobView& view, std::uint32_t set, const api::Address& address) noexcept {
    if (set == api::no_index) {
        return true;
    }
    const auto& entry = view.address_sets[set];
    const auto ranges = view.address_ranges.subspan(entry.range_first, entry.range_count);
    const auto after = std::upper_bound(
        ranges.begin(), ranges.end(), address,
        [](const api::Address& key, const api::AddressRange& range) { return key < range.first; });
    return after != ranges.begin() && !(std::prev(after)->last < address);
}

bool contains_port(const BlobView& view, std::uint32_t set, std::uint16_t port) noexcept {
    if (set == api::no_index) {
        return true;
    }
    const auto& entry = view.port_sets[set];
    const auto ranges = view.port_ranges.subspan(entry.range_first, entry.range_count);
    const auto after =
        std::upper_bound(ranges.begin(), ranges.end(), port,
                         [](std::uint16_t key, const api::PortRange& range) { return key < range.first; });
    return after != ranges.begin() && std::prev(after)->last >= port;
}

bool pair_matches(const BlobView& view, const api::RuleEntry& rule, const api::Address& source,
                  std::uint16_t source_port, const api::Address& destination,
                  std::uint16_t destination_port) noexcept {
    return contains_port(view, rule.source_ports, source_port) &&
           contains_port(view, rule.destination_ports, destination_port) &&
           contains_address(view, rule.source_addresses, source) &&
           contains_address(view, rule.destination_addresses, destination);
}

std::string load_databases(RuleSet::Tables& tables) {
    for (std::size_t i = 0; i < api::filter_group_count; ++i) {
        const api::FilterGroupEntry& group = tables.view.header->groups[i];
        if (group.database_size == 0) {
            continue;
        }
        hs_database_t* database = nullptr;
        if (hs_deserialize_database(tables.view.bytes + group.database_offset, group.database_size,
                                    &database) != HS_SUCCESS) {
            return "Hyperscan does not accept its pattern database";
        }
        tables.databases[i].reset(database);
    }
    return "";
}

std::string compile_pcres(RuleSet::Tables& tables) {
    std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
        pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
    if (!context) {
        return "memory does not suffice for its patterns";
    }
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    pcre2_set_max_pattern_length(context.get(), 64 * 1024);
    for (const api::PcreEntry& entry : tables.view.pcres) {
        const std::string_view pattern = tables.view.text(entry.pattern_offset, entry.pattern_length);
        int fault = 0;
        PCRE2_SIZE at = 0;
        PcreCode code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                    entry.options | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &fault, &at,
                                    context.get()));
        if (!code) {
            return "PCRE2 does not accept a pattern of it";
        }
        // Without JIT (memory that may not be made executable) matching is slower, not different.
        pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
        tables.pcres.push_back(std::move(code));
    }
    return "";
}

// Ports of one set into a bitmap; false if the set is 'any'.
bool mark_ports(const BlobView& view, std::uint32_t set, std::bitset<65536>& ports) {
    if (set == api::no_index) {
        return false;
    }
    const auto& entry = view.port_sets[set];
    for (const auto& range : view.port_ranges.subspan(entry.range_first, entry.range_count)) {
        for (std::uint32_t port = range.first; port <= range.last; ++port) {
            ports.set(port);
        }
    }
    return true;
}

void mark_payload_ports(const BlobView& view, const api::RuleEntry& rule, PayloadPorts& ports) {
    const bool both = (rule.flags & api::rule_both_ways) != 0;
    if (mark_ports(view, rule.destination_ports, ports.destination)) {
        if (both) {
            mark_ports(view, rule.destination_ports, ports.source);
        }
    } else if (mark_ports(view, rule.source_ports, ports.source)) {
        if (both) {
            mark_ports(view, rule.source_ports, ports.destination);
        }
    } else {
        ports.any = true;
    }
    ports.some_source = ports.source.any();
    ports.some_destination = ports.destination.any();
}

bool direction_holds(const api::RuleEntry& rule, bool to_server) noexcept {
    return rule.direction == api::RuleDirection::any ||
           (rule.direction == api::RuleDirection::to_server) == to_server;
}

// By direction too, because nearly all rules are about what clients send, and servers send ten times as much.
void collect_payload_ports(RuleSet::Tables& tables) {
    for (const api::RuleEntry& rule : tables.view.rules) {
        if (rule.kind != api::RuleKind::payload) {
            continue;
        }
        for (const bool to_server : {false, true}) {
            if (!direction_holds(rule, to_server)) {
                continue;
            }
            if ((rule.flags & api::rule_tcp) != 0) {
                mark_payload_ports(tables.view, rule, tables.tcp[to_server ? 1 : 0]);
                tables.payload_kinds |= 1u << RuleSet::payload_kind(false, to_server);
            }
            if ((rule.flags & api::rule_udp) != 0) {
                mark_payload_ports(tables.view, rule, tables.udp[to_server ? 1 : 0]);
                tables.payload_kinds |= 1u << RuleSet::payload_kind(true, to_server);
            }
        }
    }
}

std::string name_bits(RuleSet::Tables& tables, BitNames& names) {
    std::vector<std::uint32_t> ids;
    for (const api::BitName& name : tables.view.bit_names) {
        const auto id = names.id_of(tables.view.text(name.offset, name.length));
        if (!id) {
            return "the data plane has seen " + std::to_string(BitNames::names_max) +
                   " names of flowbits since it started, and it names others; restart the data plane";
        }
        ids.push_back(*id);
    }
    for (const std::uint32_t bit : tables.view.bit_lists) {
        tables.bits.push_back(ids[bit]);
    }
    if (!tables.view.bit_rules.empty()) {
        tables.bit_rule_of.resize(tables.view.rules.size(), api::no_index);
    }
    for (std::uint32_t order = 0; order < tables.view.bit_rules.size(); ++order) {
        tables.bit_rule_of[tables.view.bit_rules[order].rule] = order;
    }
    return "";
}

std::string check_engine(const api::RuleBlobHeader& header) {
    if (header.engine != api::text_hash(hs_version())) {
        return "it was compiled for another version of Hyperscan than " + std::string(hs_version());
    }
    hs_platform_info_t platform{};
    if (hs_valid_platform() != HS_SUCCESS || hs_populate_platform(&platform) != HS_SUCCESS) {
        return "Hyperscan does not run on this processor (it needs SSSE3)";
    }
    if ((header.cpu_features & ~platform.cpu_features) != 0) {
        return "it was compiled for a processor with other vector instructions";
    }
    return "";
}

}  // namespace

bool ends_match(const BlobView& view, const api::RuleEntry& rule, const FlowEnds& ends) noexcept {
    const bool state_holds = rule.established == api::RuleEstablished::any ||
                             (rule.established == api::RuleEstablished::yes) == ends.established;
    if (!direction_holds(rule, ends.to_server) || !state_holds) {
        return false;
    }
    const std::uint8_t protocol_flag = ends.protocol == 17 ? api::rule_udp : api::rule_tcp;
    if (rule.kind == api::RuleKind::payload && (rule.flags & protocol_flag) == 0) {
        return false;
    }
    return pair_matches(view, rule, ends.source, ends.source_port, ends.destination, ends.destination_port) ||
           ((rule.flags & api::rule_both_ways) != 0 &&
            pair_matches(view, rule, ends.destination, ends.destination_port, ends.source, ends.source_port));
}

RuleSet::RuleSet(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
RuleSet::~RuleSet() = default;

std::shared_ptr<const RuleSet> RuleSet::load(std::span<const std::byte> blob, std::uint32_t generation,
                                             BitNames& names, std::string& error) {
    auto tables = std::make_unique<Tables>();
    tables->generation = generation;
    tables->blob.resize((blob.size() + 7) / 8);
    if (!blob.empty()) {
        std::memcpy(tables->blob.data(), blob.data(), blob.size());
    }
    error = open_blob(std::as_bytes(std::span(tables->blob)).first(blob.size()), tables->view);
    if (error.empty()) {
        error = check_engine(*tables->view.header);
    }
    if (error.empty()) {
        error = load_databases(*tables);
    }
    if (error.empty()) {
        error = compile_pcres(*tables);
    }
    if (error.empty()) {
        error = name_bits(*tables, names);
    }
    if (!error.empty()) {
        error = "rule set refused: " + error;
        return nullptr;
    }
    collect_payload_ports(*tables);
    tables->guards = make_guards(tables->view);
    for (const api::RuleEntry& rule : tables->view.rules) {
        tables->phases |= rule.flags & api::rule_phases;
    }
    tables->watch = WatchIndex(tables->view.watch_ranges);
    return std::shared_ptr<const RuleSet>(new RuleSet(std::move(tables)));
}

std::uint32_t RuleSet::generation() const noexcept {
    return tables_->generation;
}

std::uint32_t RuleSet::rule_count() const noexcept {
    return static_cast<std::uint32_t>(tables_->view.rules.size());
}

api::Dialect RuleSet::dialect() const noexcept {
    return tables_->view.header->dialect;
}

std::uint64_t RuleSet::watch_lookup(const api::Address& address) const noexcept {
    return tables_->watch.lookup(address);
}

std::uint32_t RuleSet::watch_list_count() const noexcept {
    return static_cast<std::uint32_t>(tables_->view.watch_lists.size());
}

std::string_view RuleSet::watch_list_name(std::uint32_t list) const noexcept {
    return list < tables_->view.watch_lists.size()
               ? std::string_view(tables_->view.watch_lists[list].name.data())
               : std::string_view();
}

bool RuleSet::wants_payload(const FlowEnds& ends) const noexcept {
    const std::size_t direction = ends.to_server ? 1 : 0;
    const PayloadPorts& ports = ends.protocol == 17 ? tables_->udp[direction] : tables_->tcp[direction];
    return (ends.protocol == 6 || ends.protocol == 17) &&
           (ports.any || (ports.some_destination && ports.destination[ends.destination_port]) ||
            (ports.some_source && ports.source[ends.source_port]));
}

unsigned RuleSet::payload_kinds() const noexcept {
    return tables_->payload_kinds;
}

bool RuleSet::wants_requests() const noexcept {
    return tables_->phases != 0;
}

bool RuleSet::wants_bodies() const noexcept {
    return (tables_->phases & api::rule_at_body) != 0;
}

bool RuleSet::wants_responses() const noexcept {
    return (tables_->phases & api::rule_at_response) != 0;
}

}  // namespace picket::match
