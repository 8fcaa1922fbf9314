#include "controlplane/rules/pcre_check.h"

#include <array>
#include <memory>

namespace picket::rules {

std::string pcre_fault(std::string_view pattern, std::uint32_t options) {
    std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
        pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    pcre2_set_max_pattern_length(context.get(), std::size_t{64} * 1024);
    int fault = 0;
    PCRE2_SIZE at = 0;
    const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code(
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                      options | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &fault, &at, context.get()),
        &pcre2_code_free);
    if (code) {
        return "";
    }
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(fault, message.data(), message.size());
    return std::string(reinterpret_cast<const char*>(message.data())) + " at character " +
           std::to_string(at + 1) + " of the pattern";
}

}  // namespace picket::rules
