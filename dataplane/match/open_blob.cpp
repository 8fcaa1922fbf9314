// Checks a rule blob before anything in it is followed.
#include <algorithm>
#include <cstring>

#include "dataplane/match/rule_tables.h"

namespace picket::match {
namespace {

constexpr std::int32_t position_max = 1 << 24;  // bytes; keeps sums of positions far from overflow
constexpr std::uint32_t chain_options_max = 256;
constexpr std::uint32_t bit_options_max = 64;  // a rule
constexpr std::uint32_t bits_max = 64;         // an option
constexpr std::uint32_t pcre_options_allowed = PCRE2_CASELESS | PCRE2_MULTILINE | PCRE2_DOTALL |
                                               PCRE2_EXTENDED | PCRE2_ANCHORED | PCRE2_UNGREEDY |
                                               PCRE2_DOLLAR_ENDONLY;

bool run_fits(std::uint64_t first, std::uint64_t count, std::uint64_t size) noexcept {
    return first <= size && count <= size - first;
}

class BlobCheck {
  public:
    BlobCheck(std::span<const std::byte> blob, BlobView& view) : blob_(blob), view_(view) {}

    std::string run() {
        if (const std::string fault = open_header(); !fault.empty()) {
            return fault;
        }
        if (!open_sections()) {
            return "a section lies outside of the rule set";
        }
        if (!std::ranges::all_of(view_.rules, [&](const auto& rule) { return rule_sound(rule); })) {
            return "a rule refers to something that is not there";
        }
        if (!std::ranges::all_of(view_.chains, [&](const auto& chain) { return chain_sound(chain); }) ||
            !std::ranges::all_of(view_.options, [&](const auto& option) { return option_sound(option); }) ||
            !std::ranges::all_of(view_.pcres, [&](const auto& pcre) { return pcre_sound(pcre); })) {
            return "a rule option is damaged";
        }
        if (!sets_sound()) {
            return "an address or port set is damaged";
        }
        if (!filters_sound()) {
            return "a filter refers to rules that are not there";
        }
        if (!bits_sound()) {
            return "a flowbit refers to something that is not there";
        }
        return watch_sound() ? "" : "a watch list is damaged";
    }

  private:
    std::string open_header() {
        if (blob_.size() < sizeof(api::RuleBlobHeader)) {
            return "it is shorter than its header";
        }
        const auto* header = reinterpret_cast<const api::RuleBlobHeader*>(blob_.data());
        if (header->magic != api::rule_blob_magic) {
            return "it does not begin as a rule set does";
        }
        if (header->version != api::rule_blob_version || header->header_size != sizeof(api::RuleBlobHeader)) {
            return "it has version " + std::to_string(header->version) + ", and this data plane reads " +
                   std::to_string(api::rule_blob_version);
        }
        if (header->total_size != blob_.size()) {
            return "it has " + std::to_string(blob_.size()) + " bytes where its header says " +
                   std::to_string(header->total_size);
        }
        if (header->checksum != api::blob_checksum(blob_.subspan(api::rule_blob_checksum_from))) {
            return "its checksum is wrong";
        }
        if (header->dialect > api::Dialect::snort2) {
            return "it names a dialect that this data plane does not know";
        }
        view_.header = header;
        view_.bytes = reinterpret_cast<const char*>(blob_.data());
        return "";
    }

    template <class T>
    bool open_section(const api::BlobSection& section, std::span<const T>& out) {
        if (section.offset % api::rule_section_alignment != 0 || section.offset > blob_.size() ||
            section.count > (blob_.size() - section.offset) / sizeof(T) || section.count >= api::no_index) {
            return false;
        }
        out = {reinterpret_cast<const T*>(blob_.data() + section.offset),
               static_cast<std::size_t>(section.count)};
        return true;
    }

    bool open_sections() {
        const api::RuleBlobHeader& header = *view_.header;
        std::span<const char> strings;
        return open_section(header.rules, view_.rules) && open_section(header.chains, view_.chains) &&
               open_section(header.options, view_.options) && open_section(header.pcres, view_.pcres) &&
               open_section(header.address_sets, view_.address_sets) &&
               open_section(header.address_ranges, view_.address_ranges) &&
               open_section(header.port_sets, view_.port_sets) &&
               open_section(header.port_ranges, view_.port_ranges) &&
               open_section(header.elements, view_.elements) && open_section(header.lists, view_.lists) &&
               open_section(header.watch_ranges, view_.watch_ranges) &&
               open_section(header.watch_lists, view_.watch_lists) &&
               open_section(header.bit_rules, view_.bit_rules) &&
               open_section(header.bit_options, view_.bit_options) &&
               open_section(header.bit_lists, view_.bit_lists) &&
               open_section(header.bit_names, view_.bit_names) && open_section(header.strings, strings);
    }

    [[nodiscard]] static bool index_sound(std::uint32_t index, std::size_t count) noexcept {
        return index == api::no_index || index < count;
    }

    [[nodiscard]] bool rule_sound(const api::RuleEntry& rule) const noexcept {
        if (rule.kind > api::RuleKind::payload || rule.direction > api::RuleDirection::to_client ||
            rule.established > api::RuleEstablished::no || rule.chain_count == 0 ||
            !run_fits(rule.chain_first, rule.chain_count, view_.chains.size())) {
            return false;
        }
        const bool is_payload = rule.kind == api::RuleKind::payload;
        if (((rule.flags & api::rule_phases) == 0) != is_payload) {
            return false;
        }
        const auto chains = view_.chains.subspan(rule.chain_first, rule.chain_count);
        return std::ranges::all_of(chains,
                                   [&](const auto& chain) {
                                       return (chain.buffer == api::RuleBuffer::payload) == is_payload;
                                   }) &&
               index_sound(rule.source_addresses, view_.address_sets.size()) &&
               index_sound(rule.destination_addresses, view_.address_sets.size()) &&
               index_sound(rule.source_ports, view_.port_sets.size()) &&
               index_sound(rule.destination_ports, view_.port_sets.size());
    }

    [[nodiscard]] bool text_fits(std::uint32_t offset, std::uint32_t length) const noexcept {
        return run_fits(offset, length, blob_.size());
    }

    [[nodiscard]] bool chain_sound(const api::RuleChain& chain) const noexcept {
        return static_cast<std::size_t>(chain.buffer) < api::rule_buffer_count && chain.option_count > 0 &&
               chain.option_count <= chain_options_max &&
               run_fits(chain.option_first, chain.option_count, view_.options.size()) &&
               text_fits(chain.name_offset, chain.name_length);
    }

    [[nodiscard]] bool option_sound(const api::RuleOption& option) const noexcept {
        const auto sane = [](std::int32_t value) { return value >= -position_max && value <= position_max; };
        if (!sane(option.from) || !sane(option.to)) {
            return false;
        }
        switch (option.kind) {
            case api::RuleOptionKind::content:
                return option.bytes_length > 0 && option.bytes_length <= position_max &&
                       text_fits(option.bytes_offset, option.bytes_length);
            case api::RuleOptionKind::pcre:
                return option.pcre < view_.pcres.size();
            case api::RuleOptionKind::length:
            case api::RuleOptionKind::data_at:
            case api::RuleOptionKind::packet_size:
                return true;
            case api::RuleOptionKind::tcp_flags:
                return option.from >= 0 && option.from <= 0xffff && option.to >= 0 &&
                       option.to <= static_cast<std::int32_t>(api::FlagTest::any);
        }
        return false;
    }

    [[nodiscard]] bool pcre_sound(const api::PcreEntry& pcre) const noexcept {
        return text_fits(pcre.pattern_offset, pcre.pattern_length) &&
               (pcre.options & ~pcre_options_allowed) == 0;
    }

    template <class Range>
    static bool ranges_sorted(std::span<const Range> ranges) noexcept {
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            if (ranges[i].last < ranges[i].first || (i > 0 && !(ranges[i - 1].last < ranges[i].first))) {
                return false;
            }
        }
        return true;
    }

    template <class Range>
    static bool range_sets_sound(std::span<const api::RangeSetEntry> sets, std::span<const Range> ranges) {
        return std::ranges::all_of(sets, [&](const auto& set) {
            return run_fits(set.range_first, set.range_count, ranges.size()) &&
                   ranges_sorted(ranges.subspan(set.range_first, set.range_count));
        });
    }

    [[nodiscard]] bool sets_sound() const {
        return range_sets_sound(view_.address_sets, view_.address_ranges) &&
               range_sets_sound(view_.port_sets, view_.port_ranges);
    }

    [[nodiscard]] bool list_sound(std::uint32_t first, std::uint32_t count, bool payload) const noexcept {
        if (!run_fits(first, count, view_.lists.size())) {
            return false;
        }
        return std::ranges::all_of(view_.lists.subspan(first, count), [&](std::uint32_t rule) {
            return rule < view_.rules.size() && (view_.rules[rule].kind == api::RuleKind::payload) == payload;
        });
    }

    [[nodiscard]] bool filters_sound() const {
        for (std::size_t i = 0; i < api::filter_group_count; ++i) {
            const api::FilterGroupEntry& group = view_.header->groups[i];
            const bool payload = i == static_cast<std::size_t>(api::FilterGroup::payload);
            constexpr std::uint32_t payload_bit = 1u << static_cast<unsigned>(api::RuleBuffer::payload);
            if ((group.buffers & ~(payload ? payload_bit : ~payload_bit)) != 0) {
                return false;
            }
            if (!run_fits(group.database_offset, group.database_size, blob_.size()) ||
                !run_fits(group.element_first, group.element_count, view_.elements.size()) ||
                !list_sound(group.always_first, group.always_count, payload)) {
                return false;
            }
            for (const auto& element : view_.elements.subspan(group.element_first, group.element_count)) {
                if (!list_sound(element.list_first, element.list_count, payload)) {
                    return false;
                }
            }
        }
        return true;
    }

    // Every rule that says it keeps bits has exactly one BitRule.
    [[nodiscard]] bool bits_sound() const {
        std::vector<bool> seen(view_.rules.size());
        const auto rule_sound = [&](const api::BitRule& entry) {
            if (entry.rule >= view_.rules.size() || seen[entry.rule]) {
                return false;
            }
            seen[entry.rule] = true;
            return (view_.rules[entry.rule].flags & api::rule_keeps_bits) != 0 &&
                   entry.option_count <= bit_options_max &&
                   run_fits(entry.option_first, entry.option_count, view_.bit_options.size());
        };
        const auto option_sound = [&](const api::BitOption& option) {
            return option.action <= api::BitAction::is_not_set && option.bit_count > 0 &&
                   option.bit_count <= bits_max &&
                   run_fits(option.bit_first, option.bit_count, view_.bit_lists.size());
        };
        const auto keepers = std::ranges::count_if(
            view_.rules, [](const api::RuleEntry& rule) { return (rule.flags & api::rule_keeps_bits) != 0; });
        return static_cast<std::size_t>(keepers) == view_.bit_rules.size() &&
               std::ranges::all_of(view_.bit_rules, rule_sound) &&
               std::ranges::all_of(view_.bit_options, option_sound) &&
               std::ranges::all_of(view_.bit_lists,
                                   [&](std::uint32_t bit) { return bit < view_.bit_names.size(); }) &&
               std::ranges::all_of(view_.bit_names, [&](const api::BitName& name) {
                   return text_fits(name.offset, name.length);
               });
    }

    [[nodiscard]] bool watch_sound() const {
        return view_.watch_lists.size() <= api::watch_lists_max && ranges_sorted(view_.watch_ranges) &&
               std::ranges::all_of(view_.watch_lists,
                                   [](const api::WatchList& list) { return list.name.back() == '\0'; });
    }

    std::span<const std::byte> blob_;
    BlobView& view_;
};

}  // namespace

std::string open_blob(std::span<const std::byte> blob, BlobView& view) {
    return BlobCheck(blob, view).run();
}

}  // namespace picket::match
