// The match stage of the pipeline, and what becomes of its hits.
#include <algorithm>
#include <functional>
#include <utility>

#include "dataplane/flow/flow_record.h"
#include "dataplane/http/normalize_uri.h"
#include "dataplane/pipeline.h"

namespace picket {
namespace {

emit::EventTexts texts_of(const http::FoundRequest& found) noexcept {
    emit::EventTexts texts;
    texts.method = found.head.method;
    texts.uri = found.head.target;
    if (found.normalized != found.head.target) texts.uri_normalized = found.normalized;
    texts.host = found.head.host;
    texts.user_agent = found.head.user_agent;
    texts.referer = found.head.referer;
    texts.version = found.head.version;
    return texts;
}

// A request that was gathered, or came before its turn, lies elsewhere.
std::uint32_t size_of_packet(const parse::Packet& packet, std::string_view request) noexcept {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(request.data());
    const std::less_equal<> not_after;
    const bool within = not_after(packet.payload, begin) &&
                        not_after(begin + request.size(), packet.payload + packet.payload_captured);
    return within ? packet.payload_length : match::no_packet;
}

match::FlowEnds flow_ends(const api::EventEnds& ends) noexcept {
    match::FlowEnds to;
    to.source = ends.client;
    to.destination = ends.server;
    to.source_port = ends.client_port;
    to.destination_port = ends.server_port;
    to.protocol = ends.protocol;
    return to;
}

bool is_to_server(const parse::Packet& packet, const flow::Tracked& tracked) noexcept {
    return packet.side == (tracked.marks & flow::mark_initiator_b);
}

void turn_around(match::FlowEnds& ends) noexcept {
    std::swap(ends.source, ends.destination);
    std::swap(ends.source_port, ends.destination_port);
    ends.to_server = false;
}

}  // namespace

// Every request of the batch is normalised, told to the control plane, and matched, as are the payloads of
// the packets up to the one that is being looked at; then the batch is empty.
void Pipeline::flush_requests() noexcept {
    if (requests_.size() != 0) {
        tell_requests();
        take_stage_time(api::Stage::http);
        if (matcher_ != nullptr) {
            const auto hit = [](void* self, std::uint32_t index, std::uint32_t rule) noexcept {
                static_cast<Pipeline*>(self)->hit_request(index, rule);
            };
            matcher_->match_requests(requests_.views(), {hit, this});
        }
    }
    if (matcher_ != nullptr) {
        match_payloads();
        judge_bits();
        take_stage_time(api::Stage::match);
    }
    if (!requests_.releases().empty() || !requests_.body_releases().empty()) request_stage_.release_batch();
    requests_.clear();
    tell_responses();
}

void Pipeline::tell_requests() noexcept {
    const api::Dialect dialect = matcher_ != nullptr ? matcher_->rules().dialect() : api::Dialect::suricata;
    const auto found = requests_.found();
    const auto views = requests_.views();
    for (std::size_t i = 0; i < found.size(); ++i) {
        if ((views[i].phases & api::rule_at_body) != 0) show_body(views[i], dialect);
        // PERF: three targets of four are what their normalised form is: no copy, and one scan for both.
        if (http::is_normal_uri(found[i].head.target, dialect)) {
            found[i].normalized = found[i].head.target;
        } else {
            // add() reserved room for the whole target; a normalised form is never longer.
            const auto room = requests_.arena_rest();
            const std::size_t length =
                http::normalize_uri(found[i].head.target.substr(0, room.size()), dialect, room);
            found[i].normalized = {room.data(), length};
            requests_.use_arena(length);
        }
        views[i].normalized_uri = found[i].normalized;
        views[i].plain_headers = found[i].head.plain_headers;
        views[i].packet_size = size_of_packet(packets_[found[i].packet], views[i].request);
        api::EventEnds ends;
        const flow::HotFlow& hot = tracker_.table().hot_of(found[i].cold);
        flow::fill_ends(tracker_.table().state_of(hot), found[i].client_side, ends);
        views[i].ends = flow_ends(ends);
        if ((views[i].phases & api::rule_at_response) != 0) turn_around(views[i].ends);
        if (found[i].told) continue;
        emitter_->request(ends, found[i].time_ns, found[i].number, found[i].flags, texts_of(found[i]));
    }
}

// add() reserved room for the kept bytes; their normalised form is never longer.
void Pipeline::show_body(match::RequestView& view, api::Dialect dialect) noexcept {
    view.body = view.raw_body;
    if (http::is_normal_body(view.raw_body, dialect)) return;
    const auto room = requests_.arena_rest();
    const std::size_t length = http::normalize_body(view.raw_body, dialect, room);
    view.body = {room.data(), length};
    requests_.use_arena(length);
}

void Pipeline::note_hit(std::uint32_t cold_index, std::uint32_t rule, std::size_t i) noexcept {
    flow::ColdFlow& cold = tracker_.table().cold(cold_index);
    if (cold.rule_count == 0 && cold.watch_lists == 0) begin_keeping(cold_index, i);
    tracker_.table().hot_of(cold_index).marks |= flow::mark_rules;
    ++counters_.rule_hits;
    const std::uint32_t generation = matcher_->rules().generation();
    if (cold.rule_count == 0) cold.rule_generation = generation;
    auto& rules = tracker_.table().far(cold_index).rules;
    const std::size_t kept = std::min<std::size_t>(cold.rule_count, rules.size());
    // Indices of another generation would name other rules.
    if (cold.rule_generation == generation) {
        const auto end = rules.begin() + static_cast<std::ptrdiff_t>(kept);
        if (std::find(rules.begin(), end, rule) != end) return;
        if (kept < rules.size()) rules[kept] = rule;
    }
    if (cold.rule_count != 0xffff) ++cold.rule_count;
}

void Pipeline::hit_request(std::uint32_t index, std::uint32_t rule) noexcept {
    match::BitJudge& bits = matcher_->bits();
    if (bits.concerns(rule)) {
        bits.wait(requests_.found()[index].packet, match::WaitingHit::Kind::request, index, rule);
    } else {
        tell_request_hit(index, rule);
    }
}

void Pipeline::tell_request_hit(std::uint32_t index, std::uint32_t rule) noexcept {
    const http::FoundRequest& found = requests_.found()[index];
    note_hit(found.cold, rule, found.packet);
    api::HitEvent hit;
    flow::fill_ends(tracker_.table().state_of(tracker_.table().hot_of(found.cold)), found.client_side,
                    hit.ends);
    hit.generation = matcher_->rules().generation();
    hit.rule = rule;
    hit.ends.flow_lost = found.flow_lost ? 1 : 0;  // whatever else the burst held
    hit.request = found.number;
    hit.request_flags = found.flags;
    emit::EventTexts texts = texts_of(found);
    const match::RequestView& view = requests_.views()[index];
    if ((view.phases & api::rule_at_response) != 0) texts.payload = view.request;
    emitter_->rule_hit(hit, found.time_ns, texts);
}

// A server's bulk is most of the bytes of a link, and scanning all of them is what no core keeps up with.
bool Pipeline::is_first_of_answer(const parse::Packet& packet, const flow::Tracked& tracked) noexcept {
    constexpr std::uint32_t answer_bytes = 8192;  // with headers
    const unsigned initiator = tracked.marks & flow::mark_initiator_b;
    if (packet.key.protocol != parse::protocol_tcp || packet.side == initiator) return true;
    return tracked.side_bytes <= answer_bytes && tracker_.table().cold(tracked.cold).part == 1;
}

// PERF: in two rounds, because which packets have a payload, or are UDP, cannot be predicted: one round took
// 9 ns a packet of a replay.
void Pipeline::match_payloads() noexcept {
    const unsigned kinds = matcher_->rules().payload_kinds();
    std::array<std::uint8_t, packets_max> asked;
    std::size_t asked_count = 0;
    for (; payloads_next_ < payloads_end_; ++payloads_next_) {
        const std::size_t i = payloads_next_;
        const parse::Packet& packet = packets_[i];
        const unsigned kind = match::RuleSet::payload_kind(packet.key.protocol == parse::protocol_udp,
                                                           is_to_server(packet, tracked_[i]));
        const bool asks = ((kinds >> kind & 1u) != 0) & (packet.payload_captured != 0) &
                          (tracked_[i].cold != flow::no_index);
        asked[asked_count] = static_cast<std::uint8_t>(i);
        asked_count += asks ? 1 : 0;
    }
    std::size_t count = 0;
    for (const std::uint8_t i : std::span(asked).first(asked_count)) {
        const parse::Packet& packet = packets_[i];
        match::FlowEnds ports;
        ports.protocol = packet.key.protocol;
        ports.source_port = packet.side == 0 ? packet.key.port_a : packet.key.port_b;
        ports.destination_port = packet.side == 0 ? packet.key.port_b : packet.key.port_a;
        ports.to_server = is_to_server(packet, tracked_[i]);
        const unsigned marks = tracked_[i].marks;
        if (!matcher_->rules().wants_payload(ports) || !is_first_of_answer(packet, tracked_[i])) continue;
        const flow::HotFlow& hot = *tracked_[i].hot;
        api::EventEnds ends;
        flow::fill_ends(tracker_.table().state_of(hot), packet.side, ends);
        payloads_[count].ends = flow_ends(ends);
        payloads_[count].ends.to_server = ports.to_server;
        payloads_[count].ends.established =
            (marks & flow::mark_other_seen) != 0 || flow::activity_of(marks) == flow::Activity::established;
        payloads_[count].payload = {packet.payload, packet.payload_captured};
        payloads_[count].packet_size = packet.payload_length;
        payloads_[count].tcp_flags = packet.tcp_flags;
        payload_packet_[count++] = i;
    }
    if (count == 0) return;
    matcher_->match_payloads(std::span(payloads_).first(count),
                             {[](void* self, std::uint32_t index, std::uint32_t rule) noexcept {
                                  static_cast<Pipeline*>(self)->hit_payload(index, rule);
                              },
                              this});
}

void Pipeline::hit_payload(std::uint32_t index, std::uint32_t rule) noexcept {
    match::BitJudge& bits = matcher_->bits();
    if (bits.concerns(rule)) {
        bits.wait(payload_packet_[index], match::WaitingHit::Kind::payload, index, rule);
    } else {
        tell_payload_hit(index, rule);
    }
}

void Pipeline::tell_payload_hit(std::uint32_t index, std::uint32_t rule) noexcept {
    const std::size_t at = payload_packet_[index];
    const parse::Packet& packet = packets_[at];
    const std::uint32_t cold = tracked_[at].cold;
    note_hit(cold, rule, at);
    api::HitEvent hit;
    flow::fill_ends(tracker_.table().state_of(tracker_.table().hot_of(cold)), packet.side, hit.ends);
    hit.generation = matcher_->rules().generation();
    hit.rule = rule;
    hit.ends.flow_lost = tracked_[at].lost ? 1 : 0;
    hit.request = 0xffffffff;
    emit::EventTexts texts;
    texts.payload = {reinterpret_cast<const char*>(packet.payload), packet.payload_captured};
    emitter_->rule_hit(hit, packet.time_ns, texts);
}

// Asked only while the flow table is under pressure.
flow::Interest Pipeline::interest_in(const parse::Packet& packet) const noexcept {
    if (matcher_ != nullptr && matcher_->rules().watch_list_count() != 0) {
        const auto ends = flow::ends_of(packet);
        if ((matcher_->rules().watch_lookup(ends[0]) | matcher_->rules().watch_lookup(ends[1])) != 0) {
            return flow::Interest::watched;
        }
    }
    if (packet.payload_captured == 0) return flow::Interest::none;
    if (packet.key.protocol == parse::protocol_tcp) return flow::Interest::payload;
    if (matcher_ == nullptr) return flow::Interest::none;
    match::FlowEnds ports;
    ports.protocol = packet.key.protocol;
    ports.source_port = packet.side == 0 ? packet.key.port_a : packet.key.port_b;
    ports.destination_port = packet.side == 0 ? packet.key.port_b : packet.key.port_a;
    return matcher_->rules().wants_payload(ports) ? flow::Interest::payload : flow::Interest::none;
}

void Pipeline::look_up_watch_lists(std::size_t i) noexcept {
    const std::uint32_t cold_index = tracked_[i].cold;
    api::WatchEvent hit;
    flow::HotFlow& hot = tracker_.table().hot_of(cold_index);
    flow::ColdFlow& cold = tracker_.table().cold(cold_index);
    flow::fill_ends(tracker_.table().state_of(hot), flow::initiator_side(hot), hit.ends);
    hit.client_lists = matcher_->rules().watch_lookup(hit.ends.client);
    hit.server_lists = matcher_->rules().watch_lookup(hit.ends.server);
    if ((hit.client_lists | hit.server_lists) == 0) return;
    cold.watch_lists = hit.client_lists | hit.server_lists;
    begin_keeping(cold_index, i);
    cold.flags |= api::flow_watched;
    hot.marks |= flow::mark_rules;
    ++counters_.watch_hits;
    hit.generation = matcher_->rules().generation();
    emitter_->watch_hit(hit, packets_[i].time_ns);
}

// The request must be told before its answer. An answer whose request may be in the batch waits for the
// batch: PERF: to flush for each answer would match the requests one by one.
Pipeline::PendingResponse& Pipeline::pend(const flow::HotFlow& hot,
                                          const http::FoundResponse& found) noexcept {
    if (response_count_ == responses_.size()) flush_requests();
    PendingResponse& pending = responses_[response_count_++];
    flow::fill_ends(tracker_.table().state_of(hot), found.client_side, pending.ends);
    pending.found = found;
    return pending;
}

void Pipeline::response(const flow::HotFlow& hot, const http::FoundResponse& found,
                        const http::ResponseHead& head) noexcept {
    PendingResponse& pending = pend(hot, found);
    pending.status = head.status;
    pending.content_length = head.content_length;
    pending.content_type = head.content_type;
}

void Pipeline::response_end(const flow::HotFlow& hot, const http::FoundResponse& found) noexcept {
    pend(hot, found).status = 0;
}

void Pipeline::tell_responses() noexcept {
    for (const PendingResponse& pending : std::span(responses_).first(response_count_)) {
        if (pending.status == 0) {
            api::ResponseEndEvent end;
            end.ends = pending.ends;
            end.request = pending.found.request;
            end.body_bytes = pending.found.body_bytes;
            emitter_->response_end(end, pending.found.time_ns);
            continue;
        }
        api::ResponseEvent event;
        event.ends = pending.ends;
        event.request = pending.found.request;
        event.status = pending.status;
        event.content_length = pending.content_length;
        event.body_bytes = pending.found.body_bytes;
        event.flags = pending.found.goes_on ? api::response_goes_on : 0u;
        emitter_->response(event, pending.found.time_ns, pending.content_type);
    }
    response_count_ = 0;
}

}  // namespace picket
