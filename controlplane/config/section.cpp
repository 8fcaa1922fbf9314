#include "controlplane/config/section.h"

#include <algorithm>

#include "controlplane/config/quantities.h"

namespace picket::config {
namespace {

const char* type_name(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "an array";
        case toml::node_type::string:
            return "a string";
        case toml::node_type::integer:
            return "an integer";
        case toml::node_type::floating_point:
            return "a number with a point";
        case toml::node_type::boolean:
            return "true or false";
        default:
            return "a date or time";
    }
}

std::string list_of(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::string duration_text(std::uint64_t milliseconds) {
    if (milliseconds % 86'400'000 == 0) return std::to_string(milliseconds / 86'400'000) + "d";
    if (milliseconds % 1000 == 0) return std::to_string(milliseconds / 1000) + "s";
    return std::to_string(milliseconds) + "ms";
}

}  // namespace

Section::Section(const toml::table& table, std::string name, const std::string& file, Findings& findings)
    : table_(table), name_(std::move(name)), file_(file), findings_(findings) {}

Location Section::place_of(const toml::source_region& region) const {
    return {file_, region.begin.line, region.begin.column};
}

Location Section::place() const {
    return place_of(table_.source());
}

Location Section::place(const char* key) const {
    const toml::node* node = table_.get(key);
    return node != nullptr ? place_of(node->source()) : place();
}

std::string Section::path(const std::string& key) const {
    return name_.empty() ? key : name_ + "." + key;
}

void Section::error(const Location& location, const std::string& what, const std::string& remedy) {
    findings_.error(location, what, remedy);
}

const toml::node* Section::find(const char* key) {
    known_.emplace_back(key);
    return table_.get(key);
}

void Section::wrong_type(const toml::node& node, const std::string& key, const char* wanted) {
    findings_.error(place_of(node.source()), path(key) + " is " + type_name(node),
                    std::string("write ") + wanted);
}

std::optional<LocatedText> Section::text(const char* key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    if (const auto* value = node->as_string()) return LocatedText{value->get(), place_of(node->source())};
    wrong_type(*node, key, "a string in quotes");
    return std::nullopt;
}

std::optional<bool> Section::boolean(const char* key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    if (const auto* value = node->as_boolean()) return value->get();
    wrong_type(*node, key, "true or false, without quotes");
    return std::nullopt;
}

std::optional<std::uint64_t> Section::integer(const char* key, std::uint64_t minimum, std::uint64_t maximum) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    const std::string range = std::to_string(minimum) + " to " + std::to_string(maximum);
    if (const auto* value = node->as_integer()) {
        const std::int64_t number = value->get();
        if (number >= 0 && static_cast<std::uint64_t>(number) >= minimum &&
            static_cast<std::uint64_t>(number) <= maximum) {
            return static_cast<std::uint64_t>(number);
        }
        findings_.error(place_of(node->source()),
                        path(key) + " = " + std::to_string(number) + " is out of range",
                        "write an integer of " + range);
        return std::nullopt;
    }
    wrong_type(*node, key, ("an integer of " + range + ", without quotes").c_str());
    return std::nullopt;
}

std::optional<double> Section::share(const char* key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value<double>();
    if (!value || node->is_boolean()) {
        wrong_type(*node, key, "a number above 0 and at most 1, as 0.9");
        return std::nullopt;
    }
    if (*value > 0.0 && *value <= 1.0) return value;
    findings_.error(place_of(node->source()), path(key) + " is out of range",
                    "write a number above 0 and at most 1, as 0.9");
    return std::nullopt;
}

std::optional<std::uint64_t> Section::duration_ms(const char* key, std::uint64_t minimum,
                                                  std::uint64_t maximum) {
    const auto written = text(key);
    if (!written) return std::nullopt;
    const auto value = parse_duration_ms(written->text);
    const std::string range = duration_text(minimum) + " to " + duration_text(maximum);
    if (value && *value >= minimum && *value <= maximum) return value;
    findings_.error(
        written->location,
        path(key) + " = \"" + written->text + "\" is " + (value ? "out of range" : "not a duration"),
        "write a whole number with ms, s, m, h or d, from " + range);
    return std::nullopt;
}

std::optional<std::size_t> Section::one_of(const char* key, const std::vector<std::string>& words) {
    const auto written = text(key);
    if (!written) return std::nullopt;
    const auto found = std::find(words.begin(), words.end(), written->text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    findings_.error(written->location, path(key) + " cannot be \"" + written->text + "\"",
                    "choose one of " + list_of(words));
    return std::nullopt;
}

std::optional<std::vector<LocatedText>> Section::texts(const char* key) {
    const toml::node* node = find(key);
    if (node == nullptr) return std::nullopt;
    const toml::array* array = node->as_array();
    if (array == nullptr) {
        wrong_type(*node, key, "an array of strings, as [\"a\", \"b\"]");
        return std::nullopt;
    }
    std::vector<LocatedText> result;
    for (const toml::node& element : *array) {
        if (const auto* value = element.as_string()) {
            result.push_back({value->get(), place_of(element.source())});
        } else {
            wrong_type(element, key, "strings in quotes between the brackets");
        }
    }
    return result;
}

const toml::table* Section::table(const char* key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (const auto* table = node->as_table()) return table;
    wrong_type(*node, key, ("a table: [" + path(key) + "]").c_str());
    return nullptr;
}

std::vector<const toml::table*> Section::tables(const char* key) {
    std::vector<const toml::table*> result;
    const toml::node* node = find(key);
    if (node == nullptr) return result;
    const toml::array* array = node->as_array();
    const std::string wanted = "an array of tables: [[" + path(key) + "]], with two brackets";
    if (array == nullptr) {
        wrong_type(*node, key, wanted.c_str());
        return result;
    }
    for (const toml::node& element : *array) {
        if (const auto* table = element.as_table()) {
            result.push_back(table);
        } else {
            wrong_type(element, key, wanted.c_str());
        }
    }
    return result;
}

std::vector<std::pair<LocatedText, LocatedText>> Section::all_texts() {
    std::vector<std::pair<LocatedText, LocatedText>> result;
    for (const auto& [key, node] : table_) {
        const std::string name(key.str());
        known_.push_back(name);
        if (const auto* value = node.as_string()) {
            result.push_back({{name, place_of(key.source())}, {value->get(), place_of(node.source())}});
        } else {
            wrong_type(node, name, "a string in quotes");
        }
    }
    return result;
}

void Section::finish() {
    for (const auto& [key, node] : table_) {
        const std::string name(key.str());
        if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
        const std::string near = nearest(name, known_);
        const std::string where = name_.empty() ? "" : " in [" + name_ + "]";
        findings_.error(place_of(key.source()),
                        std::string("unknown ") +
                            (node.is_table() || node.is_array_of_tables() ? "table" : "key") + " \"" + name +
                            "\"" + where,
                        near.empty() ? "known are " + list_of(known_) : "did you mean \"" + near + "\"?");
    }
}

}  // namespace picket::config
