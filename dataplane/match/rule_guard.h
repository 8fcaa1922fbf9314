// Tests that a rule fails for most requests and that cost a few instructions: they come before it is judged.
//
// A guard says no only where the rule cannot hold or is not to be judged. It is made of the rule's phases and
// of what its program asks of the URI, the method and the first header: pairs of neighbouring bytes, lengths,
// the method's name, how the headers begin.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/match/flow_ends.h"

namespace picket::match {

struct BlobView;

// The set of pairs of neighbouring bytes of a text, letters of both cases alike, hashed to 128 bits.
class TextSignature {
  public:
    void add(std::string_view text, std::string_view other = {}) noexcept;
    [[nodiscard]] bool holds(const TextSignature& other) const noexcept {
        return ((other.words_[0] & ~words_[0]) | (other.words_[1] & ~words_[1])) == 0;
    }

  private:
    void add_bits(std::string_view text) noexcept;

    std::array<std::uint64_t, 2> words_{};
};

enum MethodBit : std::uint8_t { method_get = 1, method_post = 2, method_other = 4 };

// Of the normalised URI, and of the raw one as well if some guard is made of it. PERF: 30 ns for a URI of 32
// bytes, so only for requests in which the filter found something.
[[nodiscard]] TextSignature uri_signature(const RequestView& request, bool raw_too) noexcept;

struct LengthBounds {
    std::uint32_t min = 0;
    std::uint32_t max = 0xffffffff;
};

// What the header lines must begin with: the plain characters behind the '^' of a pattern over them.
// PERF: rules for the user agents of whole device families find their word in a tenth of all requests, and
// hold only where User-Agent is the first header.
class HeaderStart {
  public:
    static constexpr std::size_t length_max = 15;

    HeaderStart() = default;
    // pattern: as PCRE2 is given it; options: its compile options.
    HeaderStart(std::string_view pattern, std::uint32_t options) noexcept;

    // headers: the lines as on the wire. True wherever these are not what rules see (match::RequestView).
    [[nodiscard]] bool admits(const RequestView& request) const noexcept {
        return length_ == 0 || admits_headers(request);
    }
    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), length_}; }

  private:
    [[nodiscard]] bool admits_headers(const RequestView& request) const noexcept;

    std::array<char, length_max> text_{};
    std::uint8_t length_ = 0;
};

struct RuleGuard {
    TextSignature signature;
    HeaderStart header_start;
    LengthBounds uri;
    LengthBounds raw_uri;
    std::uint8_t methods = method_get | method_post | method_other;
    std::uint8_t phases = api::rule_phases;  // in which the rule is judged

    [[nodiscard]] bool admits_signature(const TextSignature& other) const noexcept {
        return other.holds(signature);
    }
};

struct RuleGuards {
    std::vector<RuleGuard> of_rules;
    bool raw_uri = false;  // some are made of bytes of the raw URI
};
// REQUIRES: the view was checked by open_blob().
[[nodiscard]] RuleGuards make_guards(const BlobView& view);

}  // namespace picket::match
