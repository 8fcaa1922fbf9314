#define PCRE2_CODE_UNIT_WIDTH 8
#include "controlplane/store/uri_pattern.h"

#include <pcre2.h>

#include <array>

namespace picket::store {

namespace {

constexpr std::uint32_t match_limit = 100'000;
constexpr std::uint32_t depth_limit = 1'000;
constexpr std::size_t expression_length_max = 4'096;

}  // namespace

struct UriPattern::Compiled {
    pcre2_code* code = nullptr;
    pcre2_match_context* limits = nullptr;
    ~Compiled() {
        pcre2_match_context_free(limits);
        pcre2_code_free(code);
    }
};

UriPattern::UriPattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
UriPattern::~UriPattern() = default;

std::shared_ptr<const UriPattern> UriPattern::compile(std::string_view expression, std::string& error) {
    if (expression.size() > expression_length_max) {
        error = "it is longer than " + std::to_string(expression_length_max) + " bytes";
        return nullptr;
    }
    int code = 0;
    PCRE2_SIZE offset = 0;
    auto compiled = std::make_unique<Compiled>();
    compiled->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                                   PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
    if (compiled->code == nullptr) {
        std::array<PCRE2_UCHAR, 256> message{};
        pcre2_get_error_message(code, message.data(), message.size());
        error = std::string(reinterpret_cast<const char*>(message.data())) + " at position " +
                std::to_string(offset + 1);
        return nullptr;
    }
    compiled->limits = pcre2_match_context_create(nullptr);
    pcre2_set_match_limit(compiled->limits, match_limit);
    pcre2_set_depth_limit(compiled->limits, depth_limit);
    return std::shared_ptr<const UriPattern>(new UriPattern(std::move(compiled)));
}

bool UriPattern::matches(std::string_view uri) const {
    pcre2_match_data* data = pcre2_match_data_create_from_pattern(compiled_->code, nullptr);
    const int result = pcre2_match(compiled_->code, reinterpret_cast<PCRE2_SPTR>(uri.data()), uri.size(), 0,
                                   0, data, compiled_->limits);
    pcre2_match_data_free(data);
    return result >= 0;
}

}  // namespace picket::store
