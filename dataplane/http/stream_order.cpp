// The order of a stream's bytes: what came before its turn waits, what came twice is looked at once.
#include <algorithm>

#include "dataplane/http/request_stage.h"

namespace picket::http {
// Within a body that nobody looks into bytes may be missing.
std::uint64_t RequestStage::may_miss(const Place& place) const noexcept {
    const StreamSide& side = place.mine();
    const bool kept = place.state->body != flow::no_index && place.side == client_side_of(*place.hot);
    return side.mode == StreamMode::body && !kept ? side.body.may_miss() : 0;
}

// Bytes from anywhere: old ones, the next ones, or such that have to wait. cut: how many follow that the
// capture does not hold.
void RequestStage::arrange(const Place& place, std::uint32_t begin, std::string_view text,
                           std::uint32_t cut) noexcept {
    StreamSide& side = place.mine();
    for (;;) {
        const std::int32_t ahead = sequence_distance(side.next, begin);
        if (ahead > 0 && static_cast<std::uint64_t>(ahead) <= may_miss(place))
            lose(place, static_cast<std::uint32_t>(ahead));
        if (sequence_distance(side.next, begin) <= 0) break;
        const auto result = segments_.hold(side.held, place.hot->cold, begin, text, place.time_ns);
        if (result == SegmentPool::Held::held) {
            ++held_;
            return;
        }
        if (result == SegmentPool::Held::pool_full && make_room(place)) continue;
        // This side has waited for as much as it may.
        if (!side.held.empty()) {
            pass_gap(place);
        } else {
            ++gaps_;
            lose(place, static_cast<std::uint32_t>(ahead));
        }
    }
    accept(place, begin, text);
    const std::int32_t missing =
        sequence_distance(side.next, begin + static_cast<std::uint32_t>(text.size()) + cut);
    if (cut != 0 && missing > 0) lose(place, static_cast<std::uint32_t>(missing));
    deliver_ready(place);
}

// REQUIRES: the text does not begin beyond the next byte. Of bytes that are held too the held ones count.
void RequestStage::accept(const Place& place, std::uint32_t begin, std::string_view text) noexcept {
    StreamSide& side = place.mine();
    for (;;) {
        deliver_ready(place);
        const std::int32_t done = sequence_distance(begin, side.next);
        if (done < 0 || static_cast<std::size_t>(done) >= text.size()) return;
        std::string_view part = text.substr(static_cast<std::size_t>(done));
        if (!side.held.empty()) {
            const std::int32_t free = sequence_distance(side.next, segments_.begin_of(side.held));
            part = part.substr(0, static_cast<std::size_t>(free));
        }
        side.next += static_cast<std::uint32_t>(part.size());
        deliver(place, part);
    }
}

// Delivers the held pieces whose turn has come.
void RequestStage::deliver_ready(const Place& place) noexcept {
    StreamSide& side = place.mine();
    while (!side.held.empty()) {
        const std::int32_t ahead = sequence_distance(side.next, segments_.begin_of(side.held));
        if (ahead > 0) {
            if (static_cast<std::uint64_t>(ahead) > may_miss(place)) return;
            lose(place, static_cast<std::uint32_t>(ahead));
        }
        std::string_view text = segments_.text_of(side.held);
        Place seen = place;
        // What goes on was not whole before the bytes before it came.
        seen.time_ns = segments_.time_of(side.held);
        if (side.mode != StreamMode::between) seen.time_ns = std::max(seen.time_ns, place.time_ns);
        const std::uint32_t index = segments_.take_first(side.held);
        text.remove_prefix(
            std::min<std::size_t>(text.size(), static_cast<std::size_t>(ahead < 0 ? -ahead : 0)));
        side.next += static_cast<std::uint32_t>(text.size());
        side.acknowledged = 0;
        const std::uint64_t found = requests_ + responses_;
        deliver(seen, text);
        // What was found refers to the piece.
        if (requests_ + responses_ != found) sink_->flush_requests();
        segments_.give_back(index);
    }
}

// The bytes before the first held ones will not come. REQUIRES: segments are held.
void RequestStage::pass_gap(const Place& place) noexcept {
    StreamSide& side = place.mine();
    if (side.next_known) {
        ++gaps_;
        lose(place, segments_.begin_of(side.held) - side.next);
        deliver_ready(place);
    } else {
        begin_at_first_held(place);
    }
}

void RequestStage::pass_all(const Place& place) noexcept {
    while (!place.mine().held.empty()) pass_gap(place);
}

// The peer has got everything before its acknowledgment: what of it was not seen here will not be.
void RequestStage::pass_acknowledged(const Place& place, std::uint32_t acknowledgment) noexcept {
    while (!place.mine().held.empty() &&
           sequence_distance(segments_.begin_of(place.mine().held), acknowledgment) > 0) {
        pass_gap(place);
    }
}

// A bare acknowledgment may have overtaken what it acknowledges, where the two directions come over lines of
// their own: only when it has been repeated for some time nothing will come any more.
void RequestStage::wait_acknowledged(const Place& place, std::uint32_t acknowledgment) noexcept {
    constexpr std::uint8_t repeated_max = 16;
    constexpr std::uint32_t wait_us = 10'000;
    StreamSide& side = place.mine();
    if (side.held.empty() || sequence_distance(segments_.begin_of(side.held), acknowledgment) <= 0) return;
    // Nothing shows that any bytes are missing before the first that were seen.
    if (!side.next_known) return pass_acknowledged(place, acknowledgment);
    const auto now_us = static_cast<std::uint32_t>(place.time_ns / 1000);
    std::uint32_t& since_us = place.state->acknowledged_us[place.side];
    if (side.acknowledged == 0) since_us = now_us;
    ++side.acknowledged;
    if (side.acknowledged > repeated_max || now_us - since_us > wait_us)
        pass_acknowledged(place, acknowledgment);
}

// Another flow gives up what it holds. False if there is none.
bool RequestStage::make_room(const Place& place) noexcept {
    const std::uint32_t owner = segments_.oldest_owner();
    if (owner == flow::no_index || owner == place.hot->cold) return false;
    ++exhausted_;
    flow::HotFlow& hot = table_->hot_of(owner);
    const Place other = place_of(hot, hot.last_ns, 0);
    const bool lost = batch_->exchange_flow_lost(flow::has_lost(*other.cold));
    pass_all(other);
    pass_all(other.other());
    batch_->exchange_flow_lost(lost);
    return true;
}

// Bytes that will not be seen: within a body its end is still known, elsewhere the place in the stream is
// lost. Whether a message was among them cannot be known.
void RequestStage::lose(const Place& place, std::uint32_t bytes) noexcept {
    StreamSide& side = place.mine();
    side.next += bytes;
    if (side.mode == StreamMode::body && bytes != 0 && bytes <= side.body.may_miss()) {
        if (place.state->body != flow::no_index && place.side == client_side_of(*place.hot))
            end_body(place, true);
        side.body.miss(bytes);
        if (side.body.active()) return;
        if (place.side != client_side_of(*place.hot)) end_response(place);
        side.mode = StreamMode::between;
    } else if (place.state->roles_unknown) {
        return;
    } else if (place.side == client_side_of(*place.hot)) {
        lose_request(place);
    } else {
        lose_response(place);
    }
}

void RequestStage::deliver(const Place& place, std::string_view text) noexcept {
    if (text.empty() || place.state->ended) return;
    const bool roles_known = (place.hot->marks & flow::mark_http) != 0 && !place.state->roles_unknown;
    bool from_client = place.side == client_side_of(*place.hot);
    if (!roles_known) {
        from_client = !text.starts_with("HTTP/");
        if (!from_client) set_client(place.other());
    }
    if (from_client) {
        deliver_client(place, text);
    } else {
        deliver_server(place, text);
    }
}

}  // namespace picket::http
