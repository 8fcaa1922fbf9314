// More rules than there are at hand, of the same kind: for measuring what many rules cost.
//
// Pure.
#pragma once

#include <cstddef>
#include <string>

namespace picket::bench {

// The rules in `text` (Snort or Suricata syntax), then variants of them, rules_min in all: each variant has a
// sid of its own, and letters shifted in its contents, so that no two rules look for the same. Patterns stay,
// but for a literal that only the variant has. REQUIRES: text holds a rule with a sid.
std::string make_variants(const std::string& text, std::size_t rules_min);

}  // namespace picket::bench
