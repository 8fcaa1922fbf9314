// Durations, sizes, lists of cores and networks as the configuration writes them.
//
// Thread safety: pure functions. Each gives nothing where the text is not of its form or out of its range.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace picket::config {

// "500ms", "15s", "2m", "3h", "30d": a whole number and its unit. Milliseconds, at most 100 years.
[[nodiscard]] std::optional<std::uint64_t> parse_duration_ms(std::string_view text);

// "512B", "64KiB", "200GiB", "2TiB", "10GB": bytes. Binary and decimal prefixes, at most 2^60.
[[nodiscard]] std::optional<std::uint64_t> parse_size_bytes(std::string_view text);

// "2-5,7": ascending, without repetition; a core number is below 1024.
[[nodiscard]] std::optional<std::vector<unsigned>> parse_cores(std::string_view text);
[[nodiscard]] std::string format_cores(const std::vector<unsigned>& cores);

// An IPv4 or IPv6 address or network.
struct Network {
    std::uint8_t bytes[16] = {};  // IPv4 in the first four
    bool ipv6 = false;
    unsigned prefix = 0;     // bits
    bool host_bits = false;  // text had bits set behind the prefix; they are cleared in bytes

    [[nodiscard]] bool contains(const Network& address) const noexcept;
    [[nodiscard]] std::string text() const;
};
[[nodiscard]] std::optional<Network> parse_network(std::string_view text);

// "HOST:PORT", "[2001:db8::1]:PORT", or a bare HOST where a default port is given (0: none).
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t port_default);

}  // namespace picket::config
