// The tables of what leaves Picket: archive, export, metrics; and the values of rule variables.
#include <cctype>

#include "controlplane/config/quantities.h"
#include "controlplane/config/sections.h"

namespace picket::config {
namespace {

void warn_not_built(Section& section, const std::string& name, const std::string& what, Findings& findings) {
    findings.warn(section.place(), "[" + name + "] is valid, but this build has no " + what + " yet",
                  "nothing is written there");
}

void read_ipfix(Section& section, Findings& findings, Config& config) {
    config.export_ipfix.emplace();
    if (const auto written = section.text("collector")) {
        std::string text = written->text;
        const std::size_t slash = text.rfind('/');
        const std::string transport = slash == std::string::npos ? "udp" : text.substr(slash + 1);
        const auto address = parse_host_port(text.substr(0, slash), config.export_ipfix->port);
        if (!address || (transport != "udp" && transport != "tcp")) {
            section.error(written->location,
                          "export.ipfix.collector = \"" + written->text + "\" is not a collector",
                          "write HOST:PORT/udp or HOST:PORT/tcp");
        } else {
            config.export_ipfix = {address->host, address->port, transport == "tcp"};
        }
    } else if (!section.has("collector")) {
        section.error(section.place(), "[export.ipfix] names no collector",
                      "add collector = \"HOST:4739/udp\"");
    }
    warn_not_built(section, "export.ipfix", "IPFIX export", findings);
}

void read_kafka(Section& section, Findings& findings, Config& config) {
    config.export_kafka.emplace();
    if (const auto written = section.text("brokers")) {
        std::size_t begin = 0;
        while (begin <= written->text.size()) {
            const std::size_t comma = std::min(written->text.find(',', begin), written->text.size());
            if (!parse_host_port(written->text.substr(begin, comma - begin), 9092)) {
                section.error(written->location,
                              "export.kafka.brokers = \"" + written->text + "\" is not a list of brokers",
                              "write HOST:PORT, several with commas between");
                break;
            }
            begin = comma + 1;
        }
        config.export_kafka->brokers = written->text;
    } else if (!section.has("brokers")) {
        section.error(section.place(), "[export.kafka] names no brokers", "add brokers = \"HOST:9092\"");
    }
    if (const auto topic = section.text("topic")) {
        const bool good = !topic->text.empty() && topic->text.size() <= 249 &&
                          topic->text.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789._-") == std::string::npos;
        if (!good) {
            section.error(topic->location, "export.kafka.topic = \"" + topic->text + "\" is not a topic",
                          "use 1 to 249 letters, digits, '.', '_' or '-'");
        }
        config.export_kafka->topic = topic->text;
    }
    warn_not_built(section, "export.kafka", "Kafka export", findings);
}

void read_clickhouse(Section& section, Findings& findings, Config& config) {
    config.export_clickhouse.emplace();
    if (const auto url = section.text("url")) {
        const bool http = url->text.starts_with("http://") || url->text.starts_with("https://");
        if (!http || url->text.find_first_of(" \t") != std::string::npos ||
            url->text.size() <= std::string_view("http://").size()) {
            section.error(url->location, "export.clickhouse.url = \"" + url->text + "\" is not a URL",
                          "write http://HOST:8123 or https://HOST:8443");
        }
        config.export_clickhouse->url = url->text;
    } else if (!section.has("url")) {
        section.error(section.place(), "[export.clickhouse] names no url", "add url = \"http://HOST:8123\"");
    }
    if (const auto table = section.text("table")) {
        if (table->text.empty() ||
            table->text.find_first_not_of(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") != std::string::npos) {
            section.error(table->location, "export.clickhouse.table = \"" + table->text + "\" is not a table",
                          "write TABLE or DATABASE.TABLE");
        }
        config.export_clickhouse->table = table->text;
    }
    warn_not_built(section, "export.clickhouse", "ClickHouse export", findings);
}

void read_eve(Section& section, const std::string& directory, Config& config) {
    if (const auto file = section.text("file")) {
        if (file->text.empty() || file->text == "-") {
            section.error(file->location, "export.eve.file names no file", "name a file to append events to");
        } else {
            config.export_eve_file = absolute_path(file->text, directory);
        }
    }
}

// One item of a variable: any, $NAME, an address or network, a port or a range of ports.
bool is_variable_item(std::string_view item) {
    if (item.starts_with('!')) item.remove_prefix(1);
    if (item == "any") return true;
    if (item.starts_with('$')) return item.size() > 1;
    if (parse_network(item)) return true;
    const std::size_t colon = item.find(':');
    const auto is_port = [](std::string_view text, bool may_be_empty) {
        if (text.empty()) return may_be_empty;
        unsigned value = 0;
        for (const char c : text) {
            if (std::isdigit(static_cast<unsigned char>(c)) == 0 || text.size() > 5) return false;
            value = value * 10 + static_cast<unsigned>(c - '0');
        }
        return value <= 65535;
    };
    if (colon == std::string_view::npos) return is_port(item, false);
    return item.size() > 1 && is_port(item.substr(0, colon), true) && is_port(item.substr(colon + 1), true);
}

}  // namespace

std::string variable_mistake(const std::string& value) {
    int depth = 0;
    std::string item;
    const auto take = [&]() -> bool {
        const std::size_t begin = item.find_first_not_of(' ');
        const std::size_t end = item.find_last_not_of(' ');
        const std::string trimmed = begin == std::string::npos ? "" : item.substr(begin, end - begin + 1);
        const bool good = is_variable_item(trimmed);
        if (!good) item = trimmed;
        return good;
    };
    bool after_list = false;
    for (const char c : value) {
        if (c == '[') {
            if (item.find_first_not_of(" !") != std::string::npos || after_list)
                return "'[' in the wrong place";
            item.clear();
            ++depth;
        } else if (c == ']' || c == ',') {
            if (depth == 0) return c == ']' ? "']' without its '['" : "a list without its brackets";
            if (!after_list && !take()) return "\"" + item + "\" is no address, network or port";
            item.clear();
            after_list = c == ']';
            if (c == ']') --depth;
        } else if (after_list && c != ' ') {
            return "text after ']'";
        } else {
            item += c;
        }
    }
    if (depth != 0) return "'[' without its ']'";
    if (!after_list && !take()) return "\"" + item + "\" is no address, network or port";
    return "";
}

void read_archive(Section& section, const std::string& directory, [[maybe_unused]] Findings& findings,
                  Config& config) {
    Archive archive;
    constexpr std::uint64_t minute_ms = 60'000;
    constexpr std::uint64_t century_ms = std::uint64_t{36'500} * 86'400'000;
    if (const auto value = section.text("directory")) {
        if (value->text.empty()) {
            section.error(value->location, "archive.directory is empty", "name a directory");
        }
        archive.directory = absolute_path(value->text, directory);
    }
    if (const auto value = section.duration_ms("retain", minute_ms, century_ms)) archive.retain_ms = *value;
    if (const auto value = section.text("max_size")) {
        const auto size = parse_size_bytes(value->text);
        if (!size || *size == 0) {
            section.error(value->location, "archive.max_size = \"" + value->text + "\" is not a size",
                          "write a whole number with MiB, GiB or TiB, as \"200GiB\"");
        } else {
            archive.size_bytes_max = *size;
        }
    }
    config.archive = archive;
#ifndef PICKET_ARCHIVE
    warn_not_built(section, "archive", "archive", findings);
#endif
}

void read_export(Section& section, const std::string& file, const std::string& directory, Findings& findings,
                 Config& config) {
    const auto each = [&](const char* name, auto&& read) {
        if (const toml::table* table = section.table(name)) {
            Section sink(*table, std::string("export.") + name, file, findings);
            read(sink);
            sink.finish();
        }
    };
    each("ipfix", [&](Section& sink) { read_ipfix(sink, findings, config); });
    each("eve", [&](Section& sink) { read_eve(sink, directory, config); });
    each("kafka", [&](Section& sink) { read_kafka(sink, findings, config); });
    each("clickhouse", [&](Section& sink) { read_clickhouse(sink, findings, config); });
}

void read_metrics(Section& section, Config& config) {
    const auto written = section.text("listen");
    if (!written) return;
    if (!parse_host_port(written->text, 0)) {
        section.error(written->location, "metrics.listen = \"" + written->text + "\" is not an address",
                      "write ADDRESS:PORT, as \"127.0.0.1:9469\"");
        return;
    }
    config.metrics_listen = written->text;
}

}  // namespace picket::config
