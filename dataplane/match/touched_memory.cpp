#include "dataplane/match/touched_memory.h"

#include <hs/hs.h>

#include <cstdlib>
#include <cstring>
#include <mutex>

#include "dataplane/api/rule_limits.h"

namespace picket::match {
namespace {

void* allocate_touched(std::size_t size) {
    void* memory = std::malloc(size);
    if (memory != nullptr) {
        std::memset(memory, 0, size);
    }
    return memory;
}

}  // namespace

void touch_scratch_hereafter() {
    static std::once_flag once;
    std::call_once(once, [] { hs_set_scratch_allocator(&allocate_touched, &std::free); });
}

void touch_jit_stack(pcre2_match_context* context) noexcept {
    // Each turn of the group leaves some words on the stack, to come back to.
    static constexpr char pattern[] = "^(a|c)*b";
    static constexpr std::size_t turns = api::pcre_stack_bytes / 24;
    int fault = 0;
    PCRE2_SIZE at = 0;
    pcre2_code* code =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED, 0, &fault, &at, nullptr);
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
    char* text = static_cast<char*>(std::malloc(turns + 1));
    if (code != nullptr && data != nullptr && text != nullptr &&
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0) {
        std::memset(text, 'a', turns);
        text[turns] = 'b';
        pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text), turns + 1, 0, 0, data, context);
    }
    std::free(text);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
}

}  // namespace picket::match
