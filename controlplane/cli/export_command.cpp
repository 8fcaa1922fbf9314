#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/flow_filters.h"
#include "controlplane/cli/number_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> flow_fields{
    "id",        "first",   "last",          "src_ip",        "src_port",       "dest_ip",
    "dest_port", "proto",   "pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient",
    "state",     "history", "outcome",       "rules",         "lost",           "packets_kept"};
const std::vector<std::string> timeline_fields{"time", "flows", "packets", "bytes"};

struct CaseOptions {
    FlowFilters filters;
    std::string host;
    std::string directory;
};

// Everything that is asked of picketd for one case.
struct Case {
    Json flows, timeline, probes, alerts, rules, kept;
    std::string packets;  // pcapng
};

// Some tens of rows.
std::string interval_for(const Json& flows) {
    const auto first = parse_rfc3339_us(text_at(member(flows, "sum"), "first"));
    const auto last = parse_rfc3339_us(text_at(member(flows, "sum"), "last"));
    constexpr std::int64_t hour_us = 3'600'000'000;
    if (!first || !last || *last - *first <= hour_us) return "1m";
    return *last - *first <= 24 * hour_us ? "10m" : *last - *first <= 7 * 24 * hour_us ? "1h" : "1d";
}

// A row says how many of its flow's packets are in the case.
void note_kept(Json& flows, const Json& kept) {
    std::map<std::uint64_t, std::uint64_t> packets;
    for (const Json& row : rows_of(kept)) packets[count_at(row, "flow_id")] = count_at(row, "packets");
    for (Json& row : flows["rows"]) {
        const auto found = packets.find(count_at(row, "id"));
        row["packets_kept"] = found == packets.end() ? 0 : found->second;
    }
}

Case gather(ControlClient& client, const Parameters& parameters) {
    const auto with = [&](const char* name, const std::string& value) {
        Parameters more = parameters;
        more.emplace_back(name, value);
        return more;
    };
    Case found;
    found.flows = client.get("/v1/flows", with("shape", "rows"));
    Parameters timeline = with("shape", "timeline");
    timeline.emplace_back("interval", interval_for(found.flows));
    found.timeline = client.get("/v1/flows", timeline);
    found.probes = client.get("/v1/probes", with("answers", "1"));
    found.alerts = client.get("/v1/alerts", parameters);
    found.rules = client.get("/v1/rules/hit", parameters);
    found.kept = client.get("/v1/packets", parameters);
    found.packets = client.get_body("/v1/packets", with("format", "pcapng")).bytes;
    note_kept(found.flows, found.kept);
    return found;
}

class CaseDirectory {
  public:
    explicit CaseDirectory(fs::path path) : path_(std::move(path)) {
        std::error_code failure;
        if (fs::exists(path_, failure)) {
            throw SetupError(path_.string(), "exists already", "name another directory with -o",
                             status_usage);
        }
        fs::create_directories(path_, failure);
        if (failure) {
            throw SetupError(path_.string(), "cannot be made: " + failure.message(),
                             "name another one with -o", status_reach);
        }
    }
    void write(const char* name, std::string_view text) const {
        std::ofstream file(path_ / name, std::ios::binary);
        file.write(text.data(), static_cast<std::streamsize>(text.size()));
        file.close();
        if (!file) {
            throw SetupError((path_ / name).string(), "cannot be written", "is the disk full?", status_reach);
        }
    }
    void write_json(const char* name, const Json& answer) const {
        write(name, answer.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
    }
    void write_csv(const char* name, const Json& rows, const std::vector<std::string>& fields) const {
        std::string text = csv_line(fields) + "\n";
        for (const Json& row : rows) {
            std::vector<std::string> cells;
            for (const std::string& field : fields) cells.push_back(plain_text(member(row, field.c_str())));
            text += csv_line(cells) + "\n";
        }
        write(name, text);
    }

  private:
    fs::path path_;
};

std::string rule_file(const Json& rules) {
    std::string text;
    for (const Json& row : rows_of(rules)) {
        const std::string rule = text_at(row, "text");
        text += "# " + grouped(count_at(row, "hits")) + " hits\n";
        text += rule.empty() ? "# sid " + plain_text(member(row, "sid")) + " " + text_at(row, "msg") +
                                   ": its text is not kept\n"
                             : rule + "\n";
    }
    return text;
}

std::string counted(std::uint64_t count, const char* noun) {
    return grouped(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string summary(const Case& found, const CaseOptions& options) {
    const Json& sum = member(found.flows, "sum");
    const Json& probes = member(found.probes, "sum");
    const std::uint64_t flows = count_at(sum, "flows");
    const std::uint64_t with_packets = rows_of(found.kept).size();
    const auto line = [](const std::string& file, const std::string& what) {
        return file + std::string(file.size() < 18 ? 18 - file.size() : 1, ' ') + what + "\n";
    };
    std::string text = options.host + ": " + counted(flows, "flow") + ", " +
                       counted(count_at(sum, "packets"), "packet") + ", " +
                       counted(count_at(sum, "bytes"), "byte");
    if (flows > 0) text += "\n" + text_at(sum, "first") + " to " + text_at(sum, "last");
    text += "\n\n";
    text += line("flows.json .csv", "a row a flow; packets_kept: its packets that are here");
    text += line("timeline.csv", "flows, packets and bytes in " + interval_for(found.flows) + " steps");
    text +=
        line("probes.json", grouped(count_at(probes, "seen")) + " seen, " +
                                grouped(count_at(probes, "inferred")) + " inferred, each with its outcome");
    text += line("alerts.json", counted(rows_of(found.alerts).size(), "alert"));
    text += line("rules.rules", counted(rows_of(found.rules).size(), "rule") + " of hits, as they were then");
    text += line("packets.pcapng", counted(count_at(member(found.kept, "sum"), "packets"), "packet") +
                                       " of " + counted(with_packets, "flow"));
    text += "\n" + counted(flows - std::min(flows, with_packets), "flow") +
            " with rows only: packets are kept of flows with a hit, from the one\n"
            "that hit on, as many as capture.alert_packets says.\n";
    for (const Json& note : member(found.kept, "notes")) text += note.get<std::string>() + "\n";
    return text + coverage_text(found.flows) + "\n";
}

std::string directory_of(const CaseOptions& options) {
    if (!options.directory.empty()) return options.directory;
    std::string name = "case-" + options.host;
    for (char& c : name) {
        if (c == '/' || c == ':') c = '_';
    }
    return name;
}

int export_case(const Context& context, CaseOptions options) {
    const Printer printer(context);
    options.filters.hosts = {options.host};
    ControlClient client(context.socket);
    const Case found = gather(client, filter_parameters(options.filters, printer, client));
    const std::string path = directory_of(options);
    const CaseDirectory directory(path);
    directory.write_json("flows.json", found.flows);
    directory.write_csv("flows.csv", rows_of(found.flows), flow_fields);
    directory.write_csv("timeline.csv", rows_of(found.timeline), timeline_fields);
    directory.write_json("probes.json", found.probes);
    directory.write_json("alerts.json", found.alerts);
    directory.write("rules.rules", rule_file(found.rules));
    directory.write("packets.pcapng", found.packets);
    const std::string text = summary(found, options);
    directory.write("README.txt", text);
    if (context.json) {
        const Json answer{{"directory", path}, {"sum", member(found.kept, "sum")}};
        std::cout << answer.dump() << '\n';
    } else if (!context.quiet) {
        std::cout << text << "written to " << path << '\n';
    }
    return status_done;
}

}  // namespace

void add_export_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("export", "what is known, in files for others");
    group->require_subcommand(1);
    auto options = std::make_shared<CaseOptions>();
    CLI::App* command =
        group->add_subcommand("case", "one host: rows, rule texts, timeline and packets, in a directory");
    command->add_option("HOST", options->host, "address or network, either end of a flow")
        ->type_name("IP|CIDR")
        ->required();
    command->add_option("--since", options->filters.since, "flows from then on")->type_name("TIME");
    command->add_option("--until", options->filters.until, "flows up to then")->type_name("TIME");
    command->add_option("-o,--output", options->directory, "a new directory (default: case-HOST)")
        ->type_name("DIR");
    command->callback([&context, options] {
        context.action = [&context, options] { return export_case(context, *options); };
    });
}

}  // namespace picket::cli
