#include "controlplane/config/load.h"

#include <glob.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "controlplane/config/sections.h"
#include "controlplane/config/shown_text.h"
#include "controlplane/store/address_text.h"

namespace picket::config {
namespace {

void read_top(const toml::table& root, const std::string& file, const LoadSettings& settings,
              LoadResult& result) {
    Config& config = result.config;
    Findings& findings = result.findings;
    const std::string directory = std::filesystem::absolute(file).parent_path().string();
    Section top(root, "", file, findings);
    if (const auto sensor = top.text("sensor")) {
        config.sensor = sensor->text;
        if (sensor->text.empty() || sensor->text.size() > 63) {
            findings.error(sensor->location, "sensor has to have 1 to 63 characters", "shorten the name");
        }
    }
    const auto each = [&](const char* name, auto&& read) {
        if (const toml::table* table = top.table(name)) {
            Section section(*table, name, file, findings);
            read(section);
            section.finish();
        }
    };
    each("dataplane", [&](Section& section) { read_dataplane(section, config); });
    for (const toml::table* table : top.tables("port")) {
        Section section(*table, "port", file, findings);
        read_port(section, directory, config);
        section.finish();
    }
    each("flow", [&](Section& section) { read_flow(section, config); });
    each("rules", [&](Section& section) { read_rules(section, file, directory, findings, config); });
    each("watch", [&](Section& section) { read_watch(section, directory, config); });
    each("networks", [&](Section& section) { read_networks(section, findings, config); });
    each("capture", [&](Section& section) { read_capture(section, config); });
    each("privacy", [&](Section& section) { read_privacy(section, findings, config); });
    each("archive", [&](Section& section) { read_archive(section, directory, findings, config); });
    each("export", [&](Section& section) { read_export(section, file, directory, findings, config); });
    each("metrics", [&](Section& section) { read_metrics(section, config); });
    top.finish();
    if (settings.ports_required && root.get("port") == nullptr) {
        findings.error({file, 0, 0}, "no [[port]]: there is nothing to listen on",
                       "add [[port]] with device = \"af_xdp:eth1\", a PCI address, or pcap:FILE");
    }
}

bool check_readable(const std::string& path, const Location& location, const std::string& what,
                    Findings& findings) {
    std::error_code failure;
    const auto status = std::filesystem::status(path, failure);
    if (status.type() == std::filesystem::file_type::not_found) {
        findings.error(location, what + " " + path + " does not exist", "create it or correct the path");
    } else if (std::filesystem::is_directory(status)) {
        findings.error(location, what + " " + path + " is a directory", "name a file");
    } else if (access(path.c_str(), R_OK) != 0) {
        findings.error(location, what + " " + path + " cannot be read: " + std::strerror(errno),
                       "give this user the right to read it");
    } else {
        return true;
    }
    return false;
}

// picketd loads the lines that name addresses, and refuses a list in which none does.
void check_watch_list(const WatchList& list, Findings& findings) {
    std::ifstream stream(list.path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    std::vector<store::NetworkLine> rejects;
    const bool none = store::parse_network_lines(text.str(), rejects).empty();
    const std::string remedy = "write one address or network a line, # begins a comment";
    if (none && rejects.empty()) {
        findings.error(list.location, "watch list " + list.path + " names no address", remedy);
    }
    for (const store::NetworkLine& reject : rejects) {
        const std::string what = "watch list " + list.path + " line " + std::to_string(reject.line) + ": '" +
                                 shown_line(reject.text) + "' is not an address or network";
        if (none) {
            findings.error(list.location, what, remedy);
            return;
        }
        findings.warn(list.location, what, remedy);
    }
}

}  // namespace

Config default_config() {
    Config config;
    std::array<char, 64> name{};
    if (gethostname(name.data(), name.size() - 1) == 0) config.sensor = name.data();
    if (config.sensor.empty()) config.sensor = "picket";
    return config;
}

LoadResult parse_config(const std::string& text, const std::string& file, const LoadSettings& settings) {
    LoadResult result;
    result.config = default_config();
    result.config.file = file;
    try {
        const toml::table root = toml::parse(text, file);
        read_top(root, file, settings, result);
    } catch (const toml::parse_error& mistake) {
        const auto place = mistake.source().begin;
        result.findings.error({file, place.line, place.column}, std::string(mistake.description()),
                              "the rest of the file was not judged");
    }
    return result;
}

LoadResult load_config(const std::string& file, const LoadSettings& settings) {
    const auto refuse = [&](const std::string& why, const std::string& remedy) {
        LoadResult result;
        result.config = default_config();
        result.config.file = file;
        result.findings.error({file, 0, 0}, why, remedy);
        return result;
    };
    std::error_code failure;
    if (std::filesystem::is_directory(file, failure)) return refuse("is a directory", "name a file");
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        const int cause = errno;
        return refuse(std::string("cannot be read: ") + std::strerror(cause),
                      cause == ENOENT ? "write it, or name another with -c FILE"
                                      : "give this user the right to read it");
    }
    std::ostringstream text;
    text << stream.rdbuf();
    if (!stream.good() && !stream.eof()) return refuse("cannot be read to its end", "is the disk well?");
    return parse_config(text.str(), file, settings);
}

void check_files(const Config& config, Findings& findings) {
    for (const FilePattern& pattern : config.rules.files.value_or(std::vector<FilePattern>{})) {
        if (pattern.path.find_first_of("*?[") == std::string::npos) {
            check_readable(pattern.path, pattern.location, "rule file", findings);
            continue;
        }
        glob_t matches{};
        if (glob(pattern.path.c_str(), 0, nullptr, &matches) != 0) {
            findings.warn(pattern.location, "no file matches " + pattern.path,
                          "no rules are loaded from there");
        }
        globfree(&matches);
    }
    for (const WatchList& list : config.watch) {
        if (check_readable(list.path, list.location, "watch list", findings))
            check_watch_list(list, findings);
    }
    for (const Port& port : config.ports) {
        if (port.device.kind == DeviceKind::pcap) {
            check_readable(port.device.target, port.location, "capture", findings);
        }
    }
}

}  // namespace picket::config
