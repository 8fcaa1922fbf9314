// `picket port show` and `picket worker show`.
#include <CLI/CLI.hpp>
#include <iostream>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/link_view.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/cli/replay_report.h"
#include "dataplane/api/counters.h"

namespace picket::cli {
namespace {

void print_port(const Json& port) {
    const auto field = [](const std::string& name, const std::string& text) {
        if (!text.empty())
            std::cout << "  " << name << std::string(name.size() < 10 ? 10 - name.size() : 1, ' ') << text
                      << '\n';
    };
    const bool file = text_at(port, "device").starts_with("pcap:");
    std::cout << text_at(port, "name") << "   " << text_at(port, "device") << "   group "
              << text_at(port, "group");
    if (!file) {
        std::cout << "   " << (flag_at(port, "link_up") ? "up" : "DOWN");
        if (count_at(port, "speed_mbit_s") > 0) {
            std::cout << "   " << bit_rate(number_at(port, "speed_mbit_s") * 1e6);
        }
        std::cout << "   " << count_at(port, "queues")
                  << (count_at(port, "queues") == 1 ? " queue" : " queues")
                  << (flag_at(port, "rss_symmetric") ? "   RSS symmetric" : "   RSS by software");
    }
    std::cout << '\n';
    field("rate",
          packet_rate(number_at(port, "packets_per_s")) + "   " + bit_rate(number_at(port, "bits_per_s")));
    std::uint64_t outcomes = 0;
    for (const auto& [name, value] : member(port, "outcomes").items()) {
        outcomes += value.is_number() ? value.get<std::uint64_t>() : 0;
    }
    field("received",
          grouped(count_at(port, "received")) + " = flows " + grouped(count_at(port, "in_flows")) +
              " + outcomes " + grouped(outcomes) +
              (count_at(port, "held") > 0 ? " + fragments held " + grouped(count_at(port, "held")) : "") +
              (count_at(port, "in_transit") > 0 ? " + on the way " + grouped(count_at(port, "in_transit"))
                                                : "") +
              "   " + byte_text(number_at(port, "received_bytes")));
    field("outcomes", outcome_lines(member(port, "outcomes"), 12));
    LinkView link;
    link.add(member(port, "link"));
    field("link", link.text());
    if (file) return;
    field("device", "packets " + grouped(count_at(port, "device_packets")) + "   missed " +
                        grouped(count_at(port, "missed")) + "   errors " + grouped(count_at(port, "errors")) +
                        "   no mbuf " + grouped(count_at(port, "no_mbuf")));
    const Json& xdp = member(port, "xdp");
    if (xdp.is_object()) {
        field("xdp", "packets " + grouped(count_at(xdp, "packets")) + "   without socket " +
                         grouped(count_at(xdp, "no_socket")) + "   lost before us " +
                         grouped(count_at(xdp, "lost_before_rx")));
    }
}

int show_ports(const Context& context) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/ports");
    printer.prepare(answer);
    if (printer.print_plain(answer,
                            {"name", "group", "device", "link_up", "speed_mbit_s", "queues", "received",
                             "received_bytes", "in_flows", "in_transit", "device_packets", "missed", "errors",
                             "no_mbuf", "packets_per_s", "bits_per_s", "balanced"})) {
        return status_done;
    }
    for (const Json& port : rows_of(answer)) print_port(port);
    if (rows_of(answer).empty()) std::cout << "no ports\n";
    print_coverage(printer, answer, "worker show");
    return status_done;
}

int show_workers(const Context& context) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/workers");
    printer.prepare(answer);
    if (printer.print_plain(answer, {"worker", "packets", "busy_percent", "cycles_per_packet", "stages",
                                     "cpu_ns", "bursts", "flows_active", "generation"})) {
        return status_done;
    }
    std::vector<Column> columns{{"WORKER"}, {"PACKETS"}, {"BUSY"}, {"FLOWS", Give::drop, 2}, {"CYC/PKT"}};
    for (const std::string_view stage : api::stage_names) {
        std::string head(stage);
        for (char& c : head) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        // Of most links these two are the least work.
        const bool gives = stage == "copies" || stage == "fragment";
        columns.push_back({head, gives ? Give::drop : Give::nothing, 3});
    }
    columns.push_back({"GEN", Give::drop, 1});
    Table table(columns);
    for (const Json& row : rows_of(answer)) {
        std::vector<std::string> cells{plain_text(member(row, "worker")), grouped(count_at(row, "packets")),
                                       fixed(number_at(row, "busy_percent"), 0) + " %",
                                       scaled(number_at(row, "flows_active")),
                                       fixed(number_at(row, "cycles_per_packet"), 0)};
        for (const std::string_view stage : api::stage_names) {
            cells.push_back(fixed(number_at(member(row, "stages"), std::string(stage).c_str()), 0));
        }
        cells.push_back(plain_text(member(row, "generation")));
        table.add(std::move(cells));
    }
    printer.print(table);
    if (rows_of(answer).empty()) std::cout << "no workers\n";
    print_coverage(printer, answer, "counter show --interval 1s");
    return status_done;
}

}  // namespace

void add_port_commands(CLI::App& application, Context& context) {
    CLI::App* ports = application.add_subcommand("port", "what each port received, and where it went");
    ports->require_subcommand(1);
    ports->add_subcommand("show", "counters of the ports")->callback([&context] {
        context.action = [&context] { return show_ports(context); };
    });
    CLI::App* workers = application.add_subcommand("worker", "how busy each worker is, and with what");
    workers->require_subcommand(1);
    workers->add_subcommand("show", "busy share, cycles a packet by stage")->callback([&context] {
        context.action = [&context] { return show_workers(context); };
    });
}

}  // namespace picket::cli
