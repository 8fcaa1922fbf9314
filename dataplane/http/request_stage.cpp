#include "dataplane/http/request_stage.h"

#include <algorithm>

namespace picket::http {
namespace {

unsigned client_side_of(const flow::HotFlow& hot) noexcept {
    return (hot.marks & flow::mark_client_b) != 0 ? 1 : 0;
}

}  // namespace

void RequestStage::inspect(const parse::Packet& packet, const flow::Tracked& tracked,
                           flow::FlowTable& table) noexcept {
    if (tracked.seen_bytes >= packet.payload_captured) return;
    const std::string_view text{reinterpret_cast<const char*>(packet.payload) + tracked.seen_bytes,
                                packet.payload_captured - tracked.seen_bytes};
    flow::HotFlow& hot = *tracked.hot;
    // Ordinary payload of an ordinary flow is left here, after its first bytes.
    if ((hot.marks & flow::mark_http) == 0 && !may_begin_request(text)) return;
    const std::uint32_t cut = packet.payload_length - packet.payload_captured;
    const Place place{&hot, &table.cold(tracked.cold), packet.time_ns, cut, packet.side, tracked.gap};
    if ((hot.marks & flow::mark_http) == 0 || packet.side == client_side_of(hot)) {
        inspect_client(place, text);
    } else {
        inspect_server(place, text);
    }
}

void RequestStage::inspect_client(const Place& place, std::string_view text) noexcept {
    // Whether the missing bytes were of the body or of the next request cannot be known: look again.
    if (place.gap) place.cold->body_remaining = 0;
    if (place.cold->assembly != flow::no_index) {
        continue_assembly(place, text);
    } else {
        inspect_stream(place, skip_body(place, text));
    }
}

// A response; or, where the roles were mistaken, a whole request of the other side.
void RequestStage::inspect_server(const Place& place, std::string_view text) noexcept {
    if (may_begin_request(text)) {
        RequestHead head;
        if (parse_request_head(text, head) != HeadStatus::complete) return;
        if (place.cold->assembly != flow::no_index) {
            Place client = place;
            client.side = static_cast<std::uint8_t>(1 - place.side);
            give_up_assembly(client);
        }
        inspect_stream(place, text);
        return;
    }
    // The answer to some request may have been in the gap: what follows answers the newest one.
    if (place.gap && place.cold->responses + 1 < place.cold->requests) {
        place.cold->responses = place.cold->requests - 1;
    }
    inspect_response(place, text);
}

// Skips what is left of a declared body, bytes that the capture cut off included.
std::string_view RequestStage::skip_body(const Place& place, std::string_view text) noexcept {
    const auto skipped = std::min<std::size_t>(text.size(), place.cold->body_remaining);
    place.cold->body_remaining -= static_cast<std::uint32_t>(skipped);
    place.cold->body_remaining -= std::min(place.cold->body_remaining, place.cut);
    return text.substr(skipped);
}

// Requests one after the other, bodies between them, until the text ends or is none.
void RequestStage::inspect_stream(const Place& place, std::string_view text) noexcept {
    while (!text.empty()) {
        RequestHead head;
        const HeadStatus status = parse_request_head(text, head);
        if (status == HeadStatus::not_a_message) return;
        if (status == HeadStatus::incomplete) {
            begin_assembly(place, text, head);
            return;
        }
        add(place, head, text, 0);
        text = skip_body(place, text.substr(head.length));
    }
}

void RequestStage::begin_assembly(const Place& place, std::string_view text,
                                  const RequestHead& head) noexcept {
    const std::uint32_t index = place.cut != 0 ? flow::no_index : pool_.take();
    if (index == flow::no_index) {
        // Nothing can be added to it: what is whole counts, the rest is lost and said so.
        if (place.cut == 0) ++exhausted_;
        if (head.line_complete) add(place, head, text, api::request_head_truncated);
        return;
    }
    const std::size_t taken = pool_.append(index, text);
    place.cold->assembly = index;
    set_client(place);
    if (taken == assembly_bytes) give_up_assembly(place);
}

void RequestStage::set_client(const Place& place) noexcept {
    const auto client = static_cast<unsigned>(place.side != 0 ? flow::mark_client_b : 0);
    place.hot->marks =
        static_cast<std::uint16_t>((place.hot->marks & ~flow::mark_client_b) | client | flow::mark_http);
}

void RequestStage::continue_assembly(const Place& place, std::string_view text) noexcept {
    const std::uint32_t index = place.cold->assembly;
    if (place.gap) {
        give_up_assembly(place);
        inspect_stream(place, text);
        return;
    }
    const std::size_t before = pool_.text(index).size();
    const std::size_t taken = pool_.append(index, text);
    // Nothing more can be added.
    const bool full = taken < text.size() || place.cut != 0;
    // Only a new line end can complete a head or disprove it.
    if (!full && text.find('\n') == std::string_view::npos && before >= method_length_max) return;
    RequestHead head;
    const HeadStatus status = parse_request_head(pool_.text(index), head);
    if (status == HeadStatus::not_a_message) {
        place.cold->assembly = flow::no_index;
        pool_.give_back(index);
    } else if (status == HeadStatus::complete) {
        const std::size_t used = head.length > before ? head.length - before : 0;
        place.cold->assembly = flow::no_index;
        add(place, head, pool_.text(index), api::request_split);
        batch_->release_later(index);
        inspect_stream(place, skip_body(place, text.substr(std::min(used, text.size()))));
    } else if (full) {
        give_up_assembly(place);
    }
}

// Reports what was gathered if it names a target, and frees the buffer.
void RequestStage::give_up_assembly(const Place& place) noexcept {
    const std::uint32_t index = place.cold->assembly;
    place.cold->assembly = flow::no_index;
    std::string_view text = pool_.text(index);
    RequestHead head;
    if (parse_request_head(text, head) == HeadStatus::not_a_message) {
        pool_.give_back(index);
        return;
    }
    if (!head.line_complete && text.size() == assembly_bytes) parse_endless_line(text, head);
    if (head.line_complete && !head.target.empty()) {
        add(place, head, text, api::request_head_truncated | api::request_split);
        batch_->release_later(index);
    } else {
        pool_.give_back(index);
    }
}

void RequestStage::add(const Place& place, const RequestHead& head, std::string_view text,
                       std::uint32_t flags) noexcept {
    const std::string_view target = head.target.substr(0, RequestBatch::target_max);
    if (target.size() < head.target.size()) flags |= api::request_uri_truncated;
    if (!batch_->has_room(target.size())) sink_->flush_requests();
    FoundRequest& found = batch_->add(target.size());
    found.head = head;
    found.head.target = target;
    found.time_ns = place.time_ns;
    found.cold = place.hot->cold;
    found.number = place.cold->requests++;
    found.client_side = place.side;
    found.flags = flags | (head.referer.data() != nullptr ? api::request_has_referer : 0u);
    set_client(place);
    place.cold->flags |= api::flow_http;
    place.cold->body_remaining =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(head.content_length, UINT32_MAX));
    match::RequestView& view = batch_->views().back();
    view.method = head.method;
    view.raw_uri = target;
    view.host = head.host;
    view.user_agent = head.user_agent;
    view.referer = head.referer;
    view.cookie = head.cookie;
    view.headers = head.headers;
    view.request = text;
    if (text.size() > head.length) {
        view.body =
            text.substr(head.length, std::min<std::uint64_t>(text.size() - head.length, head.content_length));
        view.request = text.substr(0, head.length + view.body.size());
    }
    ++requests_;
}

void RequestStage::inspect_response(const Place& place, std::string_view text) noexcept {
    ResponseHead head;
    if (!parse_response_head(text, head)) return;
    // Interim responses (RFC 9110 §15.2) do not answer the request; the final one may follow at once.
    while (head.status < 200) {
        const std::size_t end = text.find("\r\n\r\n");
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 4);
        if (!parse_response_head(text, head)) return;
    }
    if (place.cold->responses >= place.cold->requests) return;
    if (place.cold->responses == 0) place.cold->first_status = head.status;
    ++responses_;
    sink_->response(*place.hot, *place.cold, 1u - place.side, place.cold->responses++, head, place.time_ns);
}

void RequestStage::finish(flow::HotFlow& hot, flow::ColdFlow& cold, std::uint64_t time_ns) noexcept {
    if (cold.assembly == flow::no_index) return;
    give_up_assembly({&hot, &cold, time_ns, 0, static_cast<std::uint8_t>(client_side_of(hot)), false});
    sink_->flush_requests();
}

void RequestStage::release_batch() noexcept {
    for (const std::uint32_t index : batch_->releases()) pool_.give_back(index);
}

void RequestStage::publish(api::WorkerCounters& counters) const noexcept {
    counters.http_requests = requests_;
    counters.http_responses = responses_;
    counters.http_states_active = pool_.in_use();
    counters.http_states_exhausted = exhausted_;
}

}  // namespace picket::http
