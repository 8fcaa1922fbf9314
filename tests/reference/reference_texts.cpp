#include "tests/reference/reference_texts.h"

namespace picket::reference {
namespace {

// A header with the folded lines behind it.
struct Header {
    std::string name;
    bool has_colon = false;
    bool is_fold = false;  // begins as a folded line does, with nothing before it
    std::string value;     // of its own line
    std::string folds;     // each with a space before it
};

bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t");
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> lines_of(std::string_view block) {
    std::vector<std::string> lines;
    std::string line;
    for (std::size_t at = 0; at <= block.size(); ++at) {
        if (at < block.size() && block[at] != '\n') {
            line += block[at];
            continue;
        }
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        if (line.empty()) {
            break;
        }
        lines.push_back(line);
        line.clear();
    }
    return lines;
}

std::vector<Header> headers_of(std::string_view block) {
    std::vector<Header> headers;
    for (const std::string& line : lines_of(block)) {
        if (is_blank(line.front()) && !headers.empty()) {
            headers.back().folds += " " + trimmed(line);
            continue;
        }
        const std::size_t colon = line.find(':');
        const bool has_colon = colon != std::string::npos;
        headers.push_back({trimmed(line.substr(0, colon)), has_colon, is_blank(line.front()),
                           has_colon ? trimmed(line.substr(colon + 1)) : "", ""});
    }
    return headers;
}

std::string line_of(const Header& header) {
    return header.name + (header.has_colon ? ": " + header.value : "") + header.folds;
}

bool has_name(const Header& header, const std::string& lower_name) {
    return header.has_colon && lower_case(header.name) == lower_name;
}

std::optional<std::string> unless_empty(std::string text) {
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<std::string> present(std::string_view text) {
    return text.data() == nullptr ? std::nullopt : std::optional(std::string(text));
}

std::optional<std::string> seen_headers(std::string_view block, const std::string& left_out) {
    std::string text;
    for (const Header& header : headers_of(block)) {
        text += has_name(header, left_out) ? "" : line_of(header) + "\r\n";
    }
    return unless_empty(text);
}

std::optional<std::string> names_of(std::string_view block) {
    std::string text;
    for (const Header& header : headers_of(block)) {
        text += header.has_colon && !header.is_fold ? "\r\n" + header.name : "";
    }
    return unless_empty(text.empty() ? "" : text + "\r\n\r\n");
}

std::optional<std::string> first_value(std::string_view block, const std::string& name) {
    for (const Header& header : headers_of(block)) {
        if (has_name(header, name)) {
            return header.value;
        }
    }
    return std::nullopt;
}

std::optional<std::string> all_values(std::string_view block, const std::string& name) {
    std::optional<std::string> values;
    for (const Header& header : headers_of(block)) {
        if (has_name(header, name)) {
            values = (values ? *values + ", " : "") + header.value;
        }
    }
    return values;
}

// "[::1]:80" and "h:80" lose their port; an address that is all colons has none.
std::optional<std::string> host_name(std::string_view host) {
    if (host.data() == nullptr) {
        return std::nullopt;
    }
    const std::string text = lower_case(trimmed(std::string(host)));
    const std::size_t last = text.rfind(':');
    const bool one_colon = last != std::string::npos && text.find(':') == last;
    const bool after_bracket = last != std::string::npos && last > 0 && text[last - 1] == ']';
    return one_colon || after_bracket ? text.substr(0, last) : text;
}

std::size_t line_begin(std::string_view message) {
    const std::size_t begin = message.find_first_not_of("\r\n");
    return begin == std::string_view::npos ? message.size() : begin;
}

std::string first_line(std::string_view message) {
    const std::vector<std::string> lines = lines_of(message.substr(line_begin(message)));
    return lines.empty() ? "" : lines.front();
}

std::string line_and_headers(const match::RequestView& view) {
    if (view.headers.data() == nullptr) {
        return first_line(view.request);
    }
    const auto end =
        static_cast<std::size_t>(view.headers.data() - view.request.data()) + view.headers.size();
    const std::size_t begin = line_begin(view.request);
    return std::string(view.request.substr(begin, end - begin));
}

std::optional<std::string> protocol_of(const std::string& line) {
    if (line.starts_with("HTTP/")) {
        return line.substr(0, line.find(' '));
    }
    const std::size_t space = line.rfind(" HTTP/");
    return space == std::string::npos ? std::nullopt : std::optional(trimmed(line.substr(space)));
}

std::optional<std::string> status_of(const std::string& line, bool message) {
    const std::size_t first = line.find(' ');
    if (first == std::string::npos) {
        return std::nullopt;
    }
    const std::size_t second = line.find(' ', first + 1);
    if (!message) {
        return line.substr(first + 1, second == std::string::npos ? second : second - first - 1);
    }
    return second == std::string::npos ? "" : trimmed(line.substr(second));
}

MaybeText text_of(std::optional<std::string> bytes, bool cut = false) {
    if (!bytes) {
        return std::nullopt;
    }
    std::string lower = lower_case(*bytes);
    return Text{std::move(*bytes), std::move(lower), cut};
}

}  // namespace

std::string lower_case(std::string text) {
    for (char& byte : text) {
        byte = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
    }
    return text;
}

Message::Message(const match::RequestView& request) : kind_(api::RuleKind::request), request_(request) {}
Message::Message(const match::PayloadView& payload) : kind_(api::RuleKind::payload), payload_(payload) {}

const match::FlowEnds& Message::ends() const {
    return kind_ == api::RuleKind::payload ? payload_.ends : request_.ends;
}

std::optional<std::uint32_t> Message::packet_size() const {
    if (kind_ == api::RuleKind::payload) {
        return payload_.packet_size;
    }
    return request_.packet_size == match::no_packet ? std::nullopt : std::optional(request_.packet_size);
}

const MaybeText& Message::buffer(const rules::OptionChain& chain) const {
    if (chain.buffer == api::RuleBuffer::field) {
        const auto found = fields_.find(chain.field);
        return found != fields_.end()
                   ? found->second
                   : fields_.emplace(chain.field, text_of(first_value(request_.headers, chain.field)))
                         .first->second;
    }
    std::optional<MaybeText>& place = made_[static_cast<std::size_t>(chain.buffer)];
    if (!place) {
        const bool is_body =
            chain.buffer == api::RuleBuffer::body || chain.buffer == api::RuleBuffer::raw_body;
        place = text_of(make(chain.buffer), is_body && request_.body_cut);
    }
    return *place;
}

const std::vector<Text>& Message::header_lines() const {
    if (!header_lines_) {
        header_lines_.emplace();
        for (const Header& header : headers_of(request_.headers)) {
            header_lines_->push_back(*text_of(line_of(header)));
        }
    }
    return *header_lines_;
}

std::optional<std::string> Message::make(api::RuleBuffer buffer) const {
    using api::RuleBuffer;
    switch (buffer) {
        case RuleBuffer::payload:
            return std::string(payload_.payload.begin(), payload_.payload.end());
        case RuleBuffer::request:
            return present(request_.request);
        case RuleBuffer::method:
            return present(request_.method);
        case RuleBuffer::uri:
            return present(request_.normalized_uri);
        case RuleBuffer::raw_uri:
            return present(request_.raw_uri);
        case RuleBuffer::header:
            return seen_headers(request_.headers, is_response() ? "set-cookie" : "cookie");
        case RuleBuffer::raw_header:
            return present(request_.headers);
        case RuleBuffer::cookie:
            return is_response() ? all_values(request_.headers, "set-cookie") : present(request_.cookie);
        case RuleBuffer::host:
            return host_name(request_.host);
        case RuleBuffer::raw_host:
            return present(request_.host);
        case RuleBuffer::user_agent:
            return present(request_.user_agent);
        case RuleBuffer::referer:
            return present(request_.referer);
        case RuleBuffer::body:
            return present(request_.body);
        case RuleBuffer::raw_body:
            return present(request_.raw_body);
        case RuleBuffer::header_names:
            return names_of(request_.headers);
        case RuleBuffer::line:
            return first_line(request_.request);
        case RuleBuffer::start:
            return line_and_headers(request_);
        case RuleBuffer::protocol:
            return protocol_of(first_line(request_.request));
        case RuleBuffer::stat_code:
        case RuleBuffer::stat_msg:
            return is_response() ? status_of(first_line(request_.request), buffer == RuleBuffer::stat_msg)
                                 : std::nullopt;
        case RuleBuffer::field:
        case RuleBuffer::header_line:
            break;  // not one text a message
    }
    return std::nullopt;
}

}  // namespace picket::reference
