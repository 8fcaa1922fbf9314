// `picket status`: one screen.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <iostream>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/link_view.h"
#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

void line(const std::string& name, const std::string& text) {
    std::cout << name << std::string(name.size() < 9 ? 9 - name.size() : 1, ' ') << text << '\n';
}

void print_head(const Printer& printer, const Json& status) {
    const auto now = parse_rfc3339_us(text_at(status, "now"));
    const Json& rules = member(status, "rules");
    std::cout << text_at(status, "sensor") << "   ";
    const std::string state = text_at(status, "state");
    if (state != "running") std::cout << state << "   ";
    std::cout << "up " << duration_text(number_at(status, "uptime_s")) << "   rules "
              << grouped(count_at(rules, "loaded")) << " gen " << count_at(rules, "generation");
    if (count_at(rules, "rejected") > 0)
        std::cout << " (" << grouped(count_at(rules, "rejected")) << " rejected)";
    if (now) {
        // In captures it is another day than the reader's.
        const bool today = printer.times().date(*now) ==
                           printer.times().date(static_cast<std::int64_t>(std::time(nullptr)) * 1'000'000);
        std::cout << "   " << (today ? "" : printer.times().date(*now) + " ") << printer.times().seconds(*now)
                  << printer.times().suffix(*now);
    }
    std::cout << '\n';
    const Json& dataplane = member(status, "dataplane");
    if (!flag_at(dataplane, "connected")) {
        line("plane", "the data plane is not connected: what follows is the last that was known");
    } else if (count_at(dataplane, "reconnects") > 0) {
        line("plane", "pid " + plain_text(member(dataplane, "pid")) + "   reconnected " +
                          grouped(count_at(dataplane, "reconnects")) + " times");
    }
}

// One line a group: its ports, and what they receive together.
void print_groups(const Json& status) {
    struct Group {
        std::string ports;
        double packets_per_s = 0;
        double bits_per_s = 0;
        std::uint64_t received = 0;
        LinkView link;
        std::string down;
    };
    std::vector<std::pair<std::string, Group>> groups;
    const Json& ports = member(status, "ports");
    for (const Json& port : ports.is_array() ? ports : rows_of(ports)) {
        const std::string name = text_at(port, "group");
        auto found =
            std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == name; });
        if (found == groups.end()) found = groups.insert(groups.end(), {name, {}});
        Group& group = found->second;
        group.ports += (group.ports.empty() ? "" : " + ") + text_at(port, "name");
        group.packets_per_s += number_at(port, "packets_per_s");
        group.bits_per_s += number_at(port, "bits_per_s");
        group.received += count_at(port, "received");
        group.link.add(member(port, "link"));
        const bool file = text_at(port, "device").starts_with("pcap:");
        if (!file && !flag_at(port, "link_up"))
            group.down += (group.down.empty() ? "" : ", ") + text_at(port, "name");
    }
    for (const auto& [name, group] : groups) {
        line(name, group.ports + "   " + packet_rate(group.packets_per_s) + "   " +
                       bit_rate(group.bits_per_s) + "   packets " + grouped(group.received) + "   " +
                       group.link.text() + (group.down.empty() ? "" : "   LINK DOWN: " + group.down));
    }
}

std::string dropped_events(const Json& events) {
    std::string text;
    for (const auto& [kind, value] : member(events, "dropped").items()) {
        if (value.is_number() && value.get<double>() > 0)
            text += "   dropped " + kind + " " + grouped(value.get<std::uint64_t>());
    }
    return text;
}

void print_workers(const Json& status) {
    const Json& workers = member(status, "workers");
    std::string busy;
    std::size_t count = 0;
    for (const Json& worker : workers.is_array() ? workers : rows_of(workers)) {
        busy += " " + fixed(number_at(worker, "busy_percent"), 0);
        ++count;
    }
    line("workers", std::to_string(count) + "   busy" + busy + " %");
}

// "192.0.2.1:80 TCP 97 %, 192.0.2.9:53 UDP 1 %"
std::string shares(const Json& parties, double all) {
    constexpr std::size_t shown = 2;
    std::string text;
    for (std::size_t i = 0; i < std::min(shown, parties.size()); ++i) {
        const double part = number_at(parties[i], "packets") + number_at(parties[i], "records");
        text += (i == 0 ? "" : ", ") + text_at(parties[i], "party") + " " +
                fixed(all > 0 ? std::min(100.0 * part / all, 100.0) : 0.0, 0) + " %";
    }
    return text;
}

void print_fold(const Json& fold) {
    if (!fold.is_object() || !flag_at(fold, "lasts")) return;
    const double all = number_at(fold, "packets") + number_at(fold, "records");
    line("folding", scaled(all) + " since " + text_at(fold, "begin"));
    const std::string victims = shares(member(fold, "victims"), all);
    const std::string networks = shares(member(fold, "networks"), all);
    if (!victims.empty()) line("", "to " + victims);
    if (!networks.empty()) line("", "from " + networks);
}

void print_counts(const Json& status) {
    // Before the first data plane there is nothing to count.
    if (!member(status, "audit").is_object()) return;
    const Json& loss = member(status, "loss");
    line("loss", "NIC " + grouped(count_at(loss, "nic")) + "   rings " + grouped(count_at(loss, "rings")) +
                     "   before us " + byte_text(number_at(loss, "before_us_bytes")) +
                     " (acknowledged, never seen)");
    print_workers(status);
    const Json& flows = member(status, "flows");
    line("flows", scaled(number_at(flows, "active")) + " of " + scaled(number_at(flows, "capacity")) + "   " +
                      scaled(number_at(flows, "new_per_s")) + " new/s   folded " +
                      grouped(count_at(flows, "folded")) + "   kept " +
                      scaled(number_at(flows, "recent_kept")) + " ended");
    print_fold(member(status, "fold"));
    const Json& events = member(status, "events");
    const double queue_s = number_at(events, "queue_seconds");
    std::string queue = "queue " + byte_text(number_at(events, "queue_used_bytes")) + " of " +
                        byte_text(number_at(events, "queue_bytes"));
    if (queue_s > 0) queue += " (" + duration_text(queue_s) + ")";
    line("events", queue + dropped_events(events) + "   alerts " +
                       grouped(count_at(member(status, "alerts"), "total")) + ", " +
                       scaled(number_at(member(status, "alerts"), "per_minute")) + "/min");
}

void print_archive(const Json& archive) {
    if (!archive.is_object()) return;
    line("archive", archive_line(archive));
    if (const std::string trouble = text_at(archive, "trouble"); !trouble.empty())
        line("", "NOT WRITTEN: " + trouble);
    const Json& gap = member(archive, "gap");
    if (gap.is_object())
        line("",
             "gap from " + text_at(gap, "since") + " to " + text_at(gap, "until") + ": picketd was killed");
}

void print_audit(const Json& status) {
    const Json& audit = member(status, "audit");
    if (!audit.is_object()) return;
    std::uint64_t outcomes = 0;
    std::string named;
    for (const auto& [name, value] : member(audit, "outcomes").items()) {
        const std::uint64_t count = value.is_number() ? value.get<std::uint64_t>() : 0;
        outcomes += count;
        if (count > 0) named += (named.empty() ? "" : ", ") + name + " " + grouped(count);
    }
    std::string text = grouped(count_at(audit, "received")) + " = flows " +
                       grouped(count_at(audit, "in_flows")) + " + outcomes " + grouped(outcomes);
    if (count_at(audit, "held") > 0) text += " + fragments held " + grouped(count_at(audit, "held"));
    if (count_at(audit, "in_transit") > 0) text += " + on the way " + grouped(count_at(audit, "in_transit"));
    if (!flag_at(audit, "balanced")) text += "   NOT BALANCED: please report this";
    line("audit", text);
    if (!named.empty()) line("", named);
}

int status(const Context& context) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/status");
    printer.prepare(answer);
    if (printer.format() == "csv") answer["rows"] = Json::array({answer});
    if (printer.print_plain(answer, {"sensor", "version", "state", "now", "uptime_s"})) return status_done;
    print_head(printer, answer);
    print_groups(answer);
    print_counts(answer);
    print_archive(member(answer, "archive"));
    print_audit(answer);
    print_coverage(printer, answer, "flow top");
    return status_done;
}

}  // namespace

void add_status_command(CLI::App& application, Context& context) {
    application.add_subcommand("status", "one screen: sensor, ports, workers, loss, audit, rules")
        ->callback([&context] { context.action = [&context] { return status(context); }; });
}

}  // namespace picket::cli
