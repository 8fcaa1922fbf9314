// A user's regular expression over request URIs (PCRE2), bounded so that no expression can hang picketd.
//
// Immutable; matches() may be called from any number of threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace picket::store {

class UriPattern {
  public:
    // nullptr and why in error if the expression is not valid.
    static std::shared_ptr<const UriPattern> compile(std::string_view expression, std::string& error);

    ~UriPattern();
    UriPattern(const UriPattern&) = delete;
    UriPattern& operator=(const UriPattern&) = delete;

    // Found anywhere in the URI. A URI on which the match limit is reached does not match.
    [[nodiscard]] bool matches(std::string_view uri) const;

  private:
    struct Compiled;
    explicit UriPattern(std::unique_ptr<Compiled> compiled);
    std::unique_ptr<Compiled> compiled_;
};

}  // namespace picket::store
