#include "controlplane/store/payload_name.h"

#include <algorithm>
#include <vector>

#include "controlplane/store/protocol_text.h"

namespace picket::store {
namespace {

constexpr std::uint8_t any = 0;
constexpr std::uint8_t tcp = protocol_tcp;
constexpr std::uint8_t udp = protocol_udp;
constexpr int either = -1;
constexpr int to_server = 0;
constexpr int to_client = 1;

struct Signature {
    std::string_view name;
    std::uint8_t protocol;
    std::uint16_t port;  // of the responder; 0: any
    int direction;
    // Hexadecimal bytes, ?? for any byte, 'text' for its bytes; $ at the end: and nothing after them.
    std::string_view bytes;
};

// The first that fits counts. At most 16 bytes of a payload are kept.
constexpr Signature signatures[] = {
    // Half-Life: the queries of GoldSrc and Source servers (developer.valvesoftware.com/wiki/Server_queries).
    {"GoldSrc info", udp, 0, either, "ff ff ff ff 'info' 00 $"},
    {"GoldSrc ping", udp, 0, either, "ff ff ff ff 'ping' 00 $"},
    {"GoldSrc rules", udp, 0, either, "ff ff ff ff 'rules' 00 $"},
    {"GoldSrc players", udp, 0, either, "ff ff ff ff 'players' 00 $"},
    {"GoldSrc details", udp, 0, either, "ff ff ff ff 'details' 00"},
    {"GoldSrc getchallenge", udp, 0, either, "ff ff ff ff 'getchallenge'"},
    {"GoldSrc connect", udp, 0, either, "ff ff ff ff 'connect '"},
    {"GoldSrc info answer", udp, 0, either, "ff ff ff ff 'm'"},
    {"GoldSrc ping answer", udp, 0, either, "ff ff ff ff 'j'"},
    {"A2S_INFO", udp, 0, either, "ff ff ff ff 'TSource Eng'"},
    {"A2S_PLAYER", udp, 0, either, "ff ff ff ff 55 ?? ?? ?? ?? $"},
    {"A2S_RULES", udp, 0, either, "ff ff ff ff 56 ?? ?? ?? ?? $"},
    {"A2S challenge answer", udp, 0, either, "ff ff ff ff 41 ?? ?? ?? ?? $"},
    {"A2S_INFO answer", udp, 0, either, "ff ff ff ff 49"},
    {"A2S_PLAYER answer", udp, 0, either, "ff ff ff ff 44"},
    {"A2S_RULES answer", udp, 0, either, "ff ff ff ff 45"},
    // RFC 9112, 7540 (section 3.5), 2326, 3261; UPnP device architecture 1.1.
    {"HTTP response", tcp, 0, either, "'HTTP/1.' ?? 20"},
    {"HTTP/2 preface", tcp, 0, to_server, "'PRI * HTTP/2.0' 0d 0a"},
    {"RTSP", tcp, 0, either, "'RTSP/1.0 '"},
    {"SIP response", any, 0, either, "'SIP/2.0 '"},
    {"SIP REGISTER", any, 0, either, "'REGISTER sip:'"},
    {"SIP INVITE", any, 0, either, "'INVITE sip:'"},
    {"SIP OPTIONS", any, 0, either, "'OPTIONS sip:'"},
    {"SSDP search", udp, 0, either, "'M-SEARCH * HTTP/'"},
    {"SSDP notify", udp, 0, either, "'NOTIFY * HTTP/1.'"},
    {"HTTP GET", tcp, 0, to_server, "'GET '"},
    {"HTTP POST", tcp, 0, to_server, "'POST '"},
    {"HTTP HEAD", tcp, 0, to_server, "'HEAD '"},
    {"HTTP OPTIONS", tcp, 0, to_server, "'OPTIONS '"},
    {"HTTP PUT", tcp, 0, to_server, "'PUT '"},
    {"HTTP DELETE", tcp, 0, to_server, "'DELETE '"},
    {"HTTP CONNECT", tcp, 0, to_server, "'CONNECT '"},
    // RFC 8446 section 5.1, RFC 9000 section 17.2.
    {"TLS client hello", tcp, 0, either, "16 03 ?? ?? ?? 01"},
    {"TLS server hello", tcp, 0, either, "16 03 ?? ?? ?? 02"},
    {"TLS alert", tcp, 0, either, "15 03 ?? 00 02"},
    {"QUIC", udp, 443, either, "?? 00 00 00 01"},
    // RFC 4253 section 4.2, 5321, 959, 1939, 3501; MS-RDPBCGR 2.2.1.1; RFC 6143; MS-SMB, MS-SMB2.
    {"SSH", tcp, 0, either, "'SSH-'"},
    {"SMTP EHLO", tcp, 0, to_server, "'EHLO '"},
    {"SMTP HELO", tcp, 0, to_server, "'HELO '"},
    {"SMTP greeting", tcp, 25, to_client, "'220'"},
    {"SMTP greeting", tcp, 587, to_client, "'220'"},
    {"FTP greeting", tcp, 21, to_client, "'220'"},
    {"FTP USER", tcp, 21, to_server, "'USER '"},
    {"POP3 greeting", tcp, 110, to_client, "'+OK'"},
    {"IMAP greeting", tcp, 143, to_client, "'* OK'"},
    {"RDP connection request", tcp, 0, to_server, "03 00 00 ?? ?? e0"},
    {"RFB (VNC)", tcp, 0, either, "'RFB 00'"},
    {"SMB1", tcp, 0, either, "00 ?? ?? ?? ff 'SMB'"},
    {"SMB2", tcp, 0, either, "00 ?? ?? ?? fe 'SMB'"},
    {"MQTT connect", tcp, 0, to_server, "10 ?? 00 04 'MQTT'"},
    {"Telnet negotiation", tcp, 23, either, "ff"},
    // BEP 3, BEP 5; RFC 8489 section 5.
    {"BitTorrent", tcp, 0, either, "13 'BitTorrent prot'"},
    {"BitTorrent DHT query", udp, 0, either, "'d1:ad2:id20:'"},
    {"BitTorrent DHT answer", udp, 0, either, "'d1:rd2:id20:'"},
    {"STUN request", udp, 0, either, "00 01 ?? ?? 21 12 a4 42"},
    {"STUN answer", udp, 0, either, "01 01 ?? ?? 21 12 a4 42"},
    // RFC 1035 section 4.1.1 (one question), RFC 5905 section 7.3, RFC 1002 section 4.2, RFC 3416, RFC 2131.
    {"DNS query", udp, 53, to_server, "?? ?? 01 ?? 00 01"},
    {"DNS query", udp, 53, to_server, "?? ?? 00 ?? 00 01"},
    {"DNS answer", udp, 53, to_client, "?? ?? 8? ?? 00 01"},
    {"mDNS", udp, 5353, either, "00 00"},
    {"NTP monlist", udp, 123, to_server, "17 ?? 03 2a"},
    {"NTP request", udp, 123, to_server, "?3"},
    {"NTP request", udp, 123, to_server, "?b"},
    {"NTP answer", udp, 123, to_client, "?4"},
    {"NTP answer", udp, 123, to_client, "?c"},
    {"NetBIOS name query", udp, 137, to_server, "?? ?? 0? ?? 00 01 00 00"},
    {"SNMP v1", udp, 161, either, "30 ?? 02 01 00 04"},
    {"SNMP v2c", udp, 161, either, "30 ?? 02 01 01 04"},
    {"DHCP request", udp, 67, either, "01 01 06"},
    {"DHCP answer", udp, 67, either, "02 01 06"},
    {"SoBig.F master query", udp, 8998, to_server, "5c bf 01 29 ca 62 eb f1 $"},
};

struct Compiled {
    std::vector<std::uint8_t> values;
    std::vector<std::uint8_t> masks;
    bool whole = false;
};

constexpr unsigned nibble(char digit) {
    return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

Compiled compile(std::string_view text) {
    Compiled compiled;
    const auto push = [&compiled](unsigned value, unsigned mask) {
        compiled.values.push_back(static_cast<std::uint8_t>(value));
        compiled.masks.push_back(static_cast<std::uint8_t>(mask));
    };
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == ' ') {
            ++at;
        } else if (text[at] == '$') {
            compiled.whole = true;
            ++at;
        } else if (text[at] == '\'') {
            const std::size_t end = text.find('\'', ++at);
            for (; at < end; ++at) push(static_cast<unsigned char>(text[at]), 0xff);
            ++at;
        } else {
            const auto half = [](char digit) { return digit == '?' ? 0 : nibble(digit); };
            const auto known = [](char digit) { return digit == '?' ? 0U : 0xfU; };
            push(half(text[at]) << 4 | half(text[at + 1]), known(text[at]) << 4 | known(text[at + 1]));
            at += 2;
        }
    }
    return compiled;
}

bool fits(const Compiled& compiled, std::span<const std::uint8_t> first) noexcept {
    if (first.size() < compiled.values.size()) return false;
    if (compiled.whole && first.size() != compiled.values.size()) return false;
    for (std::size_t i = 0; i < compiled.values.size(); ++i) {
        if ((first[i] & compiled.masks[i]) != compiled.values[i]) return false;
    }
    return true;
}

const std::vector<Compiled>& compiled_signatures() {
    static const std::vector<Compiled> all = [] {
        std::vector<Compiled> made;
        for (const Signature& signature : signatures) made.push_back(compile(signature.bytes));
        return made;
    }();
    return all;
}

// Names that stand twice are one kind: that of their first place.
std::size_t kind_of(std::size_t place) noexcept {
    const auto* first = std::ranges::find(signatures, signatures[place].name, &Signature::name);
    return static_cast<std::size_t>(first - std::begin(signatures)) + payload_other + 1;
}

}  // namespace

std::size_t payload_kind(const StoredFlow& flow, std::size_t direction) noexcept {
    const api::FlowDirection& side = flow.directions[direction];
    const std::span first(side.payload_first.data(), side.payload_first_length);
    if (flow.is_imported()) return payload_unknown;
    if (first.empty()) return payload_none;
    const auto& compiled = compiled_signatures();
    for (std::size_t i = 0; i < std::size(signatures); ++i) {
        const Signature& signature = signatures[i];
        if (signature.protocol != any && signature.protocol != flow.protocol) continue;
        if (signature.port != 0 && signature.port != flow.destination_port) continue;
        if (signature.direction != either && signature.direction != static_cast<int>(direction)) continue;
        if (fits(compiled[i], first)) return kind_of(i);
    }
    return payload_other;
}

std::string_view payload_kind_name(std::size_t kind) noexcept {
    if (kind == payload_none) return "none";
    if (kind == payload_unknown) return "unknown";
    return kind == payload_other ? "other" : signatures[kind - payload_other - 1].name;
}

}  // namespace picket::store
