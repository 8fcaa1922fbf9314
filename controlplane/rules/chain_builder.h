// Collects buffer tests in the order of the rule text and groups them into chains.
//
// A helper of the option parser; one object a rule.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rules/option_names.h"
#include "controlplane/rules/rule.h"
#include "controlplane/rules/rule_options.h"

namespace picket::rules {

class ChainBuilder {
  public:
    ChainBuilder(Syntax syntax, api::Dialect dialect) : syntax_(syntax), dialect_(dialect) {}

    // Chooses the buffer of the tests that follow.
    void select(BufferName buffer);
    // content:"…" with Snort 3's comma list of modifiers.
    std::string add_content(std::string_view value);
    // uricontent:"…".
    std::string add_uricontent(std::string_view value);
    // pcre:"/…/flags".
    std::string add_pcre(std::string_view value);
    // urilen, dsize, bsize, bufferlen.
    std::string add_length(std::string_view name, std::string_view value);
    std::string add_data_at(std::string_view value);
    // A test of the packet itself.
    void add_packet_test(BufferOption option) {
        Item& item = add(option.kind);
        item.buffer = {};
        item.option = std::move(option);
    }
    // nocase, depth, offset, distance, within, startswith, endswith, rawbytes: of the content before.
    std::string modify(std::string_view name, std::string_view value);
    // http_uri and its kin after a content.
    std::string move_to(BufferName buffer);

    // Checks every content and returns the chains. An empty string, or the fault and its option.
    OptionFault finish(std::vector<OptionChain>& chains);

  private:
    struct Item {
        BufferName buffer;
        BufferOption option;
        std::size_t selection = 0;   // which select() it came under
        bool chosen_buffer = false;  // by a sticky keyword, a modifier or a pcre flag
        std::optional<std::int64_t> offset, depth, distance, within;
        bool starts = false;
    };

    Item& add(api::RuleOptionKind kind);
    Item* last_content();
    std::string parse_pcre_flags(std::string_view flags, Item& item);
    OptionFault place(Item& item) const;
    [[nodiscard]] bool joins_chain(const OptionChain& chain, std::size_t selection, const Item& item) const;

    Syntax syntax_;
    api::Dialect dialect_;
    std::vector<Item> items_;
    BufferName current_;
    bool selected_ = false;
    std::size_t selection_ = 0;
};

}  // namespace picket::rules
