#include "controlplane/store/answer_bytes.h"

#include <algorithm>

#include "controlplane/store/protocol_text.h"
#include "controlplane/store/shapes.h"

namespace picket::store {

namespace {

constexpr std::size_t stream_max = 16 * 1024;  // bytes: interim answers and long heads come first

using PacketPointer = const StoredPacket*;

std::string_view payload_of(const StoredPacket& packet) {
    return std::string_view(packet.frame).substr(packet.payload_at, packet.payload_length);
}

// Numbers wrap (RFC 9293 section 3.4).
std::int32_t distance(std::uint32_t from, std::uint32_t to) {
    return static_cast<std::int32_t>(to - from);
}

std::string stream_of(std::vector<PacketPointer>& segments) {
    // From the lowest number on: of two segments the earlier may have come second.
    std::uint32_t begin = segments.front()->tcp_sequence;
    for (const PacketPointer segment : segments) {
        if (distance(begin, segment->tcp_sequence) < 0) begin = segment->tcp_sequence;
    }
    std::stable_sort(segments.begin(), segments.end(), [&](PacketPointer a, PacketPointer b) {
        return distance(begin, a->tcp_sequence) < distance(begin, b->tcp_sequence);
    });
    std::string stream;
    for (const PacketPointer segment : segments) {
        const auto at = static_cast<std::size_t>(distance(begin, segment->tcp_sequence));
        if (at > stream.size() || stream.size() >= stream_max) break;
        const std::string_view payload = payload_of(*segment);
        const std::size_t known = stream.size() - at;
        if (known < payload.size()) stream += payload.substr(known);
    }
    return stream;
}

// An interim answer (RFC 9110 section 15.2) is followed by the one that counts.
bool is_interim(std::string_view stream) {
    constexpr std::size_t status_at = 9;
    return stream.size() > status_at && stream[status_at] == '1';
}

AnswerBytes split(std::string_view stream) {
    constexpr std::string_view end_of_head = "\r\n\r\n";
    AnswerBytes answer;
    while (stream.starts_with("HTTP/")) {
        const auto end = stream.find(end_of_head);
        answer.head = stream.substr(0, std::min(end, answer_head_max));
        answer.head_is_whole = end <= answer_head_max;
        if (end == std::string_view::npos) return answer;
        const bool interim = is_interim(stream);
        stream.remove_prefix(end + end_of_head.size());
        if (!interim) break;
    }
    answer.body = stream.substr(0, answer_body_max);
    return answer;
}

}  // namespace

AnswerBytes answer_after(std::span<const std::shared_ptr<const StoredPacket>> packets,
                         std::uint64_t since_ns) {
    std::vector<PacketPointer> segments;
    for (const auto& packet : packets) {
        if (packet->from_responder != 0 && packet->payload_length != 0 && packet->time_ns >= since_ns)
            segments.push_back(packet.get());
    }
    if (segments.empty()) return {};
    if (segments.front()->protocol != protocol_tcp) return split(payload_of(*segments.front()));
    return split(stream_of(segments));
}

}  // namespace picket::store
