// The client's bytes of a stream, in order: requests one after the other, bodies between them.
#include <algorithm>

#include "dataplane/http/request_stage.h"

namespace picket::http {

void RequestStage::deliver_client(const Place& place, std::string_view text) noexcept {
    StreamSide& side = place.mine();
    while (!text.empty() && !place.state->ended) {
        switch (side.mode) {
            case StreamMode::between:
                text = begin_request(place, text);
                break;
            case StreamMode::head:
                text = gather_request(place, text);
                break;
            case StreamMode::head_rest:
                text = skip_head_rest(place, text);
                break;
            case StreamMode::body:
                text.remove_prefix(pass_body(place, text));
                // Where chunks break off the next request may begin.
                if (!side.body.active()) side.mode = StreamMode::between;
                break;
        }
    }
}

// Each of these returns what is still to be looked at.
std::string_view RequestStage::begin_request(const Place& place, std::string_view text) noexcept {
    RequestHead head;
    switch (parse_request_head(text, head)) {
        case HeadStatus::complete:
            add(place, head, text, 0);
            return text.substr(head.length);
        case HeadStatus::incomplete:
            break;
        case HeadStatus::not_a_message:
            return {};
    }
    const std::size_t taken = begin_gathering(place, text);
    if (taken == 0) {
        // Nothing can be added to it: what is whole counts, the rest is lost and said so.
        ++exhausted_;
        if (head.line_complete) add(place, head, text, api::request_head_truncated);
        place.mine().mode = StreamMode::between;
        return {};
    }
    set_client(place);
    if (assemblies_.is_full(place.mine().assembly)) give_up_request(place, true);
    return text.substr(taken);
}

std::string_view RequestStage::gather_request(const Place& place, std::string_view text) noexcept {
    StreamSide& side = place.mine();
    const std::uint32_t index = side.assembly;
    const std::size_t before = assemblies_.text(index).size();
    const std::size_t taken = assemblies_.append(index, text);
    if (place.cold->requests == 0 && assemblies_.text(index).starts_with("HTTP/")) {
        // Its first letters could have been a method's.
        set_client(place.other());
        deliver_server(place, judge_response(place, before, taken, text));
        return {};
    }
    const bool full = assemblies_.is_full(index);
    // Only a new line end can complete a head or disprove it.
    if (!full && text.find('\n') == std::string_view::npos && before >= method_length_max) return {};
    RequestHead head;
    const HeadStatus status = parse_request_head(assemblies_.text(index), head);
    if (status == HeadStatus::not_a_message) {
        drop_assembly(side);
        forget_if_unproven(place);
        return may_begin_request(text) ? text : std::string_view{};
    }
    if (status == HeadStatus::complete) {
        side.mode = StreamMode::between;
        side.assembly = flow::no_index;
        add(place, head, assemblies_.text(index), api::request_split);
        release_later(index);
        return text.substr(std::min(text.size(), head.length - std::min(head.length, before)));
    }
    if (full) give_up_request(place, true);
    return text.substr(taken);
}

// Reports what was gathered if it names a target. rest_follows: the head goes on, but there is no more room.
void RequestStage::give_up_request(const Place& place, bool rest_follows) noexcept {
    StreamSide& side = place.mine();
    const std::uint32_t index = side.assembly;
    const std::string_view text = assemblies_.text(index);
    RequestHead head;
    const HeadStatus status = parse_request_head(text, head);
    std::uint32_t flags = api::request_head_truncated | api::request_split;
    if (status == HeadStatus::incomplete && !head.line_complete && assemblies_.is_full(index)) {
        parse_endless_line(text, head);
        flags |= api::request_uri_truncated;
    }
    if (status == HeadStatus::not_a_message || !head.line_complete) {
        drop_assembly(side);
        return;
    }
    side.mode = StreamMode::between;
    side.assembly = flow::no_index;
    add(place, head, text, flags);
    if (rest_follows) {
        begin_head_rest(place, index);
    } else {
        side.mode = StreamMode::between;
        release_later(index);
    }
}

// Bytes of this side are missing, and not of a body alone.
void RequestStage::lose_request(const Place& place) noexcept {
    StreamSide& side = place.mine();
    if (place.state->body != flow::no_index) end_body(place, true);
    if (side.mode == StreamMode::head) give_up_request(place, false);
    if (side.assembly != flow::no_index) drop_assembly(side);
    side.mode = StreamMode::between;
}

void RequestStage::add(const Place& place, const RequestHead& head, std::string_view text,
                       std::uint32_t flags) noexcept {
    const std::string_view target = head.target.substr(0, RequestBatch::target_max);
    if (target.size() < head.target.size()) flags |= api::request_uri_truncated;
    const std::size_t room = target.size() + body_room(head);
    if (!batch_->has_room(room)) sink_->flush_requests();
    FoundRequest& found = batch_->add(room);
    found.head = head;
    found.head.target = target;
    found.time_ns = place.time_ns;
    found.cold = place.hot->cold;
    found.number = place.cold->requests++;
    found.client_side = place.side;
    found.flags = flags | (head.referer.data() != nullptr ? api::request_has_referer : 0u);
    set_client(place);
    place.cold->flags |= api::flow_http;
    note_kind(*place.cold, found.number, kind_of(head.method), place.mine().earlier);
    StreamSide& side = place.mine();
    const auto length = static_cast<std::uint64_t>(std::max<std::int64_t>(head.framing.content_length, 0));
    side.body = head.framing.chunked ? BodySkipper::chunked() : BodySkipper::sized(length);
    if (side.body.active()) side.mode = StreamMode::body;
    match::RequestView& view = batch_->views().back();
    fill_view(head, text, view);
    view.raw_uri = target;
    if (text.size() > head.length) {
        BodySkipper body = side.body;
        view.request = text.substr(0, head.length + body.skip(text.substr(head.length)));
    }
    // The preface of HTTP/2 (RFC 9113 §3.4): binary frames follow.
    if (head.method == "PRI" && head.version == "HTTP/2.0") place.state->ended = true;
    ++requests_;
    if (wants_bodies_ && side.body.active() && (flags & api::request_head_truncated) == 0)
        begin_body(place, head, text, {found.number, found.flags});
}

void RequestStage::fill_view(const RequestHead& head, std::string_view text,
                             match::RequestView& view) noexcept {
    view.method = head.method;
    view.raw_uri = head.target;
    view.host = head.host;
    view.user_agent = head.user_agent;
    view.referer = head.referer;
    view.cookie = head.cookie;
    view.headers = head.headers;
    view.request = text;
}

// Has a buffer take the beginning of a head. Returns how much of it, 0 if there is no buffer.
std::size_t RequestStage::begin_gathering(const Place& place, std::string_view text) noexcept {
    const std::uint32_t index = take_assembly(place);
    if (index == flow::no_index) return 0;
    place.mine().assembly = index;
    place.mine().mode = StreamMode::head;
    return assemblies_.append(index, text);
}

void RequestStage::drop_assembly(StreamSide& side) noexcept {
    assemblies_.give_back(side.assembly);
    side.assembly = flow::no_index;
    side.mode = StreamMode::between;
}

// The batch refers to the buffer's text.
void RequestStage::release_later(std::uint32_t assembly) noexcept {
    assemblies_.disown(assembly);
    batch_->release_later(assembly);
    if (!batch_->has_room(0)) sink_->flush_requests();
}

// What could be kept of a head has been told. From here on its lines are looked at one by one, for the length
// of the body.
void RequestStage::begin_head_rest(const Place& place, std::uint32_t assembly) noexcept {
    sink_->flush_requests();
    const std::string_view text = assemblies_.text(assembly);
    const std::size_t line_end = text.rfind('\n');
    // Of a line that fills the buffer one byte is enough to say that it is not the empty one.
    const std::size_t begun = line_end == std::string_view::npos ? 1 : text.size() - line_end - 1;
    assemblies_.keep_end(assembly, begun);
    place.mine().assembly = assembly;
    place.mine().mode = StreamMode::head_rest;
}

std::string_view RequestStage::skip_head_rest(const Place& place, std::string_view text) noexcept {
    StreamSide& side = place.mine();
    const std::size_t end = text.find('\n');
    assemblies_.append(side.assembly, text.substr(0, end));
    if (end == std::string_view::npos) return {};
    std::string_view line = assemblies_.text(side.assembly);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool from_server = place.side != client_side_of(*place.hot);
    if (line.empty()) {
        drop_assembly(side);
        if (side.body.active()) {
            side.mode = StreamMode::body;
        } else if (from_server) {
            end_response(place);
        }
        return text.substr(end + 1);
    }
    Framing framing;
    parse_framing_line(line, framing);
    const bool may_have_body = !from_server || side.body.active();
    if (may_have_body && framing.chunked) {
        side.body = BodySkipper::chunked();
    } else if (may_have_body && framing.content_length >= 0 && side.body.phase != BodyPhase::size_begin) {
        side.body = BodySkipper::sized(static_cast<std::uint64_t>(framing.content_length));
    }
    assemblies_.keep_end(side.assembly, 0);
    return text.substr(end + 1);
}

}  // namespace picket::http
