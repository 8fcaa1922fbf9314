#include "controlplane/cli/context.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

constexpr std::size_t table_width_min = 80;

std::size_t terminal_width() {
    winsize size{};
    if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return table_width_min;
    return std::max<std::size_t>(table_width_min, size.ws_col);
}

}  // namespace

std::string plain_text(const Json& value) {
    if (value.is_null()) return "";
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array()) {
        std::string text;
        for (const Json& element : value) text += (text.empty() ? "" : " ") + plain_text(element);
        return text;
    }
    if (value.is_object()) {
        std::string text;
        for (const auto& [key, element] : value.items()) {
            text += (text.empty() ? "" : " ") + key + "=" + plain_text(element);
        }
        return text;
    }
    return value.dump();
}

std::string csv_line(const std::vector<std::string>& fields) {
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) line += ',';
        if (fields[i].find_first_of(",\"\r\n") == std::string::npos) {
            line += fields[i];
            continue;
        }
        line += '"';
        for (const char c : fields[i]) line += c == '"' ? std::string("\"\"") : std::string(1, c);
        line += '"';
    }
    return line;
}

Printer::Printer(const Context& context)
    : context_(context),
      times_(context.zone),
      mask_(context.masks),
      labels_(context.labels),
      format_(context.format),
      width_(context.wide ? 0 : terminal_width()) {
    if (format_.empty()) format_ = context.json ? "json" : context.csv ? "csv" : "table";
    const bool terminal = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
    bold_ = context.color == "always" || (context.color == "auto" && terminal);
}

void Printer::prepare(Json& answer) const {
    mask_.apply(answer);
    labels_.add_to(answer);
    apply_zone(answer, times_);
}

bool Printer::print_plain(const Json& answer, const std::vector<std::string>& csv_fields) const {
    if (format_ == "json") {
        std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
        return true;
    }
    if (format_ != "csv") return false;
    std::vector<std::string> fields = csv_fields;
    if (fields.empty() && !rows_of(answer).empty()) {
        for (const auto& [key, value] : rows_of(answer).front().items()) fields.push_back(key);
    }
    add_label_fields(rows_of(answer), fields);
    std::cout << csv_line(fields) << '\n';
    for (const Json& row : rows_of(answer)) {
        std::vector<std::string> cells;
        for (const std::string& field : fields) cells.push_back(plain_text(member(row, field.c_str())));
        std::cout << csv_line(cells) << '\n';
    }
    return true;
}

void Printer::print(const Table& rows) const {
    if (!rows.empty()) rows.print(std::cout, width_, bold_);
}

std::string Printer::moment(const Json& time, const std::string& day) const {
    if (!time.is_string()) return "-";
    const auto us = parse_rfc3339_us(time.get_ref<const std::string&>());
    if (!us) return time.get<std::string>();
    if (context_.wide) return times_.rfc3339(*us);
    if (!day.empty() && times_.date(*us) == day) return times_.clock(*us);
    return times_.date(*us) + " " + times_.clock(*us);
}

std::string Printer::shared_day(const Json& rows, const std::vector<const char*>& keys) const {
    std::string day;
    for (const Json& row : rows) {
        for (const char* key : keys) {
            const auto us = parse_rfc3339_us(text_at(row, key));
            if (!us) continue;
            const std::string now = times_.date(*us);
            if (!day.empty() && now != day) return "";
            day = now;
        }
    }
    return day;
}

Column time_column(const std::string& head, int rank, const std::string& day) {
    constexpr std::size_t clock_width = 8;  // 19:09:54
    constexpr std::size_t date_width = 10;  // 2003-08-22
    return {head, Give::cut, rank, day.empty() ? date_width : clock_width};
}

std::string coverage_text(const Json& answer) {
    const Json& coverage = member(answer, "coverage");
    if (!coverage.is_object()) return "";
    const std::uint64_t lost = count_at(coverage, "lost");
    const double blind_s = number_at(coverage, "seconds_blind");
    const std::uint64_t folded = count_at(coverage, "folded");
    if (lost == 0 && blind_s <= 0.0 && folded == 0) return "coverage 100 %";
    std::string text = "coverage incomplete:";
    std::string separator = " ";
    const auto add = [&](const std::string& part) {
        text += separator + part;
        separator = ", ";
    };
    if (lost > 0) add(grouped(lost) + " packets lost");
    if (blind_s > 0.0) add(duration_text(blind_s) + " blind");
    if (folded > 0) add(grouped(folded) + " packets folded");
    return text;
}

void print_coverage(const Printer& printer, const Json& answer, const std::string& next) {
    if (printer.quiet()) return;
    for (const Json& note : member(answer, "notes")) std::cout << "note: " << plain_text(note) << '\n';
    std::string line = coverage_text(answer);
    if (flag_at(answer, "truncated"))
        line += (line.empty() ? "" : "   ") + std::string("truncated: more rows than shown, raise --limit");
    if (!next.empty() && !Mask::has_hidden(next)) {
        const std::string text = "next: " + printer.command() + " " + next;
        if (!line.empty() && display_width(line) + 3 + display_width(text) > 80) {
            line += "\n";
        } else if (!line.empty()) {
            line += "   ";
        }
        line += text;
    }
    if (!line.empty()) std::cout << line << '\n';
}

}  // namespace picket::cli
