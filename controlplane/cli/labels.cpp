#include "controlplane/cli/labels.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "controlplane/store/address_text.h"
#include "controlplane/store/time_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr int status_usage = 2;
constexpr std::size_t mistakes_shown = 5;

// An address of a row, and what its labels begin with.
struct End {
    const char* key;
    const char* prefix;
};
constexpr std::array<End, 5> ends{{{"src_ip", "src"},
                                   {"dest_ip", "dest"},
                                   {"ip", "ip"},
                                   {"source", "source"},
                                   {"destination", "destination"}}};
constexpr std::array<const char*, 4> times{"time", "first", "last", "flagged"};

labels::NameTable read_names(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) {
        throw SetupError(path, "cannot be read, or is empty",
                         "name a file with NETWORK,NAME[,FROM[,UNTIL]] a line", status_usage);
    }
    std::vector<labels::Mistake> mistakes;
    auto names = labels::parse_names(text.view(), mistakes);
    for (std::size_t i = 0; i < mistakes.size() && i < mistakes_shown; ++i)
        std::cerr << path << ":" << mistakes[i].line << ": " << mistakes[i].why << '\n';
    if (mistakes.size() > mistakes_shown)
        std::cerr << path << ": " << mistakes.size() - mistakes_shown << " more lines are not understood\n";
    return labels::NameTable(std::move(names));
}

std::unique_ptr<labels::AddressDatabase> open_database(const std::string& path) {
    return path.empty() ? nullptr : std::make_unique<labels::AddressDatabase>(path);
}

std::uint64_t time_of(const Json& row) {
    for (const char* key : times) {
        const std::string text = text_at(row, key);
        if (text.empty()) continue;
        if (const auto time = store::parse_time(text, 0)) return *time;
    }
    return 0;
}

}  // namespace

Labels::Labels(const LabelFiles& files)
    : names_(files.names.empty() ? labels::NameTable() : read_names(files.names)),
      systems_(open_database(files.systems)),
      countries_(open_database(files.countries)) {}

void Labels::add_to(Json& answer) const {
    if (!answer.is_object()) return;
    const auto rows = answer.find("rows");
    if (rows == answer.end() || !rows->is_array()) return;
    for (Json& row : *rows) {
        if (row.is_object()) add_to_row(row);
    }
}

void Labels::add_to_row(Json& row) const {
    for (const End& end : ends) {
        // What is masked is no address any more.
        const auto address = store::parse_address(text_at(row, end.key));
        if (!address) continue;
        const std::string prefix = end.prefix;
        if (const auto* name = names_.find(*address, time_of(row))) row[prefix + "_name"] = *name;
        if (systems_) {
            if (const auto system = systems_->system_of(*address)) {
                row[prefix + "_asn"] = system->number;
                if (!system->organisation.empty()) row[prefix + "_as_org"] = system->organisation;
            }
        }
        if (countries_) {
            if (const auto country = countries_->country_of(*address)) row[prefix + "_country"] = *country;
        }
    }
}

std::string label_of(const Json& row, const std::string& prefix) {
    std::string text = text_at(row, (prefix + "_name").c_str());
    const auto add = [&](const std::string& more) {
        if (!more.empty()) text += (text.empty() ? "" : " ") + more;
    };
    const Json& number = member(row, (prefix + "_asn").c_str());
    if (!number.is_null()) add("AS" + plain_text(number) + " " + text_at(row, (prefix + "_as_org").c_str()));
    add(text_at(row, (prefix + "_country").c_str()));
    return text;
}

std::string named(const Json& row, const char* key) {
    const std::string label = label_of(row, key);
    return text_at(row, key) + (label.empty() ? "" : " " + label);
}

void add_label_fields(const Json& rows, std::vector<std::string>& fields) {
    for (const End& end : ends) {
        for (const char* kind : {"_name", "_asn", "_as_org", "_country"}) {
            const std::string field = std::string(end.prefix) + kind;
            if (std::find(fields.begin(), fields.end(), field) != fields.end()) continue;
            const bool there =
                std::any_of(rows.begin(), rows.end(), [&](const Json& row) { return row.contains(field); });
            if (there) fields.push_back(field);
        }
    }
}

LabelFiles label_files_of_the_machine() {
    const auto there = [](const char* path) {
        std::error_code unknown;
        return std::filesystem::exists(path, unknown) ? std::string(path) : std::string();
    };
    return {there("/etc/picket/labels.csv"), there("/etc/picket/asn.mmdb"),
            there("/etc/picket/country.mmdb")};
}

bool has_labels(const Json& rows, const std::string& prefix) {
    for (const Json& row : rows) {
        if (!label_of(row, prefix).empty()) return true;
    }
    return false;
}

}  // namespace picket::cli
