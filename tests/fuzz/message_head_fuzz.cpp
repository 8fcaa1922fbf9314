// Heads of requests and answers: all parts lie in the text, a whole head is the same head however much
// follows it, and a text that cannot become a head cannot with more bytes either.
//
// Input: where the text is cut (16 bits), the text.
#include <array>

#include "dataplane/http/message_head.h"
#include "tests/fuzz/fuzz_input.h"

namespace picket {
namespace {

using fuzz::is_within;
using fuzz::require;

std::array<std::string_view, 8> parts_of(const http::RequestHead& head) {
    return {head.method,     head.target,  head.version, head.host,
            head.user_agent, head.referer, head.cookie,  head.headers};
}

void check_request(std::string_view text, http::HeadStatus status, const http::RequestHead& head) {
    if (status == http::HeadStatus::not_a_message) return;
    require(head.length <= text.size(), "a head is not longer than its text");
    for (const auto part : parts_of(head)) require(is_within(part, text), "parts lie in the text");
    if (status == http::HeadStatus::complete) {
        require(head.line_complete && !head.method.empty(), "a whole head has its line");
        require(head.length > 0, "a whole head has bytes");
    }
}

void check_cut(std::string_view cut, http::HeadStatus status, const http::RequestHead& head) {
    http::RequestHead early;
    const auto early_status = http::parse_request_head(cut, early);
    check_request(cut, early_status, early);
    // Of empty lines alone nothing is known; a request that follows them is found where it begins.
    const bool says_nothing = cut.find_first_not_of("\r\n") == std::string_view::npos;
    if (early_status == http::HeadStatus::not_a_message && !says_nothing) {
        require(status == http::HeadStatus::not_a_message, "what cannot become a head never does");
    }
    if (early_status == http::HeadStatus::complete) {
        require(status == http::HeadStatus::complete && head.length == early.length,
                "what follows a whole head does not change it");
        require(
            parts_of(head) == parts_of(early) && head.framing.content_length == early.framing.content_length,
            "what follows a whole head does not change its parts");
    }
    if (status == http::HeadStatus::complete && cut.size() == head.length) {
        require(early_status == http::HeadStatus::complete, "a whole head is whole without what follows");
    }
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::Input input(data, size);
    const std::size_t cut = input.u16();
    const auto bytes = fuzz::own_block(input.rest());
    const std::string_view text = fuzz::as_text(bytes);

    http::RequestHead head;
    const auto status = http::parse_request_head(text, head);
    check_request(text, status, head);
    if (status == http::HeadStatus::complete) {
        require(http::may_begin_request(text), "the cheap test lets every request through");
        check_cut(text.substr(0, head.length), status, head);
    }
    check_cut(text.substr(0, std::min(cut, text.size())), status, head);

    http::RequestHead endless;
    http::parse_endless_line(text, endless);
    for (const auto part : parts_of(endless)) require(is_within(part, text), "parts lie in the text");

    http::ResponseHead response;
    if (http::parse_response_head(text, response)) {
        require(is_within(response.content_type, text), "the content type lies in the text");
        require(response.content_length >= -1, "a length is a length or absent");
    }
    return 0;
}
