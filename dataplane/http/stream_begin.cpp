// Where a stream begins: what can be the first bytes of a message, and what has to wait because bytes before
// it may come yet.
#include <algorithm>
#include <array>

#include "dataplane/http/request_stage.h"

namespace picket::http {
namespace {

// How many segments of a side whose beginning was not seen are put in order before they are looked at.
constexpr std::uint8_t unplaced_max = 3;

// As all heads of messages do, and their parts.
bool looks_like_text(std::string_view text) noexcept {
    constexpr std::size_t looked_at = 8;
    return std::ranges::all_of(text.substr(0, looked_at), [](char byte) {
        return (byte >= ' ' && byte <= '~') || byte == '\r' || byte == '\n' || byte == '\t';
    });
}

// The end of a word is a word too, but not one of these.
bool is_common_method(std::string_view method) noexcept {
    constexpr std::array<std::string_view, 10> common{"GET",     "POST",    "HEAD",  "PUT",   "DELETE",
                                                      "OPTIONS", "CONNECT", "TRACE", "PATCH", "PROPFIND"};
    return std::ranges::find(common, method) != common.end();
}

// A first line that cannot be a piece of something else.
bool is_surely_request(std::string_view text) noexcept {
    RequestHead request;
    if (parse_request_head(text, request) == HeadStatus::not_a_message) return false;
    return request.line_complete && is_common_method(request.method);
}

// The connection's first payload of this side is missing, and may be the beginning of a request.
bool misses_beginning(const flow::ColdSide& side, const parse::Packet& packet,
                      const flow::Tracked& tracked) noexcept {
    return side.syn_seen != 0 && packet.tcp_sequence - tracked.gap_bytes == side.initial_sequence + 1;
}

}  // namespace

// Whether the text can begin a message of a flow that is not known to be HTTP. A word in lower case alone can
// only at the very beginning of a connection.
bool RequestStage::may_begin_message(const parse::Packet& packet, const flow::Tracked& tracked,
                                     std::string_view text) const noexcept {
    constexpr std::uint32_t first_bytes = 400;  // a few packets without payload
    if (!may_begin_request(text)) return text.starts_with("HTTP/");
    if (shows_request(text)) return true;
    if (tracked.side_bytes - packet.ip_bytes > first_bytes) return false;
    const flow::ColdSide& side = table_->cold(tracked.cold).sides[packet.side];
    return side.syn_seen != 0 && packet.tcp_sequence == side.initial_sequence + 1;
}

// Whether the text has to wait for bytes before it. REQUIRES: there is a gap before it, or it is the first of
// a side whose beginning was not seen; of such a side all waits but a request, which is told at once: a rule
// may hit it. known: the flow is HTTP; of others only what may be a part of a head waits behind a gap.
bool RequestStage::waits_for_earlier(const parse::Packet& packet, const flow::Tracked& tracked,
                                     std::string_view text, bool known) const noexcept {
    if (tracked.amid) return !is_surely_request(text);
    if (known) return true;
    if (tracked.gap_bytes == 0 || tracked.gap_bytes > SegmentPool::list_bytes_max) return false;
    return looks_like_text(text) ||
           misses_beginning(table_->cold(tracked.cold).sides[packet.side], packet, tracked);
}

// The first segments of a side whose beginning was not seen: the earliest of them may come last.
void RequestStage::hold_unplaced(const Place& place, std::uint32_t begin, std::string_view text,
                                 std::uint32_t cut) noexcept {
    StreamSide& side = place.mine();
    auto result = segments_.hold(side.held, place.hot->cold, begin, text, place.time_ns, true);
    while (result == SegmentPool::Held::pool_full && make_room(place))
        result = segments_.hold(side.held, place.hot->cold, begin, text, place.time_ns, true);
    const bool all_held = result == SegmentPool::Held::held && cut == 0;
    if (all_held) ++held_;
    ++side.unplaced;
    if (all_held && side.unplaced < unplaced_max && !is_surely_request(text)) return;
    if (!side.held.empty()) {
        begin_at_first_held(place);
    } else {
        side.next = begin;
        side.next_known = true;
    }
    if (!all_held) arrange(place, begin, text, cut);
}

// REQUIRES: segments are held.
void RequestStage::begin_at_first_held(const Place& place) noexcept {
    StreamSide& side = place.mine();
    side.next = segments_.begin_of(side.held);
    side.next_known = true;
    side.unplaced = 0;
    deliver_ready(place);
}

}  // namespace picket::http
