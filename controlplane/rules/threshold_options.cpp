#include "controlplane/rules/threshold_options.h"

#include <algorithm>
#include <limits>

#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

// What has been read of one option.
struct Fields {
    std::optional<ThresholdType> type;
    std::optional<ThresholdTrack> track;
    std::optional<std::uint32_t> count;
    std::optional<std::uint32_t> seconds;
};

std::optional<ThresholdType> type_of(std::string_view word) {
    if (word == "limit") {
        return ThresholdType::limit;
    }
    if (word == "threshold") {
        return ThresholdType::threshold;
    }
    return word == "both" ? std::optional(ThresholdType::both) : std::nullopt;
}

std::optional<ThresholdTrack> track_of(std::string_view word) {
    if (word == "by_src") {
        return ThresholdTrack::source;
    }
    if (word == "by_dst") {
        return ThresholdTrack::destination;
    }
    if (word == "by_both") {
        return ThresholdTrack::both;
    }
    return word == "by_rule" ? std::optional(ThresholdTrack::rule) : std::nullopt;
}

std::optional<std::uint32_t> number_of(std::string_view word) {
    std::int64_t number = 0;
    const bool sound =
        parse_integer(word, number) && number >= 1 && number <= std::numeric_limits<std::uint32_t>::max();
    return sound ? std::optional(static_cast<std::uint32_t>(number)) : std::nullopt;
}

template <class T>
std::string take(std::string_view name, std::string_view word, std::optional<T> value,
                 std::optional<T>& field) {
    if (field) {
        return "gives " + std::string(name) + " twice";
    }
    field = value;
    return value ? "" : "has " + std::string(name) + " '" + std::string(word) + "', which is not supported";
}

std::string parse_field(std::string_view item, Fields& fields) {
    const std::size_t blank = std::min(item.find_first_of(" \t"), item.size());
    const std::string name = lower_case(item.substr(0, blank));
    const std::string word = lower_case(trim(item.substr(blank)));
    if (name == "type") {
        return take(name, word, type_of(word), fields.type);
    }
    if (name == "track") {
        return take(name, word, track_of(word), fields.track);
    }
    if (name == "count") {
        return take(name, word, number_of(word), fields.count);
    }
    if (name == "seconds") {
        return take(name, word, number_of(word), fields.seconds);
    }
    return "has '" + std::string(item) + "', which is not supported";
}

}  // namespace

std::string parse_threshold(std::string_view name, std::string_view value, std::optional<Threshold>& out) {
    if (out) {
        return "is the second threshold of its rule";
    }
    Fields fields;
    while (!value.empty()) {
        const std::size_t end = std::min(value.find(','), value.size());
        if (std::string fault = parse_field(trim(value.substr(0, end)), fields); !fault.empty()) {
            return fault;
        }
        value.remove_prefix(std::min(end + 1, value.size()));
    }
    const bool filter = name == "detection_filter";
    if (filter == fields.type.has_value() || !fields.track || !fields.count || !fields.seconds) {
        return filter ? "needs track, count and seconds" : "needs type, track, count and seconds";
    }
    const ThresholdType type = filter ? ThresholdType::detection_filter : *fields.type;
    out = Threshold{type, *fields.track, *fields.count, *fields.seconds};
    return "";
}

}  // namespace picket::rules
