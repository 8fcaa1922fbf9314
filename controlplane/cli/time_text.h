// Times of answers (RFC 3339, UTC) as a person in a time zone reads them.
//
// Microseconds since 1970 throughout. A TimeText uses the C library's one zone of the process: make one
// per process, before threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace picket::cli {

// "2003-08-22T19:09:54.123456Z", also with an offset and with any number of decimals; nothing if it is no
// time.
[[nodiscard]] std::optional<std::int64_t> parse_rfc3339_us(std::string_view text);

class TimeText {
  public:
    // zone: "UTC", a name of the system's zone data ("America/New_York"), or "local". Throws SetupError
    // (exit status 2) if there is no such zone.
    explicit TimeText(const std::string& zone);

    [[nodiscard]] bool utc() const noexcept { return utc_; }
    [[nodiscard]] std::string rfc3339(std::int64_t us) const;  // 2003-08-22T15:09:54.000000-04:00
    [[nodiscard]] std::string date(std::int64_t us) const;     // 2003-08-22
    [[nodiscard]] std::string clock(std::int64_t us) const;    // 15:09:54.000000
    [[nodiscard]] std::string seconds(std::int64_t us) const;  // 15:09:54
    [[nodiscard]] std::string suffix(std::int64_t us) const;   // "Z" or "-04:00"
    [[nodiscard]] std::string netflow(std::int64_t us) const;  // 2003/08/22 15:09:54

    // The latest moment not after `now` at which the zone's clocks showed "15:09:54" or "15:09"; nothing if
    // the text is no bare time.
    [[nodiscard]] std::optional<std::int64_t> latest(std::string_view bare, std::int64_t now_us) const;

    // The moment of "2003-08-22", "2003-08-22T15:09" or "2003-08-22T15:09:54.5" on the zone's clocks; nothing
    // if the text is no date or names a zone itself.
    [[nodiscard]] std::optional<std::int64_t> local(std::string_view text) const;

  private:
    [[nodiscard]] std::string format(std::int64_t us, const char* pattern) const;

    bool utc_ = true;
};

}  // namespace picket::cli
