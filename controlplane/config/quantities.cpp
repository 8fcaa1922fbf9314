#include "controlplane/config/quantities.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace picket::config {
namespace {

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
    const char* begin = text.data();
    const auto [end, error] = std::from_chars(begin, begin + text.size(), number);
    if (error != std::errc() || end == begin) return false;
    text.remove_prefix(static_cast<std::size_t>(end - begin));
    return true;
}

using Unit = std::pair<std::string_view, std::uint64_t>;

template <std::size_t Count>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, Count>& units,
                                             std::uint64_t maximum) {
    std::uint64_t number = 0;
    if (!take_number(text, number)) return std::nullopt;
    if (text.starts_with(' ')) text.remove_prefix(1);
    for (const auto& [name, factor] : units) {
        if (text == name) {
            if (number > maximum / factor) return std::nullopt;
            return number * factor;
        }
    }
    return std::nullopt;
}

constexpr unsigned cores_end = 1024;  // CPU_SETSIZE

}  // namespace

std::optional<std::uint64_t> parse_duration_ms(std::string_view text) {
    static constexpr std::array<Unit, 5> units{
        {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    return parse_with_unit(text, units, std::uint64_t{36'525} * 86'400'000);
}

std::optional<std::uint64_t> parse_size_bytes(std::string_view text) {
    static constexpr std::array<Unit, 9> units{{{"B", 1},
                                                {"KiB", std::uint64_t{1} << 10},
                                                {"MiB", std::uint64_t{1} << 20},
                                                {"GiB", std::uint64_t{1} << 30},
                                                {"TiB", std::uint64_t{1} << 40},
                                                {"kB", 1000},
                                                {"MB", 1'000'000},
                                                {"GB", 1'000'000'000},
                                                {"TB", 1'000'000'000'000}}};
    return parse_with_unit(text, units, std::uint64_t{1} << 60);
}

std::optional<std::vector<unsigned>> parse_cores(std::string_view text) {
    std::vector<unsigned> cores;
    while (true) {
        unsigned first = 0;
        if (!take_number(text, first)) return std::nullopt;
        unsigned last = first;
        if (text.starts_with('-')) {
            text.remove_prefix(1);
            if (!take_number(text, last)) return std::nullopt;
        }
        if (last < first || last >= cores_end) return std::nullopt;
        for (unsigned core = first; core <= last; ++core) cores.push_back(core);
        if (text.empty()) break;
        if (!text.starts_with(',')) return std::nullopt;
        text.remove_prefix(1);
    }
    std::sort(cores.begin(), cores.end());
    if (std::adjacent_find(cores.begin(), cores.end()) != cores.end()) return std::nullopt;
    return cores;
}

std::string format_cores(const std::vector<unsigned>& cores) {
    std::string text;
    for (std::size_t i = 0; i < cores.size();) {
        std::size_t last = i;
        while (last + 1 < cores.size() && cores[last + 1] == cores[last] + 1) ++last;
        if (!text.empty()) text += ',';
        text += std::to_string(cores[i]);
        if (last > i) text += '-' + std::to_string(cores[last]);
        i = last + 1;
    }
    return text;
}

bool Network::contains(const Network& address) const noexcept {
    if (ipv6 != address.ipv6 || address.prefix < prefix) return false;
    const unsigned whole = prefix / 8;
    if (std::memcmp(bytes, address.bytes, whole) != 0) return false;
    const unsigned rest = prefix % 8;
    if (rest == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
    return ((bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

std::string Network::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    inet_ntop(ipv6 ? AF_INET6 : AF_INET, bytes, buffer.data(), buffer.size());
    std::string text = buffer.data();
    if (prefix != (ipv6 ? 128u : 32u)) text += "/" + std::to_string(prefix);
    return text;
}

std::optional<Network> parse_network(std::string_view text) {
    Network network;
    const std::size_t slash = text.find('/');
    const std::string address(text.substr(0, slash));
    network.ipv6 = address.find(':') != std::string::npos;
    if (inet_pton(network.ipv6 ? AF_INET6 : AF_INET, address.c_str(), network.bytes) != 1) {
        return std::nullopt;
    }
    const unsigned bits = network.ipv6 ? 128 : 32;
    network.prefix = bits;
    if (slash == std::string_view::npos) return network;
    text.remove_prefix(slash + 1);
    if (!take_number(text, network.prefix) || !text.empty() || network.prefix > bits) return std::nullopt;
    for (unsigned bit = network.prefix; bit < bits; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
        if ((network.bytes[bit / 8] & mask) == 0) continue;
        network.host_bits = true;
        network.bytes[bit / 8] = static_cast<std::uint8_t>(network.bytes[bit / 8] & ~mask);
    }
    return network;
}

std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t port_default) {
    HostPort result;
    result.port = port_default;
    std::string_view rest;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        result.host = text.substr(1, close - 1);
        rest = text.substr(close + 1);
    } else {
        const std::size_t colon = text.find(':');
        result.host = text.substr(0, colon);
        rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    }
    const bool odd = std::any_of(result.host.begin(), result.host.end(), [](unsigned char c) {
        return std::isgraph(c) == 0 || c == '/' || c == '@' || c == ',';
    });
    if (result.host.empty() || odd) return std::nullopt;
    if (!rest.empty()) {
        rest.remove_prefix(1);
        if (!take_number(rest, result.port) || !rest.empty()) return std::nullopt;
    }
    if (result.port == 0) return std::nullopt;
    return result;
}

}  // namespace picket::config
