// Packets built readably inside tests: layers are appended in the order of the wire.
//
//   PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80, {.flags = tcp_syn})
//
// Lengths are filled in by frame(); checksums stay 0, because Picket does not judge them.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/parse/packet.h"
#include "dataplane/rx/frame.h"

namespace picket::testing {

struct TcpFields {
    std::uint8_t flags = parse::tcp_ack;
    std::uint32_t sequence = 1;
    std::uint32_t acknowledgment = 1;
};

struct Ipv4Fields {
    std::uint8_t ttl = 64;
    std::uint16_t id = 1;
    std::uint8_t tos = 0;
    std::uint16_t fragment = 0;  // flags and offset as in the header
};

class PacketBuilder {
  public:
    PacketBuilder& ethernet() {
        for (int i = 0; i < 12; ++i) bytes_.push_back(static_cast<std::uint8_t>(i));
        return *this;
    }
    PacketBuilder& vlan(std::uint16_t id, std::uint16_t type = 0x8100) { return u16(type).u16(id); }
    PacketBuilder& ethertype(std::uint16_t type) { return u16(type); }
    PacketBuilder& ipv4(const char* source, const char* destination, Ipv4Fields fields = {}) {
        if (has_ethernet()) u16(0x0800);
        ip_at_ = bytes_.size();
        ip_version_ = 4;
        u8(0x45).u8(fields.tos).u16(0).u16(fields.id).u16(fields.fragment).u8(fields.ttl).u8(0).u16(0);
        address(AF_INET, source, 4);
        address(AF_INET, destination, 4);
        return *this;
    }
    PacketBuilder& ipv6(const char* source, const char* destination, std::uint8_t hop_limit = 64) {
        if (has_ethernet()) u16(0x86dd);
        ip_at_ = bytes_.size();
        ip_version_ = 6;
        next_header_at_ = ip_at_ + 6;
        u8(0x60).u8(0).u16(0).u16(0).u8(0).u8(hop_limit);
        address(AF_INET6, source, 16);
        address(AF_INET6, destination, 16);
        return *this;
    }
    // An IPv6 extension header of 8 bytes with the given contents after its first two bytes.
    PacketBuilder& extension(std::uint8_t header, std::uint16_t word = 0) {
        next(header);
        next_header_at_ = bytes_.size();
        return u8(0).u8(0).u16(word).u16(0).u16(0);
    }
    // An IPv6 fragment header: offset and flag as in the header, identification.
    PacketBuilder& fragment(std::uint16_t word, std::uint32_t id) {
        next(44);
        next_header_at_ = bytes_.size();
        return u8(0).u8(0).u16(word).u32(id);
    }
    PacketBuilder& tcp(std::uint16_t source, std::uint16_t destination, TcpFields fields = {}) {
        next(parse::protocol_tcp);
        return u16(source)
            .u16(destination)
            .u32(fields.sequence)
            .u32(fields.acknowledgment)
            .u8(0x50)
            .u8(fields.flags)
            .u16(8192)
            .u16(0)
            .u16(0);
    }
    PacketBuilder& udp(std::uint16_t source, std::uint16_t destination) {
        next(parse::protocol_udp);
        return u16(source).u16(destination).u16(0).u16(0);
    }
    PacketBuilder& icmp(std::uint8_t type, std::uint8_t code, std::uint16_t identifier = 0,
                        std::uint8_t protocol = parse::protocol_icmp) {
        next(protocol);
        return u8(type).u8(code).u16(0).u16(identifier).u16(0);
    }
    PacketBuilder& protocol(std::uint8_t number) {
        next(number);
        return *this;
    }
    PacketBuilder& payload(std::string_view text) {
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        return *this;
    }

    // The bytes with the IP length filled in.
    [[nodiscard]] std::vector<std::uint8_t> bytes() const {
        std::vector<std::uint8_t> whole = bytes_;
        const std::size_t length = whole.size() - ip_at_;
        if (ip_version_ == 4) put_u16(whole, ip_at_ + 2, static_cast<std::uint16_t>(length));
        if (ip_version_ == 6) put_u16(whole, ip_at_ + 4, static_cast<std::uint16_t>(length - 40));
        return whole;
    }

    PacketBuilder& u8(std::uint8_t value) {
        bytes_.push_back(value);
        return *this;
    }
    PacketBuilder& u16(std::uint16_t value) {
        return u8(static_cast<std::uint8_t>(value >> 8)).u8(static_cast<std::uint8_t>(value));
    }
    PacketBuilder& u32(std::uint32_t value) {
        return u16(static_cast<std::uint16_t>(value >> 16)).u16(static_cast<std::uint16_t>(value));
    }

  private:
    [[nodiscard]] bool has_ethernet() const { return bytes_.size() >= 12; }
    static void put_u16(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint16_t value) {
        bytes[at] = static_cast<std::uint8_t>(value >> 8);
        bytes[at + 1] = static_cast<std::uint8_t>(value);
    }
    void next(std::uint8_t protocol) {
        if (ip_version_ == 4) bytes_[ip_at_ + 9] = protocol;
        if (ip_version_ == 6) bytes_[next_header_at_] = protocol;
    }
    void address(int family, const char* text, std::size_t length) {
        std::array<std::uint8_t, 16> raw{};
        inet_pton(family, text, raw.data());
        bytes_.insert(bytes_.end(), raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(length));
    }

    std::vector<std::uint8_t> bytes_;
    std::size_t ip_at_ = 0;
    std::size_t next_header_at_ = 0;
    int ip_version_ = 0;
};

// A frame that owns its bytes.
struct OwnedFrame {
    std::vector<std::uint8_t> bytes;
    rx::Frame frame;

    explicit OwnedFrame(std::vector<std::uint8_t> from, std::uint64_t time_ns = 1'000'000'000,
                        rx::LinkType link_type = rx::LinkType::ethernet)
        : bytes(std::move(from)) {
        frame.data = bytes.data();
        frame.captured_length = static_cast<std::uint32_t>(bytes.size());
        frame.wire_length = frame.captured_length;
        frame.time_ns = time_ns;
        frame.link_type = link_type;
    }
    // Moves keep the heap block, so frame.data stays right; copies would not.
    OwnedFrame(OwnedFrame&&) = default;
    OwnedFrame& operator=(OwnedFrame&&) = default;
    OwnedFrame(const OwnedFrame&) = delete;
    OwnedFrame& operator=(const OwnedFrame&) = delete;
    ~OwnedFrame() = default;
};

}  // namespace picket::testing
