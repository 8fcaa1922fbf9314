// Request targets in all dialects: the result is never longer than what came in, a target that
// is_normal_uri() calls normal is not changed, and nothing is written beyond the length of the raw target.
//
// No dialect promises that a second normalisation changes nothing ("%2525" in snort2), so it is not asked
// for.
#include "dataplane/http/normalize_uri.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    using fuzz::require;
    const auto bytes = fuzz::own_block({data, size});
    const std::string_view raw = fuzz::as_text(bytes);
    for (const auto dialect : {api::Dialect::suricata, api::Dialect::snort3, api::Dialect::snort2}) {
        std::vector<char> out(raw.size());
        const std::size_t length = http::normalize_uri(raw, dialect, out);
        require(length <= raw.size(), "a normalised target is not longer");
        const std::string_view normalized(out.data(), length);
        if (http::is_normal_uri(raw, dialect)) {
            require(normalized == raw, "a normal target stays as it is");
        }
        std::vector<char> second(raw.size());
        require(http::normalize_uri(raw, dialect, second) == length && second == out,
                "the result depends on the target alone");
    }
    return 0;
}
