// Addresses and networks between text and api::Address.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/abi.h"
#include "dataplane/api/mailbox.h"

namespace picket::store {

// "192.0.2.7" for a mapped IPv4 address, else RFC 5952.
std::string format_address(const api::Address& address);

// An IPv4 or IPv6 address without zone or brackets.
std::optional<api::Address> parse_address(std::string_view text);

// A prefix of the mapped space: length counts 128 bits, so that 10.0.0.0/8 has 104.
struct Network {
    api::Address address;  // bits beyond length are zero
    std::uint8_t length = 128;

    [[nodiscard]] bool contains(const api::Address& other) const noexcept;
    [[nodiscard]] bool is_host() const noexcept { return length == 128; }
    [[nodiscard]] api::Address last() const noexcept;
    bool operator==(const Network&) const = default;
};

// "10.0.0.0/8", "2001:db8::/32" or an address. Host bits that are set are cleared.
std::optional<Network> parse_network(std::string_view text);
std::string format_network(const Network& network);

// Keeps the first `length` bits.
api::Address mask_address(const api::Address& address, std::uint8_t length) noexcept;

struct NetworkLine {
    std::size_t line = 0;  // 1-based
    std::string text;
};

// One address or network a line, '#' begins a comment, empty lines are skipped. Lines that are neither go
// to rejects.
std::vector<Network> parse_network_lines(std::string_view text, std::vector<NetworkLine>& rejects);

}  // namespace picket::store
