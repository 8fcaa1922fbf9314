// The server's bytes of a stream, in order: which request each response answers, and how long it is.
#include <algorithm>

#include "dataplane/http/request_stage.h"

namespace picket::http {

void RequestStage::deliver_server(const Place& place, std::string_view text) noexcept {
    while (!text.empty() && !place.state->ended) {
        switch (place.mine().mode) {
            case StreamMode::between:
                text = begin_response(place, text);
                break;
            case StreamMode::head:
                text = gather_response(place, text);
                break;
            case StreamMode::head_rest:
                text = skip_head_rest(place, text);
                break;
            case StreamMode::body:
                text = skip_response_body(place, text);
                break;
        }
    }
}

// Each of these returns what is still to be looked at.
std::string_view RequestStage::skip_response_body(const Place& place, std::string_view text) noexcept {
    StreamSide& side = place.mine();
    ResponseHead next;
    const bool expected = place.cold->responses < place.cold->requests || place.cold->requests == 0;
    if (side.body.phase == BodyPhase::until_close && expected && parse_response_head(text, next)) {
        end_response(place);
        side.mode = StreamMode::between;
        return text;
    }
    text.remove_prefix(side.body.skip(text));
    if (side.body.phase == BodyPhase::broken) {
        side.body.phase = BodyPhase::until_close;
    } else if (!side.body.active()) {
        end_response(place);
        side.mode = StreamMode::between;
    }
    return text;
}

// A response; or, where the roles were mistaken, a whole request of the other side.
std::string_view RequestStage::begin_response(const Place& place, std::string_view text) noexcept {
    while (text.starts_with('\r') || text.starts_with('\n')) text.remove_prefix(1);
    if (!may_begin_response(text)) {
        RequestHead request;
        if (text.empty() || parse_request_head(text, request) != HeadStatus::complete) return {};
        lose_request(place.other());
        deliver_client(place, text);
        return {};
    }
    ResponseHead head;
    const bool begins = parse_response_head(text, head);
    if (begins && head.length != 0) return answer(place, head, text.substr(head.length));
    // Without a status it is one only if the line goes on.
    if (!begins && text.find('\n') != std::string_view::npos) return {};
    const std::size_t taken = begin_gathering(place, text);
    if (taken == 0) {
        ++exhausted_;
        return begins ? answer(place, head, {}) : std::string_view{};
    }
    if (assemblies_.is_full(place.mine().assembly)) give_up_response(place, true);
    return text.substr(taken);
}

std::string_view RequestStage::gather_response(const Place& place, std::string_view text) noexcept {
    const std::uint32_t index = place.mine().assembly;
    const std::size_t before = assemblies_.text(index).size();
    const std::size_t taken = assemblies_.append(index, text);
    return judge_response(place, before, taken, text);
}

// The gathered text ends with `taken` bytes of this one, and there were `before` without.
std::string_view RequestStage::judge_response(const Place& place, std::size_t before, std::size_t taken,
                                              std::string_view text) noexcept {
    StreamSide& side = place.mine();
    const std::uint32_t index = side.assembly;
    const bool full = assemblies_.is_full(index);
    const bool may_be_one = may_begin_response(assemblies_.text(index));
    if (may_be_one && !full && text.find('\n') == std::string_view::npos) return {};
    ResponseHead head;
    if (!parse_response_head(assemblies_.text(index), head)) {
        drop_assembly(side);
        forget_if_unproven(place);
        return may_begin_response(text) ? text : std::string_view{};
    }
    if (head.length != 0) {
        side.assembly = flow::no_index;
        const std::string_view rest = text.substr(head.length - std::min(head.length, before));
        const std::string_view after = answer(place, head, rest);
        release_later(index);
        return after;
    }
    if (full) give_up_response(place, true);
    return text.substr(taken);
}

// Tells what was gathered if it has a status. rest_follows: the head goes on, but there is no more room.
void RequestStage::give_up_response(const Place& place, bool rest_follows) noexcept {
    StreamSide& side = place.mine();
    const std::uint32_t index = side.assembly;
    ResponseHead head;
    if (!parse_response_head(assemblies_.text(index), head)) {
        drop_assembly(side);
        return;
    }
    side.assembly = flow::no_index;
    if (rest_follows) head.length = assemblies_.text(index).size();
    static_cast<void>(answer(place, head, {}));
    if (rest_follows) {
        begin_head_rest(place, index);
    } else {
        release_later(index);
    }
}

// Bytes of this side are missing, and not of a body alone.
void RequestStage::lose_response(const Place& place) noexcept {
    StreamSide& side = place.mine();
    if (side.mode == StreamMode::body) {
        side.body.phase = BodyPhase::until_close;
        return;
    }
    if (side.mode == StreamMode::head) give_up_response(place, false);
    if (side.assembly != flow::no_index) drop_assembly(side);
    end_response(place);
    side.mode = StreamMode::between;
    // The answer to some request may have been among them: what follows answers the newest one.
    if (place.cold->responses + 1 < place.cold->requests) place.cold->responses = place.cold->requests - 1;
}

// A head, whole if it has a length; rest: what follows it in this text.
std::string_view RequestStage::answer(const Place& place, const ResponseHead& head,
                                      std::string_view rest) noexcept {
    StreamSide& side = place.mine();
    side.mode = StreamMode::between;
    // Interim responses (RFC 9110 §15.2) do not answer the request.
    if (head.status < 200 && head.status != 101) return rest;
    flow::ColdFlow& cold = *place.cold;
    FoundResponse found;
    found.client_side = static_cast<std::uint8_t>(1 - place.side);
    found.time_ns = place.time_ns;
    RequestKind kind = RequestKind::other;
    if (cold.responses < cold.requests) {
        found.request = at_turn(cold, cold.responses++);
        kind = kind_of(cold, found.request);
        if (found.request == 0) cold.first_status = head.status;
    }
    place.state->ended = head.status == 101 || (kind == RequestKind::connect && head.status / 100 == 2);
    side.body = place.state->ended ? BodySkipper{} : body_of(head, kind);
    if (head.length != 0) {
        rest.remove_prefix(side.body.skip(rest));
        if (side.body.phase == BodyPhase::broken) side.body.phase = BodyPhase::until_close;
        found.body_bytes = static_cast<std::int64_t>(side.body.bytes);
        found.goes_on = side.body.active() && found.request != api::request_none;
        if (side.body.active()) side.mode = StreamMode::body;
    }
    place.state->answered = found.request;
    place.state->response_goes_on = found.goes_on;
    ++responses_;
    sink_->response(*place.hot, found, head);
    if (wants_responses_) add_response(place, found, head);
    return rest;
}

// Has rules look at the response. The batch refers to the head's text.
void RequestStage::add_response(const Place& place, const FoundResponse& found,
                                const ResponseHead& head) noexcept {
    if (!batch_->has_room(0)) sink_->flush_requests();
    FoundRequest& entry = batch_->add(0);
    entry.time_ns = found.time_ns;
    entry.cold = place.hot->cold;
    entry.number = found.request;
    entry.client_side = found.client_side;
    entry.told = true;
    match::RequestView& view = batch_->views().back();
    view.phases = api::rule_at_response;
    view.request = head.text;
    view.headers = head.headers;
}

void RequestStage::end_response(const Place& place) noexcept {
    if (!place.state->response_goes_on) return;
    place.state->response_goes_on = false;
    FoundResponse found;
    found.request = place.state->answered;
    found.client_side = static_cast<std::uint8_t>(1 - place.side);
    found.body_bytes = static_cast<std::int64_t>(place.mine().body.bytes);
    found.time_ns = place.time_ns;
    sink_->response_end(*place.hot, found);
}

}  // namespace picket::http
