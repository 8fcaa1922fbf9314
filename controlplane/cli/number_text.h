// Numbers for people. Pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace picket::cli {

[[nodiscard]] std::string grouped(std::uint64_t number);              // 27,771,204
[[nodiscard]] std::string scaled(double number);                      // "1.94 M", "38 k", "612"
[[nodiscard]] std::string byte_text(double bytes);                    // "1.39 TiB"
[[nodiscard]] std::string packet_rate(double packets_per_s);          // "7.84 Mpps"
[[nodiscard]] std::string bit_rate(double bits_per_s);                // "41.2 Gbit/s"
[[nodiscard]] std::string fixed(double number, unsigned decimals);    // "0.40"
[[nodiscard]] std::string duration_text(double seconds);              // "41 d", "3 h 12 min", "0.3 s"
[[nodiscard]] std::string protocol_name(unsigned protocol);           // "UDP", or the number
[[nodiscard]] unsigned protocol_number(const std::string& protocol);  // 17 for "UDP"; 255 if not known

}  // namespace picket::cli
