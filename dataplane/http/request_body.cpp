// The first bytes of request bodies, while rules look at bodies: a request that comes with its body is judged
// with it at once; else a copy of its head waits until the body has come, as far as it is kept.
#include <algorithm>

#include "dataplane/http/request_stage.h"

namespace picket::http {

// What of the batch's arena a body may need that comes with its head.
std::size_t RequestStage::body_room(const RequestHead& head) const noexcept {
    if (!wants_bodies_ || head.framing.chunked || head.framing.content_length <= 0) return 0;
    return std::min(static_cast<std::size_t>(head.framing.content_length), bodies_.body_bytes());
}

// The newest request of the batch has a body; text: what there is of its message.
void RequestStage::begin_body(const Place& place, const RequestHead& head, std::string_view text,
                              const RequestNote& note) noexcept {
    const std::string_view rest = text.substr(head.length);
    if (!head.framing.chunked) {
        const auto length = static_cast<std::uint64_t>(head.framing.content_length);
        const std::uint64_t kept = std::min<std::uint64_t>(length, bodies_.body_bytes());
        if (rest.size() >= kept) {
            match::RequestView& view = batch_->views().back();
            view.raw_body = rest.substr(0, kept);
            view.body_cut = length > kept;
            view.phases |= api::rule_at_body;
            return;
        }
    }
    const std::string_view whole_head = text.substr(0, head.length);
    if (whole_head.size() > bodies_.head_bytes()) {
        ++exhausted_;
        return;
    }
    place.state->body = take_body(place, whole_head, note);
    if (place.state->body == flow::no_index) ++exhausted_;
}

// no_index if all buffers are in use and none gives way.
std::uint32_t RequestStage::take_body(const Place& place, std::string_view head,
                                      const RequestNote& note) noexcept {
    const std::uint32_t index = bodies_.take(place.hot->cold, head, note);
    if (index != flow::no_index) return index;
    const std::uint32_t owner = bodies_.oldest_owner();
    if (owner != flow::no_index && owner != place.hot->cold) {
        ++exhausted_;
        flow::HotFlow& hot = table_->hot_of(owner);
        const Place other = place_of(hot, hot.last_ns, client_side_of(hot));
        const bool lost = batch_->exchange_flow_lost(flow::has_lost(*other.cold));
        end_body(other, true);
        batch_->exchange_flow_lost(lost);
    }
    sink_->flush_requests();
    return bodies_.take(place.hot->cold, head, note);
}

// Returns how many bytes at the beginning of text belong to the body, of which it keeps what is to be kept.
std::size_t RequestStage::pass_body(const Place& place, std::string_view text) noexcept {
    StreamSide& side = place.mine();
    if (place.state->body == flow::no_index) return side.body.skip(text);
    bool all_kept = true;
    const std::size_t passed = side.body.skip(text, [&](std::string_view bytes) {
        all_kept = bodies_.append(place.state->body, bytes) && all_kept;
    });
    const bool more_follows = bodies_.is_full(place.state->body) && side.body.may_miss() != 0;
    if (!side.body.active()) {
        end_body(place, !all_kept || side.body.phase == BodyPhase::broken);
    } else if (!all_kept || more_follows) {
        end_body(place, true);
    }
    return passed;
}

// What is kept of the body is what rules will see. cut: the body has, or may have, more bytes. Whose request
// it is has been told when its head was there. REQUIRES: a body is kept.
void RequestStage::end_body(const Place& place, bool cut) noexcept {
    const std::uint32_t index = place.state->body;
    place.state->body = flow::no_index;
    RequestHead head;
    static_cast<void>(parse_request_head(bodies_.head(index), head));  // as it was when it was copied
    head.target = head.target.substr(0, RequestBatch::target_max);
    const std::string_view body = bodies_.body(index);
    if (!batch_->has_room(head.target.size() + body.size())) sink_->flush_requests();
    FoundRequest& found = batch_->add(head.target.size() + body.size());
    found.head = head;
    found.time_ns = place.time_ns;
    found.cold = place.hot->cold;
    found.number = bodies_.note(index).number;
    found.flags = bodies_.note(index).flags;
    found.client_side = static_cast<std::uint8_t>(client_side_of(*place.hot));
    found.told = true;
    match::RequestView& view = batch_->views().back();
    fill_view(head, bodies_.text(index), view);
    view.raw_body = body;
    view.body_cut = cut;
    view.phases = api::rule_at_body;
    bodies_.disown(index);
    batch_->release_body_later(index);
    if (!batch_->has_room(0)) sink_->flush_requests();
}

}  // namespace picket::http
