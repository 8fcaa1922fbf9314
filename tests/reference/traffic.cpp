#include "tests/reference/traffic.h"

#include "dataplane/http/normalize_uri.h"

namespace picket::reference {

Traffic::Traffic(std::vector<RawMessage> messages, api::Dialect dialect) : messages_(std::move(messages)) {
    for (const RawMessage& message : messages_) {
        match::PayloadView payload;
        payload.ends = message.ends;
        payload.payload = {reinterpret_cast<const std::uint8_t*>(message.text.data()), message.text.size()};
        payload.packet_size = static_cast<std::uint32_t>(message.text.size());
        payload.tcp_flags = message.tcp_flags;
        payloads_.push_back(payload);
        http::ResponseHead answer;
        if (http::parse_response_head(message.text, answer)) {
            add_response(message, answer);
        } else {
            add_request(message, dialect);
        }
    }
    for (const match::RequestView& request : requests_) {
        request_messages_.emplace_back(request);
    }
    for (const match::PayloadView& payload : payloads_) {
        payload_messages_.emplace_back(payload);
    }
}

void Traffic::add_response(const RawMessage& message, const http::ResponseHead& head) {
    match::RequestView view;
    view.ends = message.ends;
    view.phases = api::rule_at_response;
    view.request = head.text;
    view.headers = head.headers;
    requests_.push_back(view);
}

void Traffic::add_request(const RawMessage& message, api::Dialect dialect) {
    const std::string_view text = message.text;
    http::RequestHead head;
    if (http::parse_request_head(text, head) == http::HeadStatus::not_a_message || !head.line_complete) {
        return;
    }
    match::RequestView view;
    view.ends = message.ends;
    view.ends.protocol = 6;
    view.ends.established = true;
    view.ends.to_server = true;
    view.method = head.method;
    view.raw_uri = head.target;
    view.host = head.host;
    view.user_agent = head.user_agent;
    view.referer = head.referer;
    view.cookie = head.cookie;
    view.headers = head.headers;
    view.plain_headers = head.plain_headers;
    view.request = text;
    view.packet_size = message.in_one_packet ? static_cast<std::uint32_t>(text.size()) : match::no_packet;
    std::string& uri = room(head.target.size());
    view.normalized_uri = http::is_normal_uri(head.target, dialect)
                              ? head.target
                              : std::string_view(uri.data(), http::normalize_uri(head.target, dialect, uri));
    view.raw_body = text.substr(head.length);
    if (!view.raw_body.empty()) {
        std::string& body = room(view.raw_body.size());
        view.body = {body.data(), http::normalize_body(view.raw_body, dialect, body)};
        view.body_cut = message.body_cut;
        view.phases |= api::rule_at_body;
    } else {
        view.raw_body = {};
    }
    requests_.push_back(view);
}

std::string& Traffic::room(std::size_t size) {
    return rooms_.emplace_back(size + 1, '\0');
}

}  // namespace picket::reference
