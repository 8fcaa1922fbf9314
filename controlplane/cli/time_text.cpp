#include "controlplane/cli/time_text.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr std::int64_t second_us = 1'000'000;

struct Split {
    std::time_t seconds;
    int microseconds;
};

Split split(std::int64_t us) {
    std::int64_t seconds = us / second_us;
    std::int64_t rest = us % second_us;
    if (rest < 0) {
        rest += second_us;
        --seconds;
    }
    return {static_cast<std::time_t>(seconds), static_cast<int>(rest)};
}

// Reads exactly `count` digits.
bool take_digits(std::string_view& text, std::size_t count, int& value) {
    if (text.size() < count) return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return true;
}

bool take(std::string_view& text, char wanted) {
    if (text.empty() || text.front() != wanted) return false;
    text.remove_prefix(1);
    return true;
}

bool take_fraction(std::string_view& text, std::int64_t& us) {
    us = 0;
    if (!take(text, '.')) return true;
    std::int64_t unit = second_us;
    bool any = false;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        unit /= 10;
        us += unit * (text.front() - '0');
        text.remove_prefix(1);
        any = true;
    }
    return any;
}

bool take_offset(std::string_view& text, std::int64_t& seconds) {
    seconds = 0;
    if (take(text, 'Z') || take(text, 'z')) return true;
    const bool west = !text.empty() && text.front() == '-';
    if (!take(text, '-') && !take(text, '+')) return false;
    int hours = 0;
    int minutes = 0;
    if (!take_digits(text, 2, hours) || !take(text, ':') || !take_digits(text, 2, minutes)) return false;
    seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

}  // namespace

std::optional<std::int64_t> parse_rfc3339_us(std::string_view text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) || !take(text, '-') ||
        !take_digits(text, 2, day) || !(take(text, 'T') || take(text, ' ')) || !take_digits(text, 2, hour) ||
        !take(text, ':') || !take_digits(text, 2, minute) || !take(text, ':') ||
        !take_digits(text, 2, second)) {
        return std::nullopt;
    }
    std::int64_t fraction_us = 0;
    std::int64_t offset_s = 0;
    if (!take_fraction(text, fraction_us) || !take_offset(text, offset_s) || !text.empty())
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return (days * 86'400 + hour * 3600 + minute * 60 + second - offset_s) * second_us + fraction_us;
}

TimeText::TimeText(const std::string& zone) : utc_(zone == "UTC" || zone == "Z" || zone.empty()) {
    if (utc_) {
        setenv("TZ", "UTC0", 1);
    } else if (zone == "local") {
        unsetenv("TZ");
    } else {
        const std::filesystem::path file = std::filesystem::path("/usr/share/zoneinfo") / zone;
        std::error_code failure;
        const bool odd = zone.starts_with('/') || zone.find("..") != std::string::npos;
        if (odd || !std::filesystem::is_regular_file(file, failure)) {
            throw SetupError("--tz " + zone, "this system knows no such time zone",
                             "write UTC, local, or a name as America/New_York (package tzdata)", 2);
        }
        setenv("TZ", (":" + zone).c_str(), 1);
    }
    tzset();
}

std::string TimeText::format(std::int64_t us, const char* pattern) const {
    const Split moment = split(us);
    std::tm parts{};
    localtime_r(&moment.seconds, &parts);
    std::array<char, 64> buffer{};
    const std::size_t length = std::strftime(buffer.data(), buffer.size(), pattern, &parts);
    return {buffer.data(), length};
}

std::string TimeText::suffix(std::int64_t us) const {
    if (utc_) return "Z";
    std::string offset = format(us, "%z");
    if (offset.size() == 5) offset.insert(3, ":");
    return offset;
}

std::string TimeText::date(std::int64_t us) const {
    return format(us, "%Y-%m-%d");
}

std::string TimeText::seconds(std::int64_t us) const {
    return format(us, "%H:%M:%S");
}

std::string TimeText::clock(std::int64_t us) const {
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%06d", split(us).microseconds);
    return seconds(us) + fraction.data();
}

std::string TimeText::rfc3339(std::int64_t us) const {
    return date(us) + "T" + clock(us) + suffix(us);
}

std::string TimeText::netflow(std::int64_t us) const {
    return format(us, "%Y/%m/%d %H:%M:%S");
}

std::optional<std::int64_t> TimeText::local(std::string_view text) const {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::int64_t fraction_us = 0;
    if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) || !take(text, '-') ||
        !take_digits(text, 2, day)) {
        return std::nullopt;
    }
    if (!text.empty()) {
        const bool separated = take(text, 'T') || take(text, 't') || take(text, ' ');
        if (!separated || !take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute))
            return std::nullopt;
        if (take(text, ':') && !(take_digits(text, 2, second) && take_fraction(text, fraction_us)))
            return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!text.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    std::tm parts{};
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    parts.tm_mday = day;
    parts.tm_hour = hour;
    parts.tm_min = minute;
    parts.tm_sec = second;
    parts.tm_isdst = -1;
    return static_cast<std::int64_t>(std::mktime(&parts)) * second_us + fraction_us;
}

std::optional<std::int64_t> TimeText::latest(std::string_view bare, std::int64_t now_us) const {
    int hour = 0, minute = 0, second = 0;
    std::int64_t fraction_us = 0;
    if (!take_digits(bare, 2, hour) || !take(bare, ':') || !take_digits(bare, 2, minute)) return std::nullopt;
    if (take(bare, ':') && !(take_digits(bare, 2, second) && take_fraction(bare, fraction_us)))
        return std::nullopt;
    if (!bare.empty() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const Split now = split(now_us);
    std::tm parts{};
    localtime_r(&now.seconds, &parts);
    for (int days_back = 0; days_back < 3; ++days_back) {
        std::tm candidate = parts;
        candidate.tm_mday -= days_back;
        candidate.tm_hour = hour;
        candidate.tm_min = minute;
        candidate.tm_sec = second;
        candidate.tm_isdst = -1;
        const std::int64_t us = static_cast<std::int64_t>(std::mktime(&candidate)) * second_us + fraction_us;
        if (us <= now_us) return us;
    }
    return std::nullopt;
}

}  // namespace picket::cli
