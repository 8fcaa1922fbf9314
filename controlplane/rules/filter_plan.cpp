#include "controlplane/rules/filter_plan.h"

#include <hs/hs.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "controlplane/rules/filter_pattern.h"
#include "controlplane/rules/pcre_check.h"
#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

using api::FilterGroup;
using api::RuleBuffer;

// What an element costs a request, in nanoseconds, roughly, as measured with 1,400 elements on URIs of 32
// bytes and 180 on heads of 340.
constexpr double cost_found = 30;       // of what has the element: the guard looks at the URI
constexpr double cost_judging = 100;    // of what the guard lets through
constexpr double cost_confirming = 10;  // of what has the literal's last bytes, which the engine hashes
constexpr double cost_pcre = 4;         // of one pattern more, whatever passes
constexpr double cost_pcre_walk = 60;   // of a text with the pattern's literal, or of any if it has none
constexpr double cost_pcre_head = 30;
constexpr double cost_head = 2;  // heads are ten times as long as URIs, and need not be scanned at all
constexpr double bodies_share =
    0.1;  // of requests that have a body: elements over bodies cost the others nothing
constexpr double cost_always = 40;        // of looking at every URI, most of them by the guard alone
constexpr double cost_always_shaped = 5;  // where its length or method rules nearly all out
constexpr std::size_t tail_bytes = 8;

struct Scored {
    FilterChoice choice;
    double cost = std::numeric_limits<double>::infinity();
};

void keep_cheaper(Scored& best, Scored other) {
    if (other.cost < best.cost) {
        best = std::move(other);
    }
}

// Group and text of a buffer; nullopt for the method, which every request passes, for headers one by one,
// whose white space is not that of any scanned text, and for their names, which are nowhere on the wire so.
std::optional<FilterChoice> place_of(const Rule& rule, RuleBuffer buffer) {
    FilterChoice place;
    place.text = buffer;
    if (buffer == RuleBuffer::method || buffer == RuleBuffer::header_line ||
        buffer == RuleBuffer::header_names) {
        return std::nullopt;
    }
    if (rule.phases == api::rule_at_response) {
        place.group = FilterGroup::response;
        return place;
    }
    switch (buffer) {
        case RuleBuffer::payload:
            place.group = FilterGroup::payload;
            return place;
        case RuleBuffer::uri:
        case RuleBuffer::raw_uri:
            return place;
        case RuleBuffer::body:
        case RuleBuffer::raw_body:
            place.group = FilterGroup::body;
            return place;
        case RuleBuffer::field:  // a part of the header block
            place.text = RuleBuffer::raw_header;
            break;
        case RuleBuffer::raw_host:
            place.text = RuleBuffer::host;
            break;
        case RuleBuffer::line:
        case RuleBuffer::start:
        case RuleBuffer::protocol:
            place.text = RuleBuffer::request;
            break;
        default:
            break;
    }
    place.group = FilterGroup::head;
    return place;
}

// Where lines or values may meet in the buffer that are apart in the scanned text: where Cookie is left out
// of the headers, and between the cookies of a response. Empty: nowhere.
std::string_view joint_of(const Rule& rule, RuleBuffer buffer) {
    if (buffer == RuleBuffer::header) {
        return "\n";
    }
    const bool joined = buffer == RuleBuffer::cookie && (rule.phases & api::rule_at_response) != 0;
    return joined ? ", " : "";
}

// The parts of a content that are in the scanned text wherever the content is in its buffer.
std::vector<std::string_view> scannable_parts(std::string_view bytes, std::string_view joint) {
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    if (!joint.empty()) {
        // A line has its end, a value has no joint.
        const std::size_t kept = joint == "\n" ? 1 : 0;
        for (std::size_t at = bytes.find(joint);
             at != std::string_view::npos && at + joint.size() < bytes.size();
             at = bytes.find(joint, at + joint.size())) {
            parts.push_back(bytes.substr(begin, at + kept - begin));
            begin = at + joint.size();
        }
    }
    parts.push_back(bytes.substr(begin));
    return parts;
}

double share(double bits) {
    return std::exp2(-bits);
}

// PERF: the engine finds literals by a hash of their last bytes. Ending one where these are rare, instead of
// at ".php" or ")\r\n", lets it skip nearly every place. All beginnings of a part are tried.
void try_part(Scored& best, const FilterChoice& place, std::string_view part, bool nocase,
              const RequestStatistics& statistics, double guard_bits) {
    const auto text =
        place.group == FilterGroup::uri ? RequestStatistics::Text::uri : RequestStatistics::Text::head;
    for (std::size_t length = 1; length <= part.size(); ++length) {
        const std::string_view literal = part.substr(0, length);
        const std::string_view tail = literal.substr(length - std::min(length, tail_bytes));
        const double bits = statistics.bits(text, literal);
        const double seen = place.group == FilterGroup::body ? bodies_share : 1;
        const double cost =
            seen * (cost_found * share(bits) + cost_judging * share(std::max(bits, guard_bits)) +
                    cost_confirming * share(statistics.bits(text, tail))) +
            (place.group == FilterGroup::head ? cost_head : 0);
        // Longer ones of equal cost: nothing is lost, and unknown traffic passes less.
        if (cost <= best.cost) {
            best.cost = cost;
            best.choice = place;
            best.choice.pattern = literal_pattern(literal);
            best.choice.literal = literal;
            best.choice.flags = nocase ? HS_FLAG_CASELESS : 0;
            best.choice.bits = bits;
        }
    }
}

// What the rule's guard lets through: URIs that hold all of its contents, taken as independent.
double guard_bits(const Rule& rule, const RequestStatistics& statistics) {
    double bits = 0;
    for (const OptionChain& chain : rule.chains) {
        if (chain.buffer != RuleBuffer::uri && chain.buffer != RuleBuffer::raw_uri) {
            continue;
        }
        for (const BufferOption& option : chain.options) {
            if (option.kind == api::RuleOptionKind::content && (option.flags & api::option_negated) == 0) {
                bits += statistics.bits(RequestStatistics::Text::uri, option.bytes);
            }
        }
    }
    return bits;
}

Scored best_content(const Rule& rule, const RequestStatistics& statistics) {
    Scored best;
    const double guarded = guard_bits(rule, statistics);
    for (const OptionChain& chain : rule.chains) {
        const auto place = place_of(rule, chain.buffer);
        for (const BufferOption& option : chain.options) {
            if (!place || option.kind != api::RuleOptionKind::content ||
                (option.flags & api::option_negated) != 0) {
                continue;
            }
            // The host is compared in lower case, but scanned as it is on the wire.
            const bool nocase = (option.flags & api::option_nocase) != 0 || chain.buffer == RuleBuffer::host;
            for (const std::string_view part : scannable_parts(option.bytes, joint_of(rule, chain.buffer))) {
                try_part(best, *place, part, nocase, statistics, guarded);
            }
        }
    }
    return best;
}

Anchors anchors_of(RuleBuffer buffer) {
    switch (buffer) {
        case RuleBuffer::payload:
        case RuleBuffer::uri:
        case RuleBuffer::raw_uri:
        case RuleBuffer::body:
        case RuleBuffer::raw_body:
            return Anchors::both;
        case RuleBuffer::request:
        case RuleBuffer::line:
        case RuleBuffer::start:
        case RuleBuffer::raw_header:
        case RuleBuffer::header:
            return Anchors::begin;
        default:
            return Anchors::none;
    }
}

Scored scored_pcre(const BufferOption& option, RuleBuffer buffer, FilterChoice choice,
                   const RequestStatistics& statistics, EngineTrials& trials) {
    const auto relaxed = relax_pattern(option.bytes, option.pcre_options, anchors_of(buffer));
    if (!relaxed || relaxed->find('\0') != std::string::npos ||
        (buffer == RuleBuffer::header && !stays_within_line(option.bytes, option.pcre_options))) {
        return {};
    }
    choice.pattern = *relaxed;
    choice.flags = HS_FLAG_PREFILTER | HS_FLAG_MULTILINE;
    const bool caseless = (option.pcre_options & PCRE2_CASELESS) != 0 || buffer == RuleBuffer::host;
    choice.flags |= caseless ? HS_FLAG_CASELESS : 0;
    choice.flags |= (option.pcre_options & PCRE2_DOTALL) != 0 ? HS_FLAG_DOTALL : 0;
    if (!trials.accepts(choice.pattern, choice.flags)) {
        return {};
    }
    const bool is_head = choice.group == FilterGroup::head;
    const double seen = choice.group == FilterGroup::body ? bodies_share : 1;
    const double literal_bits =
        statistics.bits(is_head ? RequestStatistics::Text::head : RequestStatistics::Text::uri,
                        longest_literal(choice.pattern));
    const double cost =
        seen * ((is_head ? cost_pcre_head : cost_pcre) + cost_pcre_walk * share(literal_bits));
    return {std::move(choice), cost};
}

void try_pcres(Scored& best, const Rule& rule, const RequestStatistics& statistics, EngineTrials& trials) {
    for (const OptionChain& chain : rule.chains) {
        const auto place = place_of(rule, chain.buffer);
        const bool is_joined = joint_of(rule, chain.buffer) == ", ";
        for (const BufferOption& option : chain.options) {
            const bool usable = place && !is_joined && option.kind == api::RuleOptionKind::pcre &&
                                (option.flags & (api::option_negated | api::option_relative)) == 0;
            const double least =
                place && place->group == FilterGroup::body ? bodies_share * cost_pcre : cost_pcre;
            if (usable && best.cost > least) {
                keep_cheaper(best, scored_pcre(option, chain.buffer, *place, statistics, trials));
            }
        }
    }
}

// A URI length or a method that few requests have.
bool has_rare_shape(const Rule& rule) {
    constexpr std::int32_t long_uri = 80;
    constexpr std::int32_t narrow = 8;
    for (const OptionChain& chain : rule.chains) {
        const bool is_uri = chain.buffer == RuleBuffer::uri || chain.buffer == RuleBuffer::raw_uri;
        for (const BufferOption& option : chain.options) {
            if ((option.flags & api::option_negated) != 0) {
                continue;
            }
            if (is_uri && option.kind == api::RuleOptionKind::length &&
                (option.from >= long_uri || (option.to - option.from <= narrow && option.from > narrow))) {
                return true;
            }
            if (chain.buffer == RuleBuffer::method && option.kind == api::RuleOptionKind::content) {
                const std::string method = lower_case(option.bytes);
                return std::string_view("get").find(method) == std::string_view::npos &&
                       std::string_view("post").find(method) == std::string_view::npos;
            }
        }
    }
    return false;
}

}  // namespace

std::optional<FilterChoice> choose_filter(const Rule& rule, EngineTrials& trials,
                                          const RequestStatistics& statistics) {
    Scored best = best_content(rule, statistics);
    try_pcres(best, rule, statistics, trials);
    if (best.cost >= (has_rare_shape(rule) ? cost_always_shaped : cost_always)) {
        return std::nullopt;
    }
    return std::move(best.choice);
}

api::FilterGroup default_group(const Rule& rule) {
    if (rule.kind == api::RuleKind::payload) {
        return FilterGroup::payload;
    }
    return rule.phases == api::rule_at_body       ? FilterGroup::body
           : rule.phases == api::rule_at_response ? FilterGroup::response
                                                  : FilterGroup::uri;
}

}  // namespace picket::rules
