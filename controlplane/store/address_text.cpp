#include "controlplane/store/address_text.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace picket::store {

namespace {

constexpr std::uint8_t ipv4_offset_bits = 96;

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

std::string format_address(const api::Address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.is_ipv4()) {
        std::string dotted;
        for (std::size_t i = 12; i < 16; ++i) {
            if (i > 12) dotted += '.';
            std::array<char, 4> digits{};
            const auto end =
                std::to_chars(digits.data(), digits.data() + digits.size(), address.bytes[i]).ptr;
            dotted.append(digits.data(), end);
        }
        return dotted;
    }
    inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
    return text.data();
}

std::optional<api::Address> parse_address(std::string_view text) {
    const std::string terminated(text);
    if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
    std::array<std::uint8_t, 4> ipv4{};
    if (inet_pton(AF_INET, terminated.c_str(), ipv4.data()) == 1) return api::ipv4_mapped(ipv4.data());
    api::Address address;
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
    return std::nullopt;
}

api::Address mask_address(const api::Address& address, std::uint8_t length) noexcept {
    api::Address masked = address;
    for (std::size_t i = 0; i < masked.bytes.size(); ++i) {
        const int bits = static_cast<int>(length) - static_cast<int>(i) * 8;
        if (bits >= 8) continue;
        const int mask = bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
        masked.bytes[i] = static_cast<std::uint8_t>(masked.bytes[i] & mask);
    }
    return masked;
}

bool Network::contains(const api::Address& other) const noexcept {
    return mask_address(other, length) == address;
}

api::Address Network::last() const noexcept {
    api::Address result = address;
    for (std::size_t i = 0; i < result.bytes.size(); ++i) {
        const int bits = static_cast<int>(length) - static_cast<int>(i) * 8;
        if (bits >= 8) continue;
        const int host = bits <= 0 ? 0xff : 0xff >> bits;
        result.bytes[i] = static_cast<std::uint8_t>(result.bytes[i] | host);
    }
    return result;
}

std::optional<Network> parse_network(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    Network network{*address, 128};
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        unsigned length = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
        const bool mapped = text.substr(0, slash).find(':') == std::string_view::npos;
        const unsigned longest = mapped ? 32 : 128;
        if (error != std::errc{} || end != digits.data() + digits.size() || length > longest) {
            return std::nullopt;
        }
        network.length = static_cast<std::uint8_t>(length + (mapped ? ipv4_offset_bits : 0));
    }
    network.address = mask_address(network.address, network.length);
    return network;
}

std::string format_network(const Network& network) {
    if (network.is_host()) return format_address(network.address);
    const bool ipv4 = network.length >= ipv4_offset_bits && network.address.is_ipv4();
    const int length = network.length - (ipv4 ? ipv4_offset_bits : 0);
    return format_address(network.address) + "/" + std::to_string(length);
}

std::vector<Network> parse_network_lines(std::string_view text, std::vector<NetworkLine>& rejects) {
    std::vector<Network> networks;
    std::size_t line = 0;
    while (!text.empty()) {
        ++line;
        const auto end = text.find('\n');
        std::string_view row = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        row = trim(row.substr(0, row.find('#')));
        if (row.empty()) continue;
        if (const auto network = parse_network(row)) {
            networks.push_back(*network);
        } else {
            rejects.push_back({line, std::string(row.substr(0, 100))});
        }
    }
    return networks;
}

}  // namespace picket::store
