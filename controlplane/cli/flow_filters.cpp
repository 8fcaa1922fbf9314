#include "controlplane/cli/flow_filters.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

std::string read_text_file(const std::string& option, const std::string& file) {
    std::error_code failure;
    std::ifstream stream(file, std::ios::binary);
    if (!stream || std::filesystem::is_directory(file, failure)) {
        throw SetupError(option + " " + file, "cannot be read", "name a readable file", status_usage);
    }
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::string not_negative(const std::string& text) {
    return text.starts_with('-') ? "'" + text + "' is below 0" : std::string();
}

// A time without a zone means the reader's clock; picketd takes it for UTC.
std::string resolved_time(const std::string& text, const Printer& printer, ControlClient& client) {
    if (printer.times().utc() || text.empty()) return text;
    if (const auto dated = printer.times().local(text)) return printer.times().rfc3339(*dated);
    const Json status = client.get("/v1/status");
    const auto now = parse_rfc3339_us(text_at(status, "now"));
    if (!now) return text;
    const auto moment = printer.times().latest(text, *now);
    return moment ? printer.times().rfc3339(*moment) : text;
}

// Quoted for a shell where it needs it.
std::string quoted(const std::string& text) {
    if (!text.empty() &&
        text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "@%_+=:,./-") == std::string::npos) {
        return text;
    }
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

}  // namespace

void add_filter_options(CLI::App& command, FlowFilters& filters, Context& context) {
    const auto text = [&](const char* names, std::string& target, const char* help, const char* type) {
        command.add_option(names, target, help)->type_name(type);
    };
    text("--since", filters.since, "from this time on: RFC 3339, 15:09:54 or -2h", "TIME");
    text("--until", filters.until, "before this time", "TIME");
    command.add_option("--host", filters.hosts, "either end (repeatable)")
        ->allow_extra_args(false)
        ->type_name("IP|CIDR");
    text("--ips", filters.ips_file, "either end: an address or network a line", "FILE");
    text("--src", filters.source, "source", "IP|CIDR|@LIST");
    text("--dst", filters.destination, "destination", "IP|CIDR|@LIST");
    const auto number = [&](const char* names, std::optional<unsigned>& target, const char* help) {
        command.add_option(names, target, help)->check(CLI::Range(0u, 65535u))->type_name("N");
    };
    number("--port", filters.port, "either port");
    number("--sport", filters.source_port, "source port");
    number("--dport", filters.destination_port, "destination port");
    text("--proto", filters.protocol, "tcp, udp, icmp, … or a number", "NAME");
    number("--vlan", filters.vlan, "VLAN id");
    text("--watch", filters.watch, "an end on this watch list", "NAME");
    text("--rule", filters.rule, "with a hit of this rule", "SID");
    text("--uri", filters.uri, "with a request URI that matches", "REGEX");
    text("--status", filters.status, "with this response status", "CODE");
    text("--outcome", filters.outcome,
         "no-reply, refused, reset, unreachable, connected, answered, pending or unknown", "NAME");
    command.add_flag("--unanswered", filters.unanswered, "nothing came back");
    // An unsigned number is read with its sign: "-1" would be the largest of all.
    const auto size = [&](const char* name, std::optional<std::uint64_t>& target, const char* help) {
        command.add_option(name, target, help)->check(not_negative)->type_name("N");
    };
    size("--min-packets", filters.packets_min, "at least so many packets");
    size("--min-bytes", filters.bytes_min, "at least so many IP bytes");
    size("--limit", filters.limit, "at most so many rows (default: 1000 in tables)");
    text("--sort", filters.sort, "first, last, packets, bytes or duration; -KEY reverses", "KEY");
    command.add_option("--format", context.format, "table, json, csv, netflow or eve")
        ->check(CLI::IsMember({"table", "json", "csv", "netflow", "eve"}))
        ->type_name("FORMAT");
    command.add_option("--mask", context.masks, "print XXX for addresses of this network (repeatable)")
        ->allow_extra_args(false)
        ->type_name("NET");
}

Parameters filter_parameters(const FlowFilters& filters, const Printer& printer, ControlClient& client) {
    Parameters parameters;
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) parameters.emplace_back(name, value);
    };
    const auto add_number = [&](const char* name, const auto& value) {
        if (value) parameters.emplace_back(name, std::to_string(*value));
    };
    add("since", resolved_time(filters.since, printer, client));
    add("until", resolved_time(filters.until, printer, client));
    for (const std::string& host : filters.hosts) add("host", host);
    add("src", filters.source);
    add("dst", filters.destination);
    add_number("port", filters.port);
    add_number("sport", filters.source_port);
    add_number("dport", filters.destination_port);
    add("proto", filters.protocol);
    add_number("vlan", filters.vlan);
    add("watch", filters.watch);
    add("rule", filters.rule);
    add("uri", filters.uri);
    add("status", filters.status);
    add("outcome", filters.outcome);
    if (filters.unanswered) add("unanswered", "1");
    add_number("min_packets", filters.packets_min);
    add_number("min_bytes", filters.bytes_min);
    add_number("limit", filters.limit);
    add("sort", filters.sort);
    return parameters;
}

void bound_table(Parameters& parameters, const FlowFilters& filters, const Printer& printer) {
    if (printer.table() && !filters.limit) parameters.emplace_back("limit", std::to_string(table_rows_max));
}

Parameters asked_instead(const Parameters& asked, const Parameters& now) {
    Parameters all;
    for (const auto& [name, value] : asked) {
        bool replaced = false;
        for (const auto& [other, ignored] : now) replaced = replaced || other == name;
        if (!replaced) all.emplace_back(name, value);
    }
    all.insert(all.end(), now.begin(), now.end());
    return all;
}

Json ask(ControlClient& client, const std::string& path, const Parameters& parameters,
         const FlowFilters& filters) {
    if (filters.ips_file.empty()) return client.get(path, parameters);
    return client.post_ips(path, parameters, read_text_file("--ips", filters.ips_file));
}

Json tell(ControlClient& client, const std::string& path, const Parameters& parameters,
          const FlowFilters& filters) {
    if (filters.ips_file.empty()) return client.post(path, parameters);
    return client.post_ips(path, parameters, read_text_file("--ips", filters.ips_file));
}

std::string retyped(const Context& context) {
    std::string line;
    for (const std::string& mask : context.masks) line += " --mask " + quoted(mask);
    if (context.zone != "UTC") line += " --tz " + quoted(context.zone);
    return line;
}

std::string retyped(const FlowFilters& filters, const Context& context) {
    std::string line;
    const auto add = [&](const char* option, const std::string& value) {
        if (!value.empty()) line += std::string(" ") + option + " " + quoted(value);
    };
    const auto add_number = [&](const char* option, const auto& value) {
        if (value) line += std::string(" ") + option + " " + std::to_string(*value);
    };
    add("--since", filters.since);
    add("--until", filters.until);
    for (const std::string& host : filters.hosts) add("--host", host);
    add("--ips", filters.ips_file);
    add("--src", filters.source);
    add("--dst", filters.destination);
    add_number("--port", filters.port);
    add_number("--sport", filters.source_port);
    add_number("--dport", filters.destination_port);
    add("--proto", filters.protocol);
    add_number("--vlan", filters.vlan);
    add("--watch", filters.watch);
    add("--rule", filters.rule);
    add("--uri", filters.uri);
    add("--status", filters.status);
    add("--outcome", filters.outcome);
    if (filters.unanswered) line += " --unanswered";
    add_number("--min-packets", filters.packets_min);
    add_number("--min-bytes", filters.bytes_min);
    return line + retyped(context);
}

void print_interval(const Printer& printer, const FlowFilters& filters, const Json& answer) {
    if (filters.since.empty() && filters.until.empty()) return;
    const Json& interval = member(answer, "interval");
    const auto text = [&](const char* key, const char* none) {
        const auto us = parse_rfc3339_us(text_at(interval, key));
        return us ? printer.times().date(*us) + " " + printer.times().seconds(*us) +
                        printer.times().suffix(*us)
                  : std::string(none);
    };
    std::cout << "interval " << text("since", "the beginning") << " → " << text("until", "now") << '\n';
}

}  // namespace picket::cli
