#include "controlplane/store/time_text.h"

#include <charconv>
#include <chrono>

namespace picket::store {

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t day_ns = 86'400 * second_ns;
constexpr std::uint64_t duration_max = 3'660 * day_ns;

// A cursor over digits and separators; failed() sticks.
class Cursor {
  public:
    explicit Cursor(std::string_view text) : rest_(text) {}

    unsigned digits(std::size_t count) {
        if (rest_.size() < count) failed_ = true;
        unsigned value = 0;
        for (std::size_t i = 0; i < count && !failed_; ++i) {
            if (rest_[i] < '0' || rest_[i] > '9') failed_ = true;
            value = value * 10 + static_cast<unsigned>(rest_[i] - '0');
        }
        if (!failed_) rest_.remove_prefix(count);
        return value;
    }
    bool take(std::string_view any_of) {
        if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(std::string_view any_of) {
        if (!take(any_of)) failed_ = true;
    }
    // Digits of a fraction of a second, in nanoseconds.
    std::uint64_t fraction() {
        std::uint64_t value = 0;
        std::uint64_t unit = second_ns / 10;
        std::size_t count = 0;
        while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
            value += unit * static_cast<std::uint64_t>(rest_.front() - '0');
            unit /= 10;
            rest_.remove_prefix(1);
            ++count;
        }
        if (count == 0) failed_ = true;
        return value;
    }
    [[nodiscard]] bool done() const { return rest_.empty(); }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] char front() const { return rest_.empty() ? '\0' : rest_.front(); }

  private:
    std::string_view rest_;
    bool failed_ = false;
};

// HH:MM[:SS[.f]] to nanoseconds of the day.
std::uint64_t time_of_day(Cursor& cursor, bool& in_range) {
    const unsigned hour = cursor.digits(2);
    cursor.expect(":");
    const unsigned minute = cursor.digits(2);
    unsigned second = 0;
    std::uint64_t fraction = 0;
    if (cursor.take(":")) {
        second = cursor.digits(2);
        if (cursor.take(".,")) fraction = cursor.fraction();
    }
    in_range = hour < 24 && minute < 60 && second < 61;
    return (hour * 3600 + minute * 60 + second) * second_ns + fraction;
}

std::optional<std::uint64_t> parse_date(std::string_view text) {
    Cursor cursor(text);
    const unsigned year = cursor.digits(4);
    cursor.expect("-");
    const unsigned month = cursor.digits(2);
    cursor.expect("-");
    const unsigned day = cursor.digits(2);
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                           std::chrono::month(month), std::chrono::day(day)};
    if (cursor.failed() || !date.ok() || year < 1970 || year > 2200) return std::nullopt;
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    std::int64_t result = days * static_cast<std::int64_t>(day_ns);
    if (!cursor.done()) {
        cursor.expect("Tt _");
        bool in_range = false;
        result += static_cast<std::int64_t>(time_of_day(cursor, in_range));
        if (!in_range) return std::nullopt;
        const char sign = cursor.front();
        if (cursor.take("+-")) {
            const unsigned hours = cursor.digits(2);
            cursor.take(":");
            const unsigned minutes = cursor.digits(2);
            if (hours > 23 || minutes > 59) return std::nullopt;
            const auto offset = static_cast<std::int64_t>((hours * 3600 + minutes * 60) * second_ns);
            result += sign == '+' ? -offset : offset;
        } else {
            cursor.take("Zz");
        }
    }
    if (cursor.failed() || !cursor.done() || result < 0) return std::nullopt;
    return static_cast<std::uint64_t>(result);
}

}  // namespace

std::string format_time(std::uint64_t utc_ns) {
    using std::chrono::days;
    const std::chrono::year_month_day date{std::chrono::sys_days(days(static_cast<int>(utc_ns / day_ns)))};
    const std::uint64_t in_day = utc_ns % day_ns;
    const auto seconds = static_cast<unsigned>(in_day / second_ns);
    std::string text = "0000-00-00T00:00:00.000000Z";
    // PERF: exporting a flow prints three times, and snprintf took half of its cost.
    const auto put = [&text](std::size_t at, std::size_t digits, unsigned value) {
        for (std::size_t i = digits; i-- > 0; value /= 10) text[at + i] = static_cast<char>('0' + value % 10);
    };
    put(0, 4, static_cast<unsigned>(static_cast<int>(date.year())));
    put(5, 2, static_cast<unsigned>(date.month()));
    put(8, 2, static_cast<unsigned>(date.day()));
    put(11, 2, seconds / 3600);
    put(14, 2, seconds / 60 % 60);
    put(17, 2, seconds % 60);
    put(20, 6, static_cast<unsigned>(in_day % second_ns / 1000));
    return text;
}

std::optional<std::uint64_t> parse_time(std::string_view text, std::uint64_t now_ns) {
    if (text == "now") return now_ns;
    if (!text.empty() && text.front() == '-') {
        const auto back = parse_duration(text.substr(1));
        if (!back) return std::nullopt;
        return *back < now_ns ? now_ns - *back : 0;
    }
    if (text.size() >= 5 && text[2] == ':') {
        Cursor cursor(text);
        bool in_range = false;
        const std::uint64_t in_day = time_of_day(cursor, in_range);
        cursor.take("Zz");
        if (cursor.failed() || !cursor.done() || !in_range) return std::nullopt;
        const std::uint64_t today = now_ns - now_ns % day_ns + in_day;
        return today <= now_ns || today < day_ns ? today : today - day_ns;
    }
    return parse_date(text);
}

std::optional<std::uint64_t> parse_duration(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !(value > 0)) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    double factor = 0;
    if (unit.empty() || unit == "s") factor = 1e9;
    if (unit == "ms") factor = 1e6;
    if (unit == "m" || unit == "min") factor = 60e9;
    if (unit == "h") factor = 3600e9;
    if (unit == "d") factor = 86400e9;
    if (unit == "w") factor = 7 * 86400e9;
    if (factor == 0 || value * factor > static_cast<double>(duration_max)) return std::nullopt;
    const auto duration = static_cast<std::uint64_t>(value * factor);
    return duration == 0 ? std::nullopt : std::optional(duration);
}

}  // namespace picket::store
