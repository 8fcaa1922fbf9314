#include "controlplane/rules/blob_writer.h"

#include <algorithm>
#include <cstring>

namespace picket::rules {
namespace {

using api::RuleBuffer;

// Cheap and telling buffers first: a chain that fails ends the judgement.
int judging_order(RuleBuffer buffer) {
    switch (buffer) {
        case RuleBuffer::method:
            return 0;
        case RuleBuffer::uri:
        case RuleBuffer::raw_uri:
            return 1;
        case RuleBuffer::host:
        case RuleBuffer::user_agent:
        case RuleBuffer::referer:
        case RuleBuffer::cookie:
        case RuleBuffer::payload:
        case RuleBuffer::stat_code:
        case RuleBuffer::stat_msg:
            return 2;
        case RuleBuffer::field:
        case RuleBuffer::raw_header:
            return 3;
        default:
            return 4;
    }
}

bool keeps_bits(const Rule& rule) {
    return !rule.flowbits.empty() || !rule.alerts;
}

template <class Range>
std::string key_of(const std::vector<Range>& ranges) {
    return {reinterpret_cast<const char*>(ranges.data()), ranges.size() * sizeof(Range)};
}

// Appends a section's bytes at the next aligned place.
class Output {
  public:
    explicit Output(std::size_t reserved) : bytes_(reserved) {}

    std::uint64_t append(const void* data, std::size_t size) {
        bytes_.resize((bytes_.size() + api::rule_section_alignment - 1) / api::rule_section_alignment *
                      api::rule_section_alignment);
        const std::size_t at = bytes_.size();
        bytes_.resize(at + size);
        if (size > 0) {
            std::memcpy(bytes_.data() + at, data, size);
        }
        return at;
    }

    template <class T>
    api::BlobSection section(const std::vector<T>& entries) {
        return {append(entries.data(), entries.size() * sizeof(T)), entries.size()};
    }

    std::vector<std::byte> bytes_;
};

}  // namespace

std::uint32_t BlobWriter::text(std::string_view bytes) {
    const auto [place, is_new] =
        text_places_.try_emplace(std::string(bytes), static_cast<std::uint32_t>(strings_.size()));
    if (is_new) {
        strings_ += bytes;
    }
    return place->second;
}

std::uint32_t BlobWriter::pcre(std::string_view pattern, std::uint32_t options) {
    const auto [place, is_new] =
        pcre_places_.try_emplace({std::string(pattern), options}, static_cast<std::uint32_t>(pcres_.size()));
    if (is_new) {
        pcres_.push_back({text(pattern), static_cast<std::uint32_t>(pattern.size()), options, 0});
    }
    return place->second;
}

std::uint32_t BlobWriter::address_set(const AddressSet& set) {
    if (set.any) {
        return api::no_index;
    }
    const auto [place, is_new] =
        address_set_places_.try_emplace(key_of(set.ranges), static_cast<std::uint32_t>(address_sets_.size()));
    if (is_new) {
        address_sets_.push_back({static_cast<std::uint32_t>(address_ranges_.size()),
                                 static_cast<std::uint32_t>(set.ranges.size())});
        address_ranges_.insert(address_ranges_.end(), set.ranges.begin(), set.ranges.end());
    }
    return place->second;
}

std::uint32_t BlobWriter::port_set(const PortSet& set) {
    if (set.any) {
        return api::no_index;
    }
    const auto [place, is_new] =
        port_set_places_.try_emplace(key_of(set.ranges), static_cast<std::uint32_t>(port_sets_.size()));
    if (is_new) {
        port_sets_.push_back(
            {static_cast<std::uint32_t>(port_ranges_.size()), static_cast<std::uint32_t>(set.ranges.size())});
        port_ranges_.insert(port_ranges_.end(), set.ranges.begin(), set.ranges.end());
    }
    return place->second;
}

api::RuleOption BlobWriter::make_option(const BufferOption& option) {
    api::RuleOption entry;
    entry.kind = option.kind;
    entry.flags = option.flags;
    entry.from = option.from;
    entry.to = option.to;
    if (option.kind == api::RuleOptionKind::content) {
        entry.bytes_offset = text(option.bytes);
        entry.bytes_length = static_cast<std::uint32_t>(option.bytes.size());
    } else if (option.kind == api::RuleOptionKind::pcre) {
        entry.pcre = pcre(option.bytes, option.pcre_options);
    }
    return entry;
}

void BlobWriter::add_rule(const Rule& rule) {
    api::RuleEntry entry;
    entry.chain_first = static_cast<std::uint32_t>(chains_.size());
    entry.chain_count = static_cast<std::uint32_t>(rule.chains.size());
    entry.source_addresses = address_set(rule.source_addresses);
    entry.source_ports = port_set(rule.source_ports);
    entry.destination_addresses = address_set(rule.destination_addresses);
    entry.destination_ports = port_set(rule.destination_ports);
    entry.kind = rule.kind;
    entry.direction = rule.direction;
    entry.established = rule.established;
    entry.flags = static_cast<std::uint8_t>((rule.both_ways ? api::rule_both_ways : 0) |
                                            (rule.tcp ? api::rule_tcp : 0) | (rule.udp ? api::rule_udp : 0) |
                                            (keeps_bits(rule) ? api::rule_keeps_bits : 0) | rule.phases);
    rules_.push_back(entry);

    std::vector<const OptionChain*> order;
    for (const OptionChain& chain : rule.chains) {
        order.push_back(&chain);
    }
    std::ranges::stable_sort(order, {},
                             [](const OptionChain* chain) { return judging_order(chain->buffer); });
    for (const OptionChain* chain : order) {
        api::RuleChain out;
        out.option_first = static_cast<std::uint32_t>(options_.size());
        out.option_count = static_cast<std::uint32_t>(chain->options.size());
        out.buffer = chain->buffer;
        out.empty_is_absent = chain->empty_is_absent ? 1 : 0;
        out.name_offset = text(chain->field);
        out.name_length = static_cast<std::uint16_t>(chain->field.size());
        chains_.push_back(out);
        for (const BufferOption& option : chain->options) {
            options_.push_back(make_option(option));
        }
    }
}

void BlobWriter::set_group(api::FilterGroup which, std::vector<std::byte> database,
                           const std::vector<std::vector<std::uint32_t>>& lists,
                           const std::vector<std::uint32_t>& always, std::uint32_t buffers) {
    api::FilterGroupEntry& group = groups_[static_cast<std::size_t>(which)];
    group.element_first = static_cast<std::uint32_t>(elements_.size());
    group.element_count = static_cast<std::uint32_t>(lists.size());
    group.buffers = buffers;
    for (const auto& list : lists) {
        elements_.push_back(
            {static_cast<std::uint32_t>(lists_.size()), static_cast<std::uint32_t>(list.size())});
        lists_.insert(lists_.end(), list.begin(), list.end());
    }
    group.always_first = static_cast<std::uint32_t>(lists_.size());
    group.always_count = static_cast<std::uint32_t>(always.size());
    lists_.insert(lists_.end(), always.begin(), always.end());
    databases_[static_cast<std::size_t>(which)] = std::move(database);
}

std::uint32_t BlobWriter::bit_name(const std::string& name) {
    const auto [place, is_new] =
        bit_name_places_.try_emplace(name, static_cast<std::uint32_t>(bit_names_.size()));
    if (is_new) {
        bit_names_.push_back({text(name), static_cast<std::uint32_t>(name.size())});
    }
    return place->second;
}

void BlobWriter::add_bit_rule(std::uint32_t index, const Rule& rule) {
    bit_rules_.push_back({index, static_cast<std::uint32_t>(bit_options_.size()),
                          static_cast<std::uint32_t>(rule.flowbits.size()), rule.alerts ? 0u : 1u});
    for (const FlowbitOption& option : rule.flowbits) {
        api::BitOption out;
        out.bit_first = static_cast<std::uint32_t>(bit_lists_.size());
        out.bit_count = static_cast<std::uint32_t>(option.names.size());
        out.action = option.action;
        out.any = option.any ? 1 : 0;
        bit_options_.push_back(out);
        for (const std::string& name : option.names) {
            bit_lists_.push_back(bit_name(name));
        }
    }
}

void BlobWriter::add_watch_list(const std::string& name) {
    api::WatchList list;
    std::memcpy(list.name.data(), name.data(), std::min(name.size(), list.name.size() - 1));
    watch_lists_.push_back(list);
}

void BlobWriter::set_watch_ranges(std::vector<api::WatchRange> ranges) {
    watch_ranges_ = std::move(ranges);
}

std::vector<std::byte> BlobWriter::finish(api::Dialect dialect, std::uint64_t engine,
                                          std::uint64_t cpu_features) {
    Output out(sizeof(api::RuleBlobHeader));
    api::RuleBlobHeader header;
    header.header_size = sizeof(header);
    header.engine = engine;
    header.cpu_features = cpu_features;
    header.dialect = dialect;
    header.groups = groups_;
    const std::uint64_t strings = out.append(strings_.data(), strings_.size());
    header.strings = {strings, strings_.size()};
    const auto moved = static_cast<std::uint32_t>(strings);
    for (api::RuleChain& chain : chains_) {
        chain.name_offset += moved;
    }
    for (api::RuleOption& option : options_) {
        option.bytes_offset += moved;
    }
    for (api::PcreEntry& entry : pcres_) {
        entry.pattern_offset += moved;
    }
    for (api::BitName& name : bit_names_) {
        name.offset += moved;
    }
    header.rules = out.section(rules_);
    header.chains = out.section(chains_);
    header.options = out.section(options_);
    header.pcres = out.section(pcres_);
    header.address_sets = out.section(address_sets_);
    header.address_ranges = out.section(address_ranges_);
    header.port_sets = out.section(port_sets_);
    header.port_ranges = out.section(port_ranges_);
    header.elements = out.section(elements_);
    header.lists = out.section(lists_);
    header.bit_rules = out.section(bit_rules_);
    header.bit_options = out.section(bit_options_);
    header.bit_lists = out.section(bit_lists_);
    header.bit_names = out.section(bit_names_);
    header.watch_ranges = out.section(watch_ranges_);
    header.watch_lists = out.section(watch_lists_);
    for (std::size_t i = 0; i < databases_.size(); ++i) {
        header.groups[i].database_offset = out.append(databases_[i].data(), databases_[i].size());
        header.groups[i].database_size = databases_[i].size();
    }
    header.total_size = out.bytes_.size();
    std::memcpy(out.bytes_.data(), &header, sizeof(header));
    header.checksum =
        api::blob_checksum(std::span<const std::byte>(out.bytes_).subspan(api::rule_blob_checksum_from));
    std::memcpy(out.bytes_.data(), &header, sizeof(header));
    return std::move(out.bytes_);
}

}  // namespace picket::rules
