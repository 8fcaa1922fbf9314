#include "controlplane/cli/probe_text.h"

#include <iostream>

#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

constexpr std::size_t answered_shown = 3;

// A dash where a request was not seen or a response did not say.
std::string or_dash(const Json& row, const char* key) {
    const std::string text = plain_text(member(row, key));
    return text.empty() ? "-" : text;
}

std::string referer_text(const Json& row) {
    if (flag_at(row, "inferred") || text_at(row, "uri").empty()) return "-";
    return text_at(row, "referer").empty() ? "no" : "yes";
}

// "GET /b.cgi?alt", or that none was seen.
std::string request_text(const Json& row) {
    if (flag_at(row, "inferred")) return "(inferred)";
    const std::string uri = text_at(row, "uri");
    return uri.empty() ? "(payload)" : text_at(row, "method") + " " + uri;
}

// The one source of all rows, or empty.
std::string shared_source(const Json& rows) {
    std::string source;
    for (const Json& row : rows) {
        if (!source.empty() && text_at(row, "source") != source) return "";
        source = text_at(row, "source");
    }
    return source;
}

// "43 no-reply   19 refused   1 answered"
std::string outcomes_text(const Json& outcomes) {
    std::string text;
    if (!outcomes.is_object()) return text;
    for (const auto& [name, count] : outcomes.items()) {
        text += (text.empty() ? "" : "   ") + grouped(count.get<std::uint64_t>()) + " " + name;
    }
    return text;
}

std::string clock_text(const Printer& printer, const Json& time) {
    const auto us = time.is_string() ? parse_rfc3339_us(time.get_ref<const std::string&>()) : std::nullopt;
    return us ? printer.times().seconds(*us) : "-";
}

std::string span_text(const Printer& printer, const Json& row) {
    const auto first = parse_rfc3339_us(text_at(row, "first"));
    const auto last = parse_rfc3339_us(text_at(row, "last"));
    if (!first || !last) return "";
    const TimeText& times = printer.times();
    const bool one_day = times.date(*first) == times.date(*last);
    return times.date(*first) + " " + times.seconds(*first) + " → " +
           (one_day ? "" : times.date(*last) + " ") + times.seconds(*last) + times.suffix(*last);
}

std::string state_text(const Json& source) {
    std::string text;
    if (count_at(source, "resumed") > 0) text = "resumed " + grouped(count_at(source, "resumed")) + "×   ";
    if (member(source, "stopped").is_null()) return text + "going on";
    return text +
           (flag_at(source, "stopped_after_first_answer") ? "STOPPED after its first answer" : "STOPPED");
}

// "404 text/html  4,096 B  no Referer"
std::string answer_text(const Json& row) {
    std::string text = or_dash(row, "status");
    if (!text_at(row, "content_type").empty()) text += " " + text_at(row, "content_type");
    text += "  " + grouped(count_at(row, "bytes_back")) + " B";
    return text + (referer_text(row) == "no" ? "  no Referer" : "");
}

void print_answered(const Printer& printer, const Json& source) {
    const Json& answered = member(source, "answered_probes");
    for (const Json& row : rows_of(answered)) {
        std::cout << "  " << clock_text(printer, member(row, "time")) << "  " << text_at(row, "destination")
                  << "  " << answer_text(row) << '\n';
    }
    const std::uint64_t all = count_at(member(answered, "sum"), "answered");
    if (all > answered_shown) std::cout << "  … " << grouped(all - answered_shown) << " more answered\n";
}

// Bytes of the wire, escaped, in the lines that they have.
void print_bytes(const Printer& printer, std::string_view escaped) {
    constexpr std::string_view indent = "    ";
    const std::size_t room = printer.width() > 2 * indent.size() ? printer.width() - indent.size() : SIZE_MAX;
    while (!escaped.empty()) {
        const std::size_t feed = std::min(escaped.find("\\x0A"), escaped.size());
        std::string_view line = escaped.substr(0, feed);
        escaped.remove_prefix(std::min(feed + 4, escaped.size()));
        if (line.ends_with("\\x0D")) line.remove_suffix(4);
        do {
            std::cout << indent << line.substr(0, room) << '\n';
            line.remove_prefix(std::min(room, line.size()));
        } while (!line.empty());
    }
}

// What came back, as far as its packets are kept.
void print_answer(const Printer& printer, const Json& row) {
    const Json& answer = member(row, "answer");
    if (!answer.is_object()) return;
    const std::string head = text_at(answer, "head");
    const std::string body = text_at(answer, "body");
    if (!head.empty()) {
        std::cout << "  answer" << (flag_at(answer, "head_is_whole") ? "" : ", the beginning of its head")
                  << '\n';
        print_bytes(printer, head);
    }
    if (body.empty()) return;
    std::cout << (head.empty() ? "  answer, its first bytes\n" : "  its body's first bytes\n");
    print_bytes(printer, body);
}

void print_detail(const Printer& printer, const Json& row) {
    const auto line = [](const char* name, const std::string& text) {
        if (!text.empty()) std::cout << "  " << name << text << '\n';
    };
    std::cout << printer.moment(member(row, "time")) << "  " << text_at(row, "source") << ":"
              << plain_text(member(row, "src_port")) << " → " << text_at(row, "destination") << ":"
              << plain_text(member(row, "port")) << '\n';
    line("rule            ", plain_text(member(row, "rule")) + " rev " + plain_text(member(row, "rev")) +
                                 "  " + text_at(row, "msg") +
                                 (flag_at(row, "inferred") ? "  (inferred)" : ""));
    if (!flag_at(row, "inferred") && !text_at(row, "uri").empty()) {
        line("request         ", text_at(row, "method") + " " + text_at(row, "uri"));
        line("Host            ", or_dash(row, "host"));
        line("Referer         ", text_at(row, "referer").empty() ? "none" : text_at(row, "referer"));
    }
    line("outcome         ",
         text_at(row, "outcome") + (flag_at(row, "lost") ? "  (the flow has lost packets)" : ""));
    line("status          ", plain_text(member(row, "status")));
    line("Content-Type    ", text_at(row, "content_type"));
    line("Content-Length  ", plain_text(member(row, "content_length")));
    line("bytes back      ", grouped(count_at(row, "bytes_back")));
    line("answered        ", text_at(row, "answered").empty() ? "" : printer.moment(member(row, "answered")));
    if (const auto kept = count_at(row, "packets_kept"); kept > 0)
        line("packets kept    ", grouped(kept) + "  (picket export case " + text_at(row, "source") + ")");
    print_answer(printer, row);
}

}  // namespace

void print_probe_rows(const Printer& printer, const Json& answer) {
    const Json& rows = rows_of(answer);
    const std::string day = printer.wide() ? "" : printer.shared_day(rows, {"time"});
    const std::string source = printer.wide() ? "" : shared_source(rows);
    std::vector<Column> columns{time_column("TIME", 1, day)};
    if (source.empty()) columns.push_back({"SOURCE", Give::middle, 4, 11});
    columns.insert(columns.end(), {{"DESTINATION", Give::middle, 5, 13},
                                   {"REQUEST", Give::end, 2, 12},
                                   {"REF", Give::drop, 3},
                                   {"STATUS"},
                                   {"BACK"},
                                   {"OUTCOME"}});
    Table table(columns);
    for (const Json& row : rows) {
        std::vector<std::string> cells{printer.moment(member(row, "time"), day)};
        if (source.empty()) cells.push_back(text_at(row, "source"));
        cells.insert(cells.end(), {text_at(row, "destination") + ":" + plain_text(member(row, "port")),
                                   request_text(row), referer_text(row), or_dash(row, "status"),
                                   grouped(count_at(row, "bytes_back")), text_at(row, "outcome")});
        table.add(std::move(cells));
    }
    if (!printer.quiet() && !(source.empty() && day.empty())) {
        std::cout << (source.empty() ? "" : "from " + source + (day.empty() ? "" : " "))
                  << (day.empty() ? "" : "on " + day) << '\n';
    }
    printer.print(table);
}

void print_probe_sum(const Json& answer) {
    const Json& sum = member(answer, "sum");
    std::cout << "seen " << grouped(count_at(sum, "seen")) << "   inferred "
              << grouped(count_at(sum, "inferred")) << "   answered " << grouped(count_at(sum, "answered"))
              << " of " << grouped(count_at(sum, "probes")) << "   sources "
              << grouped(count_at(sum, "sources")) << "   destinations "
              << grouped(count_at(sum, "destinations")) << '\n';
}

void print_probe_details(const Printer& printer, const Json& answer) {
    for (const Json& row : rows_of(answer)) print_detail(printer, row);
}

void add_answered_probes(Json& answer, const std::function<Json(const Parameters&)>& question) {
    for (Json& source : answer["rows"]) {
        if (count_at(member(source, "outcomes"), "answered") == 0) continue;
        const std::string gid = plain_text(member(source, "gid"));
        source["answered_probes"] =
            question({{"src", text_at(source, "source")},
                      {"rule", (gid.empty() ? "" : gid + ":") + plain_text(member(source, "rule"))},
                      {"outcome", "answered"},
                      {"shape", "rows"},
                      {"limit", std::to_string(answered_shown)}});
    }
}

void print_probe_sources(const Printer& printer, const Json& answer) {
    for (const Json& row : rows_of(answer)) {
        std::cout << named(row, "source") << "   " << text_at(row, "msg") << "   rule "
                  << plain_text(member(row, "rule")) << '\n';
        std::cout << "  " << span_text(printer, row) << "   " << state_text(row) << '\n';
        std::cout << "  " << grouped(count_at(row, "destinations"))
                  << " destinations:" << plain_text(member(row, "port")) << ", "
                  << fixed(number_at(row, "per_minute"), 1) << "/min   "
                  << outcomes_text(member(row, "outcomes")) << '\n';
        std::cout << "  seen " << grouped(count_at(row, "seen")) << ", inferred "
                  << grouped(count_at(row, "inferred")) << " attempts\n";
        print_answered(printer, row);
    }
}

void print_probe_groups(const Printer& printer, const Json& answer, const std::string& by) {
    const bool by_rule = by == "rule";
    std::vector<Column> columns;
    if (by_rule) columns.push_back({"RULE"});
    columns.insert(columns.end(), {{by_rule ? "MESSAGE" : "DESTINATION", Give::end, 2, 18},
                                   {"SEEN"},
                                   {"INFERRED"},
                                   {"ANSWERED"},
                                   {by_rule ? "DESTINATIONS" : "SOURCES", Give::drop, 3},
                                   {"LAST", Give::cut, 1, 19}});
    Table table(columns);
    for (const Json& row : rows_of(answer)) {
        std::vector<std::string> cells;
        if (by_rule) cells.push_back(plain_text(member(row, "rule")));
        cells.push_back(by_rule ? text_at(row, "msg")
                                : text_at(row, "destination") + ":" + plain_text(member(row, "port")));
        for (const char* key : {"seen", "inferred", "answered"}) cells.push_back(grouped(count_at(row, key)));
        cells.push_back(grouped(count_at(row, by_rule ? "destinations" : "sources")));
        cells.push_back(printer.moment(member(row, "last")));
        table.add(std::move(cells));
    }
    printer.print(table);
    print_probe_sum(answer);
}

void print_probe_timeline(const Printer& printer, const Json& answer) {
    Table table({{"TIME", Give::cut, 1, 19}, {"SEEN"}, {"INFERRED"}});
    for (const Json& row : rows_of(answer)) {
        table.add({printer.moment(member(row, "time")), grouped(count_at(row, "seen")),
                   grouped(count_at(row, "inferred"))});
    }
    printer.print(table);
    print_probe_sum(answer);
}

}  // namespace picket::cli
