// Decides exactly whether one rule holds for one request or payload, by running the rule's program.
//
// Owned by one Matcher, not thread-safe. All memory is allocated in the constructor.
//
// Semantics (docs/rules.md): all chains must hold. In a chain, options are tried in order; a content or pcre
// that has later options relative to it is retried at its later occurrences when those fail. A negated
// option holds if nothing is found within its own range, and does not move the position. Of a body whose end
// is not at hand only what its first bytes decide holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/match/flow_ends.h"
#include "dataplane/match/rule_tables.h"

namespace picket::match {

class Judge {
  public:
    // Throws std::bad_alloc.
    explicit Judge(const RuleSet::Tables& tables);
    ~Judge();
    Judge(const Judge&) = delete;
    Judge& operator=(const Judge&) = delete;

    // Choose what the next calls are about: a request or response, or a payload. The view must stay valid
    // until the next choice.
    void set_request(const RequestView& request) noexcept;
    void set_payload(const PayloadView& payload) noexcept;

    // True if the rule holds for the chosen request or payload. REQUIRES a rule of that kind.
    [[nodiscard]] bool rule_holds(const api::RuleEntry& rule) noexcept;

    // The text of a buffer; its data() is null if the request does not have it. Valid until the next call.
    [[nodiscard]] std::string_view buffer(api::RuleBuffer which) noexcept;

    [[nodiscard]] std::uint64_t limits_exceeded() const noexcept { return limits_exceeded_; }

  private:
    [[nodiscard]] bool chain_holds(const api::RuleChain& chain) noexcept;
    [[nodiscard]] bool any_header_holds() noexcept;
    [[nodiscard]] bool text_holds() noexcept;
    [[nodiscard]] bool is_response() const noexcept;
    [[nodiscard]] std::string_view headers_as_seen() noexcept;
    [[nodiscard]] bool options_hold(std::size_t index, std::size_t position) noexcept;
    [[nodiscard]] bool content_holds(std::size_t index, std::size_t position) noexcept;
    [[nodiscard]] bool pcre_holds(std::size_t index, std::size_t position) noexcept;
    [[nodiscard]] bool worth_retrying(std::size_t index) const noexcept;
    [[nodiscard]] std::int64_t packet_size() const noexcept;
    [[nodiscard]] bool spend(std::size_t bytes) noexcept;

    const RuleSet::Tables& tables_;
    const RequestView* request_ = nullptr;
    const PayloadView* payload_ = nullptr;
    bool header_ready_ = false;
    bool host_ready_ = false;
    bool names_ready_ = false;
    std::string_view header_;
    std::string_view host_;
    std::string_view names_;
    std::vector<char> header_text_;
    std::vector<char> host_text_;
    std::vector<char> names_text_;
    std::vector<char> part_text_;  // one header, or the joined values of some

    std::span<const api::RuleOption> options_;  // of the chain being judged
    std::string_view text_;                     // its buffer
    bool text_cut_ = false;                     // which has, or may have, more bytes than are at hand
    std::size_t budget_ = 0;                    // bytes that the chain may still look at

    pcre2_match_data* match_data_ = nullptr;
    pcre2_match_context* match_context_ = nullptr;
    pcre2_jit_stack* jit_stack_ = nullptr;
    std::uint64_t limits_exceeded_ = 0;
};

}  // namespace picket::match
