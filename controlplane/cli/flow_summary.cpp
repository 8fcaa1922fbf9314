// The totals of a set of flows.
#include <iostream>

#include "controlplane/cli/flow_shapes.h"
#include "controlplane/cli/number_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

// "19:09:54 → 22:14:09Z", with dates where they differ.
std::string span_text(const TimeText& times, const Json& sum) {
    const auto first = parse_rfc3339_us(text_at(sum, "first"));
    const auto last = parse_rfc3339_us(text_at(sum, "last"));
    if (!first || !last) return "";
    const bool one_day = times.date(*first) == times.date(*last);
    return times.date(*first) + " " + times.seconds(*first) + " → " +
           (one_day ? "" : times.date(*last) + " ") + times.seconds(*last) + times.suffix(*last);
}

double minutes_of(const Json& sum) {
    const auto first = parse_rfc3339_us(text_at(sum, "first"));
    const auto last = parse_rfc3339_us(text_at(sum, "last"));
    return first && last ? static_cast<double>(*last - *first) / 60e6 : 0.0;
}

// The watch list whose entries the sources are: "" if the question was another one.
std::string source_list(const FlowFilters& filters) {
    return filters.source.starts_with('@') ? filters.source.substr(1) : "";
}

// " of 20": how many could have been seen.
std::string of_entries(const FlowFilters& filters, ControlClient& client) {
    const std::string list = source_list(filters);
    if (list.empty()) return "";
    const Json lists = client.get("/v1/watch");
    for (const Json& row : rows_of(lists)) {
        if (text_at(row, "name") == list) return " of " + grouped(count_at(row, "entries"));
    }
    return "";
}

// The one destination and port of all the flows, or empty.
struct Target {
    std::string address;
    std::string port;
    std::string protocol;
    std::string payload;  // name of all flows' first bytes; empty if they differ or are not known
};

// The one name of the flows' first payloads, or empty.
std::string only_payload(const Question& question) {
    const Json payloads = question({{"shape", "by"}, {"by", "payload"}, {"limit", "2"}});
    if (rows_of(payloads).size() != 1) return "";
    const std::string name = text_at(rows_of(payloads).front(), "payload");
    return name == "other" || name == "unknown" ? "" : name == "none" ? "no payload" : name;
}

// Of groups, since an archive tells any number of flows in them, and not as rows.
Target only_target(const Json& sum, const Question& question) {
    Target target;
    if (count_at(sum, "destinations") != 1) return target;
    const Json destinations = question({{"shape", "by"}, {"by", "destination"}, {"limit", "1"}});
    if (rows_of(destinations).empty()) return target;
    target.address = text_at(rows_of(destinations).front(), "destination");
    const Json ports = question({{"shape", "by"}, {"by", "port"}, {"limit", "2"}});
    if (rows_of(ports).size() != 1) return target;
    const Json& port = rows_of(ports).front();
    if (count_at(port, "port") > 0) target.port = plain_text(member(port, "port"));
    target.protocol = text_at(port, "proto");
    target.payload = only_payload(question);
    return target;
}

// Says how many of the flows were answered; where none was, whether the other direction is visible at all.
void print_replies(const Json& answer, const Target& target, ControlClient& client) {
    const std::uint64_t flows = count_at(member(answer, "sum"), "flows");
    const std::uint64_t unanswered = count_at(member(answer, "sum"), "unanswered");
    if (!member(answer, "notes").empty()) return;  // it is not of all flows
    const std::uint64_t one_direction = count_at(member(answer, "sum"), "one_direction");
    if (one_direction > 0) {
        std::cout << "replies to " << grouped(flows - unanswered - one_direction) << " of " << grouped(flows)
                  << " flows; of " << grouped(one_direction) << " the records tell one direction only\n";
        return;
    }
    if (unanswered < flows) {
        std::cout << "replies to " << grouped(flows - unanswered) << " of " << grouped(flows) << " flows";
        const Json& ratio = member(member(answer, "sum"), "udp_payload_ratio");
        if (!target.port.empty() && ratio.is_number() && ratio.get<double>() >= 2) {
            std::cout << ", " << fixed(ratio.get<double>(), 1)
                      << " times the payload: reflection, if the sources are forged";
        }
        std::cout << '\n';
        return;
    }
    std::cout << "replies none";
    if (!target.address.empty() && !target.port.empty()) {
        const Json others = client.get(
            "/v1/flows",
            {{"shape", "sum"}, {"dst", target.address}, {"dport", target.port}, {"outcome", "answered"}});
        const std::uint64_t answered = count_at(member(others, "sum"), "sources");
        if (answered > 0) {
            std::cout << " (the other direction is visible: " << grouped(answered)
                      << (answered == 1 ? " other source was" : " other sources were") << " answered)";
        } else {
            std::cout << " (the other direction was never seen at this tap)";
        }
    }
    std::cout << '\n';
}

}  // namespace

void print_flow_sum(const Printer& printer, const Json& answer, const FlowFilters& filters,
                    const Question& question, ControlClient& client) {
    const Json& sum = member(answer, "sum");
    const std::uint64_t flows = count_at(sum, "flows");
    const std::uint64_t packets = count_at(sum, "packets");
    const std::uint64_t bytes = count_at(sum, "bytes");
    if (flows == 0) {
        std::cout << "no flows\n";
        return;
    }
    const Target target = only_target(sum, question);
    std::cout << "flows " << grouped(flows) << "   packets " << grouped(packets) << "   bytes "
              << grouped(bytes) << "   sources " << grouped(count_at(sum, "sources"))
              << of_entries(filters, client) << "  → ";
    if (target.address.empty()) {
        std::cout << grouped(count_at(sum, "destinations")) << " destinations\n";
    } else {
        std::cout << printer.masked(target.address) << (target.port.empty() ? "" : ":" + target.port) << '\n';
    }
    std::cout << span_text(printer.times(), sum);
    const double minutes = minutes_of(sum);
    if (minutes >= 1.0) std::cout << "   " << fixed(static_cast<double>(flows) / minutes, 1) << "/min";
    if (!target.protocol.empty()) std::cout << "   " << target.protocol;
    if (packets > 0 && bytes % packets == 0) std::cout << ", " << bytes / packets << " B a packet";
    if (!target.payload.empty()) std::cout << ", " << target.payload;
    std::cout << '\n';
    print_replies(answer, target, client);
}

}  // namespace picket::cli
