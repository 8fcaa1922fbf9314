// Lays rules, filters and watch lists out as a blob (dataplane/api/rule_blob.h).
//
// One object a blob: add everything, then finish() once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/rules/rule.h"
#include "dataplane/api/rule_blob.h"

namespace picket::rules {

class BlobWriter {
  public:
    // Rules get their indices in the order of these calls.
    void add_rule(const Rule& rule);
    // lists[i]: rules of Hyperscan's id i. database: serialized; empty if there are no elements.
    void set_group(api::FilterGroup group, std::vector<std::byte> database,
                   const std::vector<std::vector<std::uint32_t>>& lists,
                   const std::vector<std::uint32_t>& always, std::uint32_t buffers);
    // The flowbits of rule `index`; in the order in which rules are judged.
    void add_bit_rule(std::uint32_t index, const Rule& rule);
    void add_watch_list(const std::string& name);
    void set_watch_ranges(std::vector<api::WatchRange> ranges);

    std::vector<std::byte> finish(api::Dialect dialect, std::uint64_t engine, std::uint64_t cpu_features);

  private:
    api::RuleOption make_option(const BufferOption& option);
    std::uint32_t text(std::string_view bytes);
    std::uint32_t pcre(std::string_view pattern, std::uint32_t options);
    std::uint32_t address_set(const AddressSet& set);
    std::uint32_t port_set(const PortSet& set);
    std::uint32_t bit_name(const std::string& name);

    std::vector<api::RuleEntry> rules_;
    std::vector<api::RuleChain> chains_;
    std::vector<api::RuleOption> options_;
    std::vector<api::PcreEntry> pcres_;
    std::vector<api::RangeSetEntry> address_sets_;
    std::vector<api::AddressRange> address_ranges_;
    std::vector<api::RangeSetEntry> port_sets_;
    std::vector<api::PortRange> port_ranges_;
    std::vector<api::FilterElement> elements_;
    std::vector<std::uint32_t> lists_;
    std::vector<api::BitRule> bit_rules_;
    std::vector<api::BitOption> bit_options_;
    std::vector<std::uint32_t> bit_lists_;
    std::vector<api::BitName> bit_names_;
    std::vector<api::WatchRange> watch_ranges_;
    std::vector<api::WatchList> watch_lists_;
    std::string strings_;  // until finish(), offsets of texts count from its start
    std::array<api::FilterGroupEntry, api::filter_group_count> groups_{};
    std::array<std::vector<std::byte>, api::filter_group_count> databases_;

    std::map<std::string, std::uint32_t, std::less<>> text_places_;
    std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> pcre_places_;
    std::map<std::string, std::uint32_t> address_set_places_;
    std::map<std::string, std::uint32_t> port_set_places_;
    std::map<std::string, std::uint32_t> bit_name_places_;
};

}  // namespace picket::rules
