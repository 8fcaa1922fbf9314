// Writes a capture for measuring `picket replay`: smallest frames, spread uniformly at random over many
// flows.
//
//   make_capture FILE [PACKETS [FLOWS]]
//
// Half of the flows are UDP, half TCP, every flow with a client of its own; both ends send. A TCP flow begins
// with its handshake and goes on in sequence with six bytes a segment, without ever closing, so that the
// number of flows is exactly FLOWS: the packets span ten seconds, less than any idle timeout. Flows that
// chance would have left out get the last packets. The same arguments write the same bytes.
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "dataplane/parse/packet.h"

namespace {

using picket::parse::tcp_ack;
using picket::parse::tcp_psh;
using picket::parse::tcp_syn;

constexpr std::size_t frame_bytes = 60;
constexpr std::size_t record_bytes = 16 + frame_bytes;
constexpr std::size_t segment_bytes = 6;  // what a smallest frame has left behind IPv4 and TCP
constexpr std::uint32_t begin_s = 1'700'000'000;
constexpr std::uint64_t span_us = 10'000'000;

// splitmix64's finaliser: spreads the number of a flow or packet over 64 bits.
std::uint64_t mixed(std::uint64_t number) noexcept {
    std::uint64_t z = number * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

struct Flow {
    std::uint32_t packets = 0;
    std::array<std::uint32_t, 2> sent{};  // payload bytes of client and server
};

// The bytes of one record, headers filled in that all frames share.
class Record {
  public:
    Record() {
        put_little(8, frame_bytes);
        put_little(12, frame_bytes);
        put(16, 0x020000000001, 6);  // locally administered MAC addresses
        put(22, 0x020000000002, 6);
        put(28, 0x0800, 2);
        put(30, 0x4500, 2);
        put(36, 0x4000, 2);  // do not fragment
        put(38, 64, 1);
    }

    void stamp(std::uint64_t time_us) noexcept {
        put_little(0, begin_s + static_cast<std::uint32_t>(time_us / 1'000'000));
        put_little(4, static_cast<std::uint32_t>(time_us % 1'000'000));
    }
    void address(std::uint32_t flow, bool from_server, std::uint8_t protocol, std::uint16_t id) noexcept {
        const std::uint64_t bits = mixed(flow + 1);
        // An odd factor permutes the 24 bits: no two flows share a client.
        const std::uint32_t client = 0x0a000000 | (flow * 0x9e3779b1u & 0xffffff);
        const std::uint32_t server = 0xc6120000 | static_cast<std::uint32_t>(bits & 0x1ffff);
        const auto client_port = static_cast<std::uint32_t>(1024 + (bits >> 20) % 60'000);
        const std::uint32_t server_port = protocol == picket::parse::protocol_tcp ? 443 : 53;
        put(34, id, 2);
        put(39, protocol, 1);
        put(42, from_server ? server : client, 4);
        put(46, from_server ? client : server, 4);
        put(50, from_server ? server_port : client_port, 2);
        put(52, from_server ? client_port : server_port, 2);
    }
    void datagram(std::uint64_t payload) noexcept {
        finish_header(frame_bytes - 14);
        put(54, frame_bytes - 34, 2);
        put(56, 0, 2);  // no checksum
        put(58, payload, 8);
        put(66, payload, 8);
        put(74, payload, 2);
    }
    void segment(std::uint32_t sequence, std::uint32_t acknowledged, std::uint8_t flags,
                 std::uint64_t payload) noexcept {
        const bool empty = (flags & tcp_psh) == 0;
        finish_header(frame_bytes - 14 - (empty ? segment_bytes : 0));
        put(54, sequence, 4);
        put(58, acknowledged, 4);
        put(62, 0x5000u | flags, 2);
        put(64, 0xffff, 2);
        put(66, 0, 4);
        put(70, empty ? 0 : payload, segment_bytes);
    }
    [[nodiscard]] const std::uint8_t* data() const noexcept { return bytes_.data(); }

  private:
    void put(std::size_t at, std::uint64_t value, std::size_t length) noexcept {
        for (std::size_t i = length; i-- > 0; value >>= 8) bytes_[at + i] = static_cast<std::uint8_t>(value);
    }
    void put_little(std::size_t at, std::uint32_t value) noexcept {
        std::memcpy(&bytes_[at], &value, sizeof value);
    }
    void finish_header(std::size_t ip_bytes) noexcept {
        put(32, ip_bytes, 2);
        put(40, 0, 2);
        put(40, header_checksum(), 2);
    }
    [[nodiscard]] std::uint16_t header_checksum() const noexcept {
        std::uint32_t sum = 0;
        for (std::size_t at = 30; at < 50; at += 2)
            sum += static_cast<std::uint32_t>(bytes_[at] << 8 | bytes_[at + 1]);
        while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
        return static_cast<std::uint16_t>(~sum);
    }

    std::array<std::uint8_t, record_bytes> bytes_{};
};

void write_segment(Record& record, Flow& flow, bool from_server, std::uint64_t bits) noexcept {
    const std::uint32_t client_start = 1000;
    const std::uint32_t server_start = 5000;
    if (flow.packets < 2) {
        record.segment(from_server ? server_start : client_start, from_server ? client_start + 1 : 0,
                       static_cast<std::uint8_t>(from_server ? tcp_syn | tcp_ack : tcp_syn), 0);
        return;
    }
    const std::uint32_t client_next = client_start + 1 + flow.sent[0];
    const std::uint32_t server_next = server_start + 1 + flow.sent[1];
    const bool empty = flow.packets == 2;
    record.segment(from_server ? server_next : client_next, from_server ? client_next : server_next,
                   static_cast<std::uint8_t>(empty ? tcp_ack : tcp_ack | tcp_psh), bits);
    if (!empty) flow.sent[from_server ? 1 : 0] += segment_bytes;
}

class Traffic {
  public:
    Traffic(std::uint64_t packets, std::uint32_t flows) : packets_(packets), flows_(flows), unseen_(flows) {}

    const std::uint8_t* next() noexcept {
        const std::uint64_t bits = mixed(number_ + (std::uint64_t{1} << 40));
        const std::uint32_t index = choose(bits);
        Flow& flow = flows_[index];
        const bool tcp = index % 2 != 0;
        // A handshake has its order; afterwards the ends send as they like.
        const bool from_server =
            tcp && flow.packets < 3 ? flow.packets == 1 : flow.packets != 0 && (bits & 1) != 0;
        record_.stamp(number_ * span_us / packets_);
        record_.address(index, from_server, tcp ? picket::parse::protocol_tcp : picket::parse::protocol_udp,
                        static_cast<std::uint16_t>(flow.packets));
        if (tcp) {
            write_segment(record_, flow, from_server, bits);
        } else {
            record_.datagram(bits);
        }
        if (flow.packets++ == 0) --unseen_;
        ++number_;
        return record_.data();
    }

  private:
    // Uniform, but for the last packets where flows are left that have none.
    std::uint32_t choose(std::uint64_t bits) noexcept {
        if (packets_ - number_ > unseen_)
            return static_cast<std::uint32_t>((bits >> 32) * flows_.size() >> 32);
        while (flows_[next_unseen_].packets != 0) ++next_unseen_;
        return next_unseen_;
    }

    std::uint64_t packets_;
    std::uint64_t number_ = 0;
    std::vector<Flow> flows_;
    std::uint64_t unseen_;
    std::uint32_t next_unseen_ = 0;
    Record record_;
};

struct Closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

bool write_capture(std::FILE* file, std::uint64_t packets, std::uint32_t flows) {
    constexpr std::array<std::uint32_t, 6> header{0xa1b2c3d4, 0x00040002, 0, 0, 262'144, 1};
    // Large writes, as a capture program's: the page cache keeps a file in pieces as large as its writes.
    constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
    std::setvbuf(file, nullptr, _IOFBF, buffer_bytes);
    if (std::fwrite(header.data(), sizeof header, 1, file) != 1) return false;
    Traffic traffic(packets, flows);
    for (std::uint64_t i = 0; i < packets; ++i) {
        if (std::fwrite(traffic.next(), record_bytes, 1, file) != 1) return false;
    }
    return std::fflush(file) == 0;
}

bool parse(std::string_view text, std::uint64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
    constexpr std::uint64_t flows_max = 1 << 24;  // clients that 10.0.0.0/8 holds
    std::uint64_t packets = 10'000'000;
    std::uint64_t flows = 900'000;
    const bool understood = argc >= 2 && argc <= 4 && (argc < 3 || parse(argv[2], packets)) &&
                            (argc < 4 || parse(argv[3], flows));
    if (!understood || flows == 0 || flows > packets || flows > flows_max) {
        std::fprintf(stderr,
                     "usage: make_capture FILE [PACKETS [FLOWS]], no fewer packets than flows, and at most "
                     "16777216 flows\n");
        return 2;
    }
    const File file(std::fopen(argv[1], "wb"));
    if (!file || !write_capture(file.get(), packets, static_cast<std::uint32_t>(flows))) {
        std::fprintf(stderr, "%s cannot be written: %s\n", argv[1], std::strerror(errno));
        return 3;
    }
    return 0;
}
