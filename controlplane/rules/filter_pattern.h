// Contents and pcres as expressions for Hyperscan that find at least what they find.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace picket::rules {

// Which anchors an expression may keep: where a text is scanned within a larger one, its ends are no line's.
enum class Anchors : std::uint8_t { none, begin, both };

// Exactly these bytes.
std::string literal_pattern(std::string_view bytes);

// A pattern that matches at least where this one does when the text stands among others, separated by
// newlines, and is scanned with HS_FLAG_MULTILINE. nullopt if that cannot be assured.
std::optional<std::string> relax_pattern(std::string_view pattern, std::uint32_t pcre_options,
                                         Anchors anchors = Anchors::both);

// Runs of plain characters outside of classes, in the pattern's order.
std::vector<std::string> literal_runs(std::string_view pattern);

// The longest of them; an estimate of what the engine can look for before
// it walks through a text by the pattern.
std::string longest_literal(std::string_view pattern);

// True only if no match of the pattern can contain a line end.
bool stays_within_line(std::string_view pattern, std::uint32_t pcre_options);

}  // namespace picket::rules
