#include "dataplane/http/request_stage.h"

#include <algorithm>

namespace picket::http {
namespace {

// The sequence number of the first payload byte.
std::uint32_t begin_of(const parse::Packet& packet) noexcept {
    return packet.tcp_sequence + ((packet.tcp_flags & parse::tcp_syn) != 0 ? 1 : 0);
}

bool is_far(std::uint32_t from, std::uint32_t to, std::int32_t distance_max) noexcept {
    const std::int32_t ahead = sequence_distance(from, to);
    return ahead > distance_max || ahead < -distance_max;
}

}  // namespace

RequestStage::Place RequestStage::place_of(flow::HotFlow& hot, std::uint64_t time_ns,
                                           unsigned side) noexcept {
    flow::ColdFlow& cold = table_->cold(hot.cold);
    StreamState& state = cold.http_state < flow::http_ended ? states_[cold.http_state] : scratch_;
    return {&hot, &cold, &state, time_ns, static_cast<std::uint8_t>(side)};
}

void RequestStage::inspect(const parse::Packet& packet, const flow::Tracked& tracked) noexcept {
    flow::HotFlow& hot = *tracked.hot;
    const bool known = (hot.marks & flow::mark_http) != 0;
    const std::size_t seen = std::min(tracked.seen_bytes, packet.payload_captured);
    const std::string_view text{reinterpret_cast<const char*>(packet.payload), packet.payload_captured};
    if (!known && seen == text.size()) return;
    const bool waits =
        (tracked.gap || tracked.amid) && waits_for_earlier(packet, tracked, text.substr(seen), known);
    // Ordinary payload of an ordinary flow is left here, after its first bytes.
    if (!known && !waits && !may_begin_message(packet, tracked, text.substr(seen))) return;
    const Place place = place_of(hot, packet.time_ns, packet.side);
    if (place.cold->http_state == flow::http_ended) return;
    const std::uint32_t cut = packet.payload_length - packet.payload_captured;
    // Once answers are counted off, what comes before the requests that they answered changes no turn.
    if (tracked.amid && place.mine().idle())
        place.mine().earlier = place.cold->requests != 0 && place.cold->responses == 0;
    if (place.cold->http_state != flow::no_index || waits || cut != 0) {
        scratch_.roles_unknown = !known;
        // A flow that is not followed begins where it is met.
        if (!known && !waits) {
            place.mine().next = begin_of(packet) + tracked.seen_bytes;
            place.mine().next_known = true;
        }
        follow_stream(place, packet, tracked, text, waits);
    } else if (seen < text.size()) {
        place.mine().next = begin_of(packet) + packet.payload_length;
        place.mine().next_known = true;
        deliver(place, text.substr(seen));
    }
    settle(place);
}

void RequestStage::inspect_bare(const parse::Packet& packet, const flow::Tracked& tracked) noexcept {
    if ((tracked.hot->marks & flow::mark_http) == 0) return;
    const Place place = place_of(*tracked.hot, packet.time_ns, packet.side);
    if (place.state == &scratch_) return;
    if ((packet.tcp_flags & parse::tcp_rst) != 0) {
        pass_all(place);
        pass_all(place.other());
    } else if ((packet.tcp_flags & parse::tcp_ack) != 0) {
        wait_acknowledged(place.other(), packet.tcp_acknowledgment);
    }
    settle(place);
}

void RequestStage::follow_stream(const Place& place, const parse::Packet& packet,
                                 const flow::Tracked& tracked, std::string_view text, bool waits) noexcept {
    constexpr std::int32_t window_max = 1 << 30;  // RFC 7323 §2.2
    StreamSide& side = place.mine();
    const std::uint32_t begin = begin_of(packet);
    const std::uint32_t cut = packet.payload_length - packet.payload_captured;
    if ((packet.tcp_flags & parse::tcp_ack) != 0) pass_acknowledged(place.other(), packet.tcp_acknowledgment);
    const std::uint32_t later = side.next;
    const bool was_known = side.next_known;
    // It begins earlier than was thought.
    if (tracked.amid && side.idle()) side.next_known = false;
    if (!side.next_known) {
        if (!side.held.empty() && is_far(segments_.begin_of(side.held), begin, SegmentPool::list_bytes_max)) {
            begin_at_first_held(place);
        } else if (!side.held.empty() || (waits && tracked.amid && cut == 0)) {
            hold_unplaced(place, begin, text, cut);
            return;
        }
    }
    if (!side.next_known) {
        if (!tracked.gap && tracked.seen_bytes >= packet.payload_length) return;
        side.next = tracked.gap ? begin - tracked.gap_bytes : begin + tracked.seen_bytes;
        side.next_known = true;
    }
    const std::int32_t ahead = sequence_distance(side.next, begin);
    const bool far = is_far(side.next, begin, window_max);
    const bool in_sequence = !tracked.gap && !tracked.amid && tracked.seen_bytes == 0;
    if ((far || ahead < 0) && in_sequence) {
        // The tracker has followed the side to other numbers: a SYN, or two strays in a row.
        segments_.clear(side.held);
        lose(place, begin - side.next);
    } else if (far) {
        return;
    }
    arrange(place, begin, text, cut);
    // What came before all others is followed by what was seen already.
    if (side.earlier && was_known && side.idle() && sequence_distance(side.next, later) > 0)
        side.next = later;
}

// What remains of the call: a flow keeps a state only while there is something to be remembered.
void RequestStage::settle(const Place& place) noexcept {
    StreamState& state = *place.state;
    const bool pooled = &state != &scratch_;
    for (StreamSide& side : state.sides) side.earlier = side.earlier && !side.idle();
    if (state.ended) {
        end_following(place);
        place.cold->http_state = flow::http_ended;
    } else if (!state.idle()) {
        if (pooled) {
            states_.use(place.cold->http_state);
            return;
        }
        scratch_.cold = place.hot->cold;
        const std::uint32_t index = take_state();
        scratch_ = StreamState{};
        place.cold->http_state = index;
        place.hot->marks |= flow::mark_http;
    } else if (pooled) {
        if (state.roles_unknown) place.hot->marks &= static_cast<std::uint16_t>(~flow::mark_http);
        end_following(place);
    } else {
        state.sides[0].next_known = state.sides[1].next_known = false;
        state.roles_unknown = false;
    }
}

// Frees the state and what it holds.
void RequestStage::end_following(const Place& place) noexcept {
    if (place.state->body != flow::no_index) end_body(place, true);
    for (StreamSide& side : place.state->sides) {
        segments_.clear(side.held);
        if (side.assembly != flow::no_index) assemblies_.give_back(side.assembly);
    }
    if (place.state == &scratch_) {
        scratch_ = StreamState{};
        return;
    }
    states_.give_back(place.cold->http_state);
    place.cold->http_state = flow::no_index;
}

// Nothing more will come: what waits for more is told as it is.
void RequestStage::finish_sides(const Place& place) noexcept {
    pass_all(place);
    pass_all(place.other());
    const Place client = client_side_of(*place.hot) == place.side ? place : place.other();
    const Place server = client.other();
    if (client.mine().mode == StreamMode::head) give_up_request(client, false);
    if (server.mine().mode == StreamMode::head) give_up_response(server, false);
    if (client.state->body != flow::no_index) end_body(client, true);
    end_response(server);
}

// A state like scratch_. The newcomer is served, since whoever begins last would otherwise be shut out by
// those who began and wait.
std::uint32_t RequestStage::take_state() noexcept {
    const std::uint32_t index = states_.take(scratch_);
    if (index != flow::no_index) return index;
    const StreamState& oldest = states_.oldest();
    if (!oldest.idle()) ++exhausted_;
    flow::HotFlow& hot = table_->hot_of(oldest.cold);
    const Place place = place_of(hot, hot.last_ns, 0);
    const bool lost = batch_->exchange_flow_lost(flow::has_lost(*place.cold));
    finish_sides(place);
    end_following(place);
    batch_->exchange_flow_lost(lost);
    return states_.take(scratch_);
}

// no_index if all buffers are this flow's own.
std::uint32_t RequestStage::take_assembly(const Place& place) noexcept {
    const std::uint32_t index = assemblies_.take(place.hot->cold);
    if (index != flow::no_index) return index;
    const std::uint32_t owner = assemblies_.oldest_owner();
    if (owner != flow::no_index && owner != place.hot->cold) {
        ++exhausted_;
        flow::HotFlow& hot = table_->hot_of(owner);
        const Place client = place_of(hot, hot.last_ns, client_side_of(hot));
        const bool lost = batch_->exchange_flow_lost(flow::has_lost(*client.cold));
        if (client.mine().mode == StreamMode::head) give_up_request(client, false);
        if (client.other().mine().mode == StreamMode::head) give_up_response(client.other(), false);
        for (StreamSide& side : client.state->sides) {
            if (side.mode == StreamMode::head_rest) drop_assembly(side);
        }
        if (client.other().mine().mode == StreamMode::between) end_response(client.other());
        batch_->exchange_flow_lost(lost);
    }
    sink_->flush_requests();
    return assemblies_.take(place.hot->cold);
}

void RequestStage::set_client(const Place& place) noexcept {
    const auto client = static_cast<unsigned>(place.side != 0 ? flow::mark_client_b : 0);
    place.hot->marks =
        static_cast<std::uint16_t>((place.hot->marks & ~flow::mark_client_b) | client | flow::mark_http);
    place.state->roles_unknown = false;
}

// A head turned out to be none: nothing may be left that says that the flow is HTTP.
void RequestStage::forget_if_unproven(const Place& place) noexcept {
    if (place.cold->requests != 0 || place.cold->responses != 0 || !place.other().mine().idle()) return;
    place.hot->marks &= static_cast<std::uint16_t>(~flow::mark_http);
}

void RequestStage::finish(flow::HotFlow& hot, flow::ColdFlow& cold, std::uint64_t time_ns) noexcept {
    if (cold.http_state >= flow::http_ended) return;
    const Place place = place_of(hot, time_ns, 0);
    const bool lost = batch_->exchange_flow_lost(flow::has_lost(cold));
    finish_sides(place);
    end_following(place);
    batch_->exchange_flow_lost(lost);
    sink_->flush_requests();
}

void RequestStage::release_batch() noexcept {
    for (const std::uint32_t index : batch_->releases()) assemblies_.give_back(index);
    for (const std::uint32_t index : batch_->body_releases()) bodies_.give_back(index);
}

void RequestStage::publish(api::WorkerCounters& counters) const noexcept {
    counters.http_requests = requests_;
    counters.http_responses = responses_;
    counters.http_states_active = states_.in_use();
    counters.http_states_exhausted = exhausted_;
    counters.http_segments_held = held_;
    counters.http_gaps = gaps_;
}

}  // namespace picket::http
