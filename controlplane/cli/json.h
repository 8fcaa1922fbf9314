// The JSON type of the command line, and readers that do not mind a missing or differently typed field:
// what a newer or older picketd says is shown as far as it is understood.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace picket::cli {

using Json = nlohmann::ordered_json;

// The member, or null.
[[nodiscard]] inline const Json& member(const Json& object, const char* key) {
    static const Json null;
    if (!object.is_object()) return null;
    const auto found = object.find(key);
    return found == object.end() ? null : *found;
}

[[nodiscard]] inline std::string text_at(const Json& object, const char* key) {
    const Json& value = member(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

[[nodiscard]] inline std::uint64_t count_at(const Json& object, const char* key) {
    const Json& value = member(object, key);
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    if (value.is_number_integer())
        return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.get<std::int64_t>()));
    if (value.is_number_float()) return static_cast<std::uint64_t>(std::max(0.0, value.get<double>()));
    return 0;
}

[[nodiscard]] inline double number_at(const Json& object, const char* key) {
    const Json& value = member(object, key);
    return value.is_number() ? value.get<double>() : 0.0;
}

[[nodiscard]] inline bool flag_at(const Json& object, const char* key) {
    const Json& value = member(object, key);
    return value.is_boolean() ? value.get<bool>() : value.is_number() && value.get<double>() != 0.0;
}

// "rows" of an answer, an empty array if there is none.
[[nodiscard]] inline const Json& rows_of(const Json& answer) {
    static const Json none = Json::array();
    const Json& rows = member(answer, "rows");
    return rows.is_array() ? rows : none;
}

// Any value in one line: strings as they are, arrays with spaces between, null empty.
[[nodiscard]] std::string plain_text(const Json& value);

}  // namespace picket::cli
