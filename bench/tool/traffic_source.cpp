#include "bench/tool/traffic_source.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "dataplane/parse/packet.h"

namespace picket::bench {
namespace {

constexpr double whole = 4294967296.0;  // of the draws
constexpr std::uint32_t client_start = 0x1000;
constexpr std::uint32_t server_start = 0x2000;
constexpr double web_frame_bytes = 640;  // mean, with check sequence

// Payload that is neither request nor response: as compressed or encrypted data looks.
// Zeros would not do: no link is full of them, and rules that look for some find them at every byte.
constexpr std::array<std::uint8_t, frame_bytes_max> filler = [] {
    std::array<std::uint8_t, frame_bytes_max> bytes{};
    std::uint32_t state = 1;
    for (auto& byte : bytes) {
        state = state * 1664525u + 1013904223u;
        byte = static_cast<std::uint8_t>(state >> 24);
    }
    bytes[0] = 0xd7;
    return bytes;
}();

constexpr std::string_view response =
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 14600\r\n"
    "Cache-Control: max-age=3600\r\nConnection: keep-alive\r\n\r\n";

std::uint64_t draws(double share) noexcept {
    return static_cast<std::uint64_t>(std::clamp(share, 0.0, 1.0) * whole);
}

// Web: what is no request is a full segment of the server or a small one of the client, so that the mean is
// what it should be.
double full_share(double requests, double request_bytes) noexcept {
    const double rest = web_frame_bytes - requests * (request_bytes + 58) - (1 - requests) * 64;
    return std::clamp(rest / (1518 - 64), 0.0, 1 - requests);
}

}  // namespace

TrafficSource::TrafficSource(const RowSettings& row, const Population& population,
                             std::shared_ptr<const RequestTexts> requests, std::uint64_t seed)
    : mix_(row.mix),
      flood_(row.flood),
      stateful_(row.mix != Mix::min64 || row.requests > 0),
      live_(population.live),
      silent_(population.silent),
      first_(seed * (std::uint64_t{1} << 27) + silent_),
      newest_(first_ + live_),
      request_below_(draws(row.requests)),
      full_below_(draws(full_share(row.requests, requests->bytes_mean))),
      ipv6_below_(static_cast<std::uint32_t>(row.ipv6 * 65536)),
      random_(seed),
      requests_(std::move(requests)),
      streams_(stateful_ ? live_ : 1, Stream{client_start + 1, server_start + 1, 0}) {
    set_new_flows(flood_ ? 0.999 : row.new_flows_share);
}

void TrafficSource::set_new_flows(double share) noexcept {
    new_below_ = draws(share);
}

// The multiplication is a bijection of 32 bits, so that neighbours lie apart and none meet.
Ends TrafficSource::ends_of(std::uint64_t flow) const noexcept {
    const auto mixed = static_cast<std::uint32_t>(flow) * 0x9e3779b1u;
    Ends ends;
    ends.client = 0x0a000000 | (mixed & 0xffffff);
    ends.client_port = static_cast<std::uint16_t>(1026 + (mixed >> 24) * 251);  // no tunnel's
    ends.server = 0xc6120000 | (mixed >> 7 & 0x1ffff);
    ends.tcp = mix_ == Mix::web || flood_ || flow % 2 == 0;
    ends.server_port = ends.tcp ? 80 : 53;
    ends.ipv6 = (mixed >> 8 & 0xffff) < ipv6_below_;
    return ends;
}

std::size_t TrafficSource::open(std::uint64_t flow, unsigned n, std::uint8_t* to) noexcept {
    const std::uint8_t flags = n == 0   ? parse::tcp_syn
                               : n == 1 ? parse::tcp_syn | parse::tcp_ack
                                        : parse::tcp_ack;
    return small(first_ - silent_ + flow, n == 1, flags, to);
}

std::size_t TrafficSource::keep(std::uint64_t flow, bool from_server, std::uint8_t* to) noexcept {
    return small(first_ - silent_ + flow, from_server, parse::tcp_ack, to);
}

std::size_t TrafficSource::next(std::uint8_t* to) noexcept {
    const std::uint64_t draw = random_();
    if (draw >> 32 < new_below_) return begin_flow(to);
    const std::uint64_t flow = first_ + random_.below(static_cast<std::uint32_t>(live_));
    const std::uint64_t kind = draw & 0xffffffff;
    if (kind < request_below_) return request(flow, to);
    const bool from_server = (draw >> 32 & 1) != 0;
    switch (mix_) {
        case Mix::min64:
            break;
        case Mix::imix: {
            const std::uint64_t twelfth = (kind * 12) >> 32;
            if (twelfth == 0) return data(flow, from_server, frame_bytes_max, to);
            if (twelfth < 5) return data(flow, from_server, 590, to);
            break;
        }
        case Mix::web:
            if (kind - request_below_ < full_below_) return data(flow, true, frame_bytes_max, to);
            return small(flow, false, parse::tcp_ack, to);
    }
    return small(flow, from_server, parse::tcp_ack, to);
}

std::size_t TrafficSource::begin_flow(std::uint8_t* to) noexcept {
    ++begun_;
    const std::uint64_t flow = newest_++;
    if (!flood_) {
        ++first_;
        if (stateful_ && live_ != 0) stream_of(flow) = {client_start + 1, server_start + 1, 0};
    }
    return small(flow, false, parse::tcp_syn, to);
}

// Flags are TCP's; a datagram has none.
std::size_t TrafficSource::small(std::uint64_t flow, bool from_server, std::uint8_t flags,
                                 std::uint8_t* to) noexcept {
    const Ends ends = ends_of(flow);
    const std::size_t header = header_bytes(ends);
    const std::size_t bytes = std::max(header, frame_bytes_min);
    Segment segment;
    segment.identification = next_identification();
    segment.from_server = from_server;
    segment.tcp_flags = flags;
    if (ends.tcp) {
        const bool opens = (flags & parse::tcp_syn) != 0;
        const Stream fresh{client_start + 1, server_start + 1, 0};
        const Stream& stream = stateful_ && !opens ? stream_of(flow) : fresh;
        segment.sequence = (from_server ? stream.server : stream.client) - (opens ? 1 : 0);
        segment.acknowledgment = from_server ? stream.client : stream.server;
    } else {
        segment.payload = static_cast<std::uint32_t>(bytes - header);
    }
    std::memset(to + header, 0, bytes - header);
    // Of IPv6, which has no identification, the payload tells datagrams apart.
    if (!ends.tcp) std::memcpy(to + header, &frames_, sizeof frames_);
    write_headers(ends, segment, to);
    return bytes;
}

std::size_t TrafficSource::data(std::uint64_t flow, bool from_server, std::size_t frame_bytes,
                                std::uint8_t* to) noexcept {
    const Ends ends = ends_of(flow);
    const std::size_t header = header_bytes(ends);
    Segment segment;
    segment.identification = next_identification();
    segment.from_server = from_server;
    segment.tcp_flags = parse::tcp_ack;
    segment.payload = static_cast<std::uint32_t>(frame_bytes - header);
    std::memcpy(to + header, filler.data(), segment.payload);
    if (ends.tcp) {
        Stream& stream = stream_of(flow);
        if (from_server && stream.unanswered != 0 && segment.payload >= response.size()) {
            --stream.unanswered;
            std::memcpy(to + header, response.data(), response.size());
        }
        std::uint32_t& own = from_server ? stream.server : stream.client;
        segment.sequence = own;
        segment.acknowledgment = from_server ? stream.client : stream.server;
        own += segment.payload;
    }
    write_headers(ends, segment, to);
    return frame_bytes;
}

std::size_t TrafficSource::request(std::uint64_t flow, std::uint8_t* to) noexcept {
    Ends ends = ends_of(flow);
    if (!ends.tcp) {
        flow = flow == first_ ? flow + 1 : flow - 1;  // every other flow is TCP
        ends = ends_of(flow);
    }
    const std::string& text =
        requests_->heads[random_.below(static_cast<std::uint32_t>(requests_->heads.size()))];
    const std::size_t header = header_bytes(ends);
    Stream& stream = stream_of(flow);
    ++stream.unanswered;
    Segment segment;
    segment.identification = next_identification();
    segment.tcp_flags = parse::tcp_ack | parse::tcp_psh;
    segment.sequence = stream.client;
    segment.acknowledgment = stream.server;
    segment.payload = static_cast<std::uint32_t>(text.size());
    stream.client += segment.payload;
    std::memcpy(to + header, text.data(), text.size());
    write_headers(ends, segment, to);
    return header + text.size();
}

}  // namespace picket::bench
