// The compiled rule set as it travels from picketd to the data plane: one block of bytes, offsets only.
//
// Layout: RuleBlobHeader, then its sections in any order, each beginning on a multiple of 64 bytes from the
// start of the blob. All indices count entries of a section, all byte offsets count from the start of the
// blob. The writer is controlplane/rules/rule_compiler; the reader (dataplane/match/rule_set) copies the
// blob to private memory and checks every count, index and offset before it follows one.
//
// The serialized Hyperscan databases are tied to the engine's version and the processor's features, which
// the header names. Hyperscan verifies a CRC of each database, not its meaning: whoever may write the
// rule area is trusted not to forge one (docs/rules.md).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "dataplane/api/abi.h"

namespace picket::api {

inline constexpr std::uint64_t rule_blob_magic = 0x31424c55524b4350;  // "PCKRULB1"
inline constexpr std::uint32_t rule_blob_version = 2;
inline constexpr std::size_t rule_section_alignment = 64;
inline constexpr std::uint32_t no_index = 0xffffffff;
inline constexpr std::int32_t rule_length_max = 1 << 24;  // RuleOption::to of a length without upper bound
inline constexpr std::size_t watch_lists_max = 64;

// Whose URI normalisation, urilen and isdataat a rule set follows.
enum class Dialect : std::uint8_t { suricata = 0, snort3 = 1, snort2 = 2 };

// Texts that a rule may look into. `field` is the value of the request header that the chain names.
enum class RuleBuffer : std::uint8_t {
    payload = 0,  // layer-4 payload of one packet
    request = 1,  // the request's bytes as on the wire: line, head, and what of the body came with them
    method = 2,
    uri = 3,  // normalised
    raw_uri = 4,
    header = 5,      // "Name: value\r\n" lines, white space around values removed, without Cookie
    raw_header = 6,  // header block as on the wire
    cookie = 7,
    host = 8,  // lower case, without port
    user_agent = 9,
    referer = 10,
    field = 11,
    // Of requests only.
    body = 12,      // its first bytes without chunk framing; decoded as a query in the Snort dialects
    raw_body = 13,  // likewise, never decoded
    raw_host = 14,  // as on the wire
    // Of requests and responses: what a rule sees decides its phase. In a response header, raw_header, field
    // and cookie are the response's (cookie: all values of Set-Cookie).
    line = 15,         // request line or status line, without its end
    start = 16,        // the line and the header block
    protocol = 17,     // "HTTP/1.1"
    header_line = 18,  // each header by itself, "Name: value": the chain holds if it does for any of them
    // Of responses only.
    stat_code = 19,
    stat_msg = 20,
    // Of both.
    header_names = 21,  // "\r\nName\r\nName\r\n\r\n", as on the wire
};
inline constexpr std::size_t rule_buffer_count = 22;

enum class RuleOptionKind : std::uint8_t {
    content = 0,      // bytes; from, to: offset/depth or distance/within
    pcre = 1,         // pcre: index of a PcreEntry
    length = 2,       // of the whole buffer: from <= length <= to
    data_at = 3,      // from: bytes that must exist beyond the start (or the last match, if relative)
    packet_size = 4,  // of the packet's layer-4 payload, which holds the whole request: from <= size <= to
    tcp_flags = 5,    // of the packet; from: wanted | ignored << 8, to: FlagTest. Payload rules only
};

// Of a packet's TCP flags without the ignored ones.
enum class FlagTest : std::uint8_t { exactly = 0, all = 1, any = 2 };

enum RuleOptionFlag : std::uint8_t {
    option_negated = 1u << 0,
    option_nocase = 1u << 1,    // ASCII letters; bytes are stored in lower case
    option_relative = 1u << 2,  // from and to count from the end of the chain's previous match
    option_bounded = 1u << 3,   // `to` limits the end of the match
    option_at_end = 1u << 4,    // the match must end where the buffer ends
};

enum class RuleDirection : std::uint8_t { any = 0, to_server = 1, to_client = 2 };
enum class RuleEstablished : std::uint8_t { any = 0, yes = 1, no = 2 };
enum class RuleKind : std::uint8_t { request = 0, payload = 1 };

enum RuleFlag : std::uint8_t {
    rule_both_ways = 1u << 0,  // header direction <>
    rule_tcp = 1u << 1,        // payload rules: protocols that they apply to
    rule_udp = 1u << 2,
    // Request rules: what they are judged about, at least one of the three.
    rule_at_head = 1u << 3,      // a request, when its head is there
    rule_at_body = 1u << 4,      // a request, when the first bytes of its body are there
    rule_at_response = 1u << 5,  // a response, when its head is there
    rule_keeps_bits = 1u << 6,   // has a BitRule: uses flowbits, or does not alert
};
inline constexpr std::uint8_t rule_phases = rule_at_head | rule_at_body | rule_at_response;

// Where a filter looks. A rule has its one filter element in one group (in head and response if it is about
// both), or is judged always. body and response: only of what has one, so that requests without are not
// scanned for it.
enum class FilterGroup : std::uint8_t { uri = 0, head = 1, payload = 2, body = 3, response = 4 };
inline constexpr std::size_t filter_group_count = 5;

// One rule: all its chains must hold, and the packet's ends must be within its four sets.
struct RuleEntry {
    std::uint32_t chain_first = 0;
    std::uint32_t chain_count = 0;
    std::uint32_t source_addresses = no_index;  // AddressSetEntry; no_index: any
    std::uint32_t source_ports = no_index;      // PortSetEntry; no_index: any
    std::uint32_t destination_addresses = no_index;
    std::uint32_t destination_ports = no_index;
    RuleKind kind = RuleKind::request;
    RuleDirection direction = RuleDirection::any;
    RuleEstablished established = RuleEstablished::any;
    std::uint8_t flags = 0;  // RuleFlag
};
static_assert(sizeof(RuleEntry) == 28 && alignof(RuleEntry) == 4);

// Options that are tried in order over one buffer; relative ones count within their chain.
struct RuleChain {
    std::uint32_t option_first = 0;
    std::uint32_t option_count = 0;
    std::uint32_t name_offset = 0;  // buffer `field`: the header's name in lower case
    std::uint16_t name_length = 0;
    RuleBuffer buffer = RuleBuffer::payload;
    std::uint8_t empty_is_absent = 0;  // 1: an empty buffer fails the chain, as an absent one always does
};
static_assert(sizeof(RuleChain) == 16 && alignof(RuleChain) == 4);

struct RuleOption {
    std::int32_t from = 0;
    std::int32_t to = 0;
    std::uint32_t bytes_offset = 0;
    std::uint32_t bytes_length = 0;
    std::uint32_t pcre = no_index;
    RuleOptionKind kind = RuleOptionKind::content;
    std::uint8_t flags = 0;  // RuleOptionFlag
    std::uint16_t reserved = 0;
};
static_assert(sizeof(RuleOption) == 24 && alignof(RuleOption) == 4);

struct PcreEntry {
    std::uint32_t pattern_offset = 0;
    std::uint32_t pattern_length = 0;
    std::uint32_t options = 0;  // PCRE2_* compile options
    std::uint32_t reserved = 0;
};
static_assert(sizeof(PcreEntry) == 16);

// Address and port ranges of a set are sorted, disjoint and inclusive.
struct RangeSetEntry {
    std::uint32_t range_first = 0;
    std::uint32_t range_count = 0;
};
static_assert(sizeof(RangeSetEntry) == 8);

struct AddressRange {
    Address first;
    Address last;
};
static_assert(sizeof(AddressRange) == 32 && alignof(AddressRange) == 1);

struct PortRange {
    std::uint16_t first = 0;  // host byte order
    std::uint16_t last = 0;
};
static_assert(sizeof(PortRange) == 4);

// What an option does with a flow's bits, or asks of them.
enum class BitAction : std::uint8_t { set = 0, unset = 1, toggle = 2, is_set = 3, is_not_set = 4 };

[[nodiscard]] constexpr bool bit_action_tests(BitAction action) noexcept {
    return action >= BitAction::is_set;
}

// Acts on, or tests, a run of the list section `bit_lists`, which are indices of names in `bit_names`.
struct BitOption {
    std::uint32_t bit_first = 0;
    std::uint32_t bit_count = 0;
    BitAction action = BitAction::set;
    std::uint8_t any = 0;  // tests: 1: one of the bits suffices, 0: all of them must be so
    std::array<std::uint8_t, 2> reserved{};
};
static_assert(sizeof(BitOption) == 12 && alignof(BitOption) == 4);

// The flowbits of one rule. Within one packet rules are judged in the order of this section. A rule whose
// tests all hold does what its other options say, in their order.
struct BitRule {
    std::uint32_t rule = 0;
    std::uint32_t option_first = 0;
    std::uint32_t option_count = 0;
    std::uint32_t silent = 0;  // 1: the rule does not alert
};
static_assert(sizeof(BitRule) == 16);

// A bit's name. Ids of bits are given by the data plane, by name, for as long as it lives.
struct BitName {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
};
static_assert(sizeof(BitName) == 8);

// Hyperscan's id i in group g stands for elements[group.element_first + i], and that for a run of rule
// indices in the list section.
struct FilterElement {
    std::uint32_t list_first = 0;
    std::uint32_t list_count = 0;
};
static_assert(sizeof(FilterElement) == 8);

struct FilterGroupEntry {
    std::uint64_t database_offset = 0;  // serialized; size 0: the group has no elements
    std::uint64_t database_size = 0;
    std::uint32_t element_first = 0;
    std::uint32_t element_count = 0;
    std::uint32_t always_first = 0;  // run of rule indices in the list section that are judged always
    std::uint32_t always_count = 0;
    std::uint32_t buffers = 0;  // bit b: texts of RuleBuffer b have to be scanned for this group
    std::uint32_t reserved = 0;
};
static_assert(sizeof(FilterGroupEntry) == 40 && alignof(FilterGroupEntry) == 8);

// Disjoint and sorted over all lists; lists: bit i is list i.
struct WatchRange {
    Address first;
    Address last;
    std::uint64_t lists = 0;
};
static_assert(sizeof(WatchRange) == 40 && alignof(WatchRange) == 8);

struct WatchList {
    std::array<char, name_length_max> name{};  // zero-terminated
};
static_assert(sizeof(WatchList) == name_length_max);

struct BlobSection {
    std::uint64_t offset = 0;
    std::uint64_t count = 0;  // entries; `strings`: bytes
};
static_assert(sizeof(BlobSection) == 16);

struct RuleBlobHeader {
    std::uint64_t magic = rule_blob_magic;
    std::uint32_t version = rule_blob_version;
    std::uint32_t header_size = 0;
    std::uint64_t total_size = 0;
    std::uint64_t checksum = 0;      // blob_checksum of everything after this field's 8 bytes
    std::uint64_t engine = 0;        // text_hash of Hyperscan's version string
    std::uint64_t cpu_features = 0;  // hs_platform_info::cpu_features of the compiling machine
    Dialect dialect = Dialect::suricata;
    std::array<std::uint8_t, 7> reserved{};
    std::array<FilterGroupEntry, filter_group_count> groups{};
    BlobSection rules;           // RuleEntry
    BlobSection chains;          // RuleChain
    BlobSection options;         // RuleOption
    BlobSection pcres;           // PcreEntry
    BlobSection address_sets;    // RangeSetEntry
    BlobSection address_ranges;  // AddressRange
    BlobSection port_sets;       // RangeSetEntry
    BlobSection port_ranges;     // PortRange
    BlobSection elements;        // FilterElement
    BlobSection lists;           // uint32_t rule indices
    BlobSection watch_ranges;    // WatchRange
    BlobSection watch_lists;     // WatchList
    BlobSection bit_rules;       // BitRule
    BlobSection bit_options;     // BitOption
    BlobSection bit_lists;       // uint32_t indices of bit_names
    BlobSection bit_names;       // BitName
    BlobSection strings;         // bytes of contents, patterns and names
};
static_assert(sizeof(RuleBlobHeader) == 56 + 5 * 40 + 17 * 16 && alignof(RuleBlobHeader) == 8);
inline constexpr std::size_t rule_blob_checksum_from =
    offsetof(RuleBlobHeader, checksum) + sizeof(RuleBlobHeader::checksum);

// FNV-1a, for short names.
constexpr std::uint64_t text_hash(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : text) {
        hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3;
    }
    return hash;
}

// Detects damage, not forgery. Every input bit reaches the result: each step is a bijection of the state.
inline std::uint64_t blob_checksum(std::span<const std::byte> bytes) noexcept {
    constexpr std::uint64_t factor = 0x9e3779b97f4a7c15;
    std::uint64_t hash = bytes.size() * factor;
    std::size_t at = 0;
    while (at < bytes.size()) {
        std::uint64_t word = 0;
        const std::size_t length = bytes.size() - at < 8 ? bytes.size() - at : 8;
        std::memcpy(&word, bytes.data() + at, length);
        hash = std::rotl((hash ^ word) * factor, 29);
        at += length;
    }
    return hash ^ (hash >> 32);
}

}  // namespace picket::api
