#include "controlplane/cli/number_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <utility>

namespace picket::cli {
namespace {

// Three significant digits, as meters show them.
std::string three_digits(double number) {
    return fixed(number, number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
}

std::string with_prefix(double number, double step, const std::array<const char*, 6>& prefixes,
                        const std::string& unit) {
    std::size_t at = 0;
    while (number >= step * 0.9995 && at + 1 < prefixes.size()) {
        number /= step;
        ++at;
    }
    const bool whole = at == 0 && std::abs(number - std::round(number)) < 1e-9;
    const std::string suffix = prefixes[at] + unit;
    return (whole ? fixed(number, 0) : three_digits(number)) + (suffix.empty() ? "" : " ") + suffix;
}

constexpr std::array<const char*, 6> decimal_prefixes{"", "k", "M", "G", "T", "P"};

constexpr std::array<std::pair<unsigned, const char*>, 8> protocols{{{1, "ICMP"},
                                                                     {6, "TCP"},
                                                                     {17, "UDP"},
                                                                     {47, "GRE"},
                                                                     {50, "ESP"},
                                                                     {58, "ICMPv6"},
                                                                     {89, "OSPF"},
                                                                     {132, "SCTP"}}};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string fixed(double number, unsigned decimals) {
    std::array<char, 64> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.*f", static_cast<int>(decimals), number);
    return buffer.data();
}

std::string scaled(double number) {
    return with_prefix(number, 1000.0, decimal_prefixes, "");
}

std::string byte_text(double bytes) {
    return with_prefix(bytes, 1024.0, {"", "Ki", "Mi", "Gi", "Ti", "Pi"}, "B");
}

std::string packet_rate(double packets_per_s) {
    return with_prefix(packets_per_s, 1000.0, decimal_prefixes, "pps");
}

std::string bit_rate(double bits_per_s) {
    return with_prefix(bits_per_s, 1000.0, decimal_prefixes, "bit/s");
}

std::string duration_text(double seconds) {
    if (seconds < 10.0) return fixed(seconds, 1) + " s";
    const auto whole = static_cast<std::uint64_t>(seconds);
    if (whole < 120) return std::to_string(whole) + " s";
    if (whole < 7200) return std::to_string(whole / 60) + " min";
    if (whole < 48 * 3600) {
        const std::uint64_t minutes = whole / 60 % 60;
        return std::to_string(whole / 3600) + " h" +
               (minutes == 0 ? "" : " " + std::to_string(minutes) + " min");
    }
    return std::to_string(whole / 86'400) + " d";
}

std::string protocol_name(unsigned protocol) {
    for (const auto& [number, name] : protocols) {
        if (number == protocol) return name;
    }
    return std::to_string(protocol);
}

unsigned protocol_number(const std::string& protocol) {
    for (const auto& [number, name] : protocols) {
        if (lower(name) == lower(protocol)) return number;
    }
    if (lower(protocol) == "ipv6-icmp" || lower(protocol) == "icmp6") return 58;
    unsigned number = 255;
    if (std::sscanf(protocol.c_str(), "%u", &number) == 1 && number < 256) return number;
    return 255;
}

}  // namespace picket::cli
