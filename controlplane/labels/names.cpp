#include "controlplane/labels/names.h"

#include <algorithm>
#include <map>
#include <optional>

#include "controlplane/store/time_text.h"

namespace picket::labels {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// Takes one field off the line; nothing if its quotes do not close.
std::optional<std::string> take_field(std::string_view& line) {
    line = trimmed(line);
    std::string field;
    if (!line.starts_with('"')) {
        const auto end = std::min(line.find(','), line.size());
        field = trimmed(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
        return field;
    }
    line.remove_prefix(1);
    while (true) {
        const auto quote = line.find('"');
        if (quote == std::string_view::npos) return std::nullopt;
        field += line.substr(0, quote);
        line.remove_prefix(quote + 1);
        if (!line.starts_with('"')) break;
        field += '"';
        line.remove_prefix(1);
    }
    line = trimmed(line);
    if (!line.empty() && line.front() != ',') return std::nullopt;
    line.remove_prefix(std::min<std::size_t>(1, line.size()));
    return field;
}

// Empty, or why the text is no time. An empty text leaves it as it is.
std::string read_time(const std::string& text, std::uint64_t& time_ns) {
    if (text.empty()) return "";
    // Relative times and times of today would mean something else each day.
    const bool absolute = text.size() >= 10 && text[4] == '-';
    const auto time = absolute ? store::parse_time(text, 0) : std::nullopt;
    if (!time) return "'" + text + "' is not a time; write it as 2003-08-22 or 2003-08-22T19:00:00Z";
    time_ns = *time;
    return "";
}

// Empty, or what is wrong with the line.
std::string parse_line(std::string_view line, NameLine& parsed) {
    std::vector<std::string> fields;
    while (!line.empty()) {
        auto field = take_field(line);
        if (!field) return "a quote does not close, or something follows it";
        fields.push_back(std::move(*field));
    }
    if (fields.size() < 2 || fields.size() > 4) return "it is not NETWORK,NAME[,FROM[,UNTIL]]";
    const auto network = store::parse_network(fields[0]);
    if (!network) return "'" + fields[0] + "' is not an address or network";
    if (fields[1].empty()) return "the name is missing";
    parsed = {*network, fields[1]};
    if (fields.size() > 2) {
        if (auto why = read_time(fields[2], parsed.from_ns); !why.empty()) return why;
    }
    if (fields.size() > 3) {
        if (auto why = read_time(fields[3], parsed.until_ns); !why.empty()) return why;
    }
    return parsed.from_ns < parsed.until_ns ? "" : "it ends before it begins";
}

}  // namespace

std::vector<NameLine> parse_names(std::string_view text, std::vector<Mistake>& mistakes) {
    std::vector<NameLine> names;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#') continue;
        if (names.size() == names_max) {
            mistakes.push_back({number, "this and all further lines are beyond the first 1,000,000"});
            break;
        }
        NameLine parsed;
        if (auto why = parse_line(line, parsed); why.empty()) {
            names.push_back(std::move(parsed));
        } else {
            mistakes.push_back({number, std::move(why)});
        }
    }
    return names;
}

NameTable::NameTable(std::vector<NameLine> lines) {
    std::vector<store::Network> networks;
    networks.reserve(lines.size());
    for (const NameLine& line : lines) networks.push_back(line.network);
    networks_ = store::NetworkSet(networks);
    std::map<std::pair<api::Address, std::uint8_t>, std::size_t> places;
    for (std::size_t i = 0; i < networks_.entries().size(); ++i)
        places[{networks_.entries()[i].address, networks_.entries()[i].length}] = i;
    names_.resize(networks_.entries().size());
    for (NameLine& line : lines) {
        const auto place = places.at({line.network.address, line.network.length});
        names_[place].push_back(std::move(line));
    }
}

const std::string* NameTable::find(const api::Address& address, std::uint64_t time_ns) const {
    const NameLine* best = nullptr;
    networks_.for_each_match(address, [&](std::uint32_t index) {
        for (const NameLine& line : names_[index]) {
            if (time_ns < line.from_ns || time_ns >= line.until_ns) continue;
            if (best == nullptr || line.network.length >= best->network.length) best = &line;
        }
    });
    return best == nullptr ? nullptr : &best->name;
}

}  // namespace picket::labels
