#include "controlplane/archive/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/store/address_text.h"

namespace picket::archive {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "picket-archive";

std::string with_ending(const std::string& name, const char* ending) {
    return name.substr(0, name.rfind('.')) + ending;
}

Json file_json(const FileEntry& file) {
    Json json{{"name", file.name},      {"table", table_names[static_cast<std::size_t>(file.table)]},
              {"level", file.level},    {"rows", file.rows},
              {"bytes", file.bytes},    {"first_ns", file.first_ns},
              {"last_ns", file.last_ns}};
    if (!file.index.empty()) json["index"] = file.index;
    if (file.sources) {
        json["sources"] = {{"first", store::format_address(file.sources->first)},
                           {"last", store::format_address(file.sources->last)}};
    }
    if (!file.merge_index.empty()) json["merge_index"] = file.merge_index;
    if (file.amounts) json["amounts"] = true;
    if (file.sources_apart) json["sources_apart"] = true;
    return json;
}

api::Address parse_address(const Json& json) {
    const auto text = json.get<std::string>();
    const auto address = store::parse_address(text);
    if (!address) throw std::invalid_argument("'" + text + "' is no address");
    return *address;
}

// A name that leads out of the directory is no name of ours.
std::string own_name(const Json& json) {
    auto name = json.get<std::string>();
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos)
        throw std::invalid_argument("'" + name + "' is no name of a file of an archive");
    return name;
}

FileEntry parse_file(const Json& json) {
    FileEntry file;
    file.name = own_name(json.at("name"));
    const auto table = json.at("table").get<std::string>();
    const auto found = std::find(table_names.begin(), table_names.end(), table);
    if (found == table_names.end()) throw std::invalid_argument("there is no table '" + table + "'");
    file.table = static_cast<Table>(found - table_names.begin());
    json.at("level").get_to(file.level);
    json.at("rows").get_to(file.rows);
    json.at("bytes").get_to(file.bytes);
    json.at("first_ns").get_to(file.first_ns);
    json.at("last_ns").get_to(file.last_ns);
    if (json.contains("index")) file.index = own_name(json.at("index"));
    if (json.contains("sources")) {
        const Json& sources = json.at("sources");
        file.sources = {parse_address(sources.at("first")), parse_address(sources.at("last"))};
    }
    if (json.contains("merge_index")) file.merge_index = own_name(json.at("merge_index"));
    file.amounts = json.value("amounts", false);
    file.sources_apart = json.value("sources_apart", false);
    return file;
}

void parse(const Json& json, Manifest& manifest) {
    json.at("sensor").get_to(manifest.sensor);
    json.at("replay").get_to(manifest.replay);
    json.at("latest_ns").get_to(manifest.latest_ns);
    json.at("horizon_ns").get_to(manifest.horizon_ns);
    json.at("next_file").get_to(manifest.next_file);
    for (const auto& file : json.at("files")) manifest.files.push_back(parse_file(file));
    for (const auto& session : json.at("sessions")) {
        manifest.sessions.push_back(
            {session.at("begin_ns").get<std::uint64_t>(), session.at("end_ns").get<std::uint64_t>(),
             session.at("run").get<std::uint64_t>(), session.at("closed").get<bool>()});
    }
    for (const auto& set : json.at("rule_sets")) {
        manifest.rule_sets.push_back({set.at("generation").get<std::uint32_t>(),
                                      set.at("number").get<std::uint32_t>(), own_name(set.at("file"))});
    }
    for (const auto& list : json.at("watch_lists"))
        manifest.watch_lists.push_back(
            {list.at("name").get<std::string>(), own_name(list.at("file")), list.value("by_hand", false)});
}

}  // namespace

std::string index_name(const std::string& file) {
    return with_ending(file, ".index");
}

std::string sources_name(const std::string& index) {
    return with_ending(index, ".sources");
}

std::vector<std::string> index_files(const FileEntry& file) {
    if (file.index.empty()) return {};
    if (!file.amounts || !file.sources_apart) return {file.index};
    return {file.index, sources_name(file.index)};
}

std::string manifest_text(const Manifest& manifest) {
    Json json{{"format", format_name},           {"schema", manifest.schema},
              {"sensor", manifest.sensor},       {"replay", manifest.replay},
              {"latest_ns", manifest.latest_ns}, {"horizon_ns", manifest.horizon_ns},
              {"next_file", manifest.next_file}};
    json["sessions"] = Json::array();
    for (const auto& session : manifest.sessions) {
        json["sessions"].push_back({{"begin_ns", session.begin_ns},
                                    {"end_ns", session.end_ns},
                                    {"run", session.run},
                                    {"closed", session.closed}});
    }
    json["rule_sets"] = Json::array();
    for (const auto& set : manifest.rule_sets) {
        json["rule_sets"].push_back(
            {{"generation", set.generation}, {"number", set.number}, {"file", set.file}});
    }
    json["watch_lists"] = Json::array();
    for (const auto& list : manifest.watch_lists)
        json["watch_lists"].push_back({{"name", list.name}, {"file", list.file}, {"by_hand", list.by_hand}});
    json["files"] = Json::array();
    for (const auto& file : manifest.files) json["files"].push_back(file_json(file));
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string parse_manifest(std::string_view text, Manifest& manifest) {
    try {
        const Json json = Json::parse(text);
        if (json.value("format", "") != format_name) return "it is no manifest of an archive of Picket";
        json.at("schema").get_to(manifest.schema);
        if (manifest.schema > schema_version) {
            return "its schema is " + std::to_string(manifest.schema) + ", and this picketd knows up to " +
                   std::to_string(schema_version);
        }
        parse(json, manifest);
        return {};
    } catch (const std::exception& error) {  // of the JSON library, or ours above
        return error.what();
    }
}

}  // namespace picket::archive
