#include <algorithm>

#include "tests/reference/message_maker.h"

namespace picket::reference {
namespace {

struct Range {
    std::size_t begin;
    std::size_t end;
};

// Of the request target, or of the first line if there is none.
Range target_of(const std::string& text) {
    const std::size_t line = std::min(text.find('\n'), text.size());
    const std::size_t begin = std::min(text.find(' ') + 1, line);
    const std::size_t end = text.rfind(" HTTP/", line);
    return {begin, end == std::string::npos || end < begin ? line : end};
}

std::size_t place_in(const Range& range, Random& random) {
    return range.begin + random.below(range.end - range.begin + 1);
}

const rules::BufferOption* any_content(const std::vector<rules::Rule>& rules, Random& random) {
    for (int tries = 0; tries < 16; ++tries) {
        const rules::Rule& rule = rules[random.below(rules.size())];
        if (rule.chains.empty()) {
            continue;
        }
        const rules::OptionChain& chain = rule.chains[random.below(rule.chains.size())];
        if (chain.options.empty()) {
            continue;
        }
        const rules::BufferOption& option = chain.options[random.below(chain.options.size())];
        if (option.kind == api::RuleOptionKind::content) {
            return &option;
        }
    }
    return nullptr;
}

std::string piece_of(const std::vector<rules::Rule>& rules, Random& random) {
    const rules::BufferOption* option = any_content(rules, random);
    if (option == nullptr) {
        return "%00";
    }
    const std::string& bytes = option->bytes;
    return random.one_in(4) ? bytes.substr(0, random.below(bytes.size()) + 1) : bytes;
}

void change_bytes(std::string& text, const Range& range, Random& random) {
    for (std::size_t i = random.below(4) + 1; i > 0 && range.end > range.begin; --i) {
        const std::size_t at = range.begin + random.below(range.end - range.begin);
        text[at] = random.one_in(2) ? static_cast<char>('!' + random.below(94))
                                    : static_cast<char>(random.below(256));
    }
}

void flip_case(std::string& text, const Range& range) {
    for (std::size_t at = range.begin; at < range.end; ++at) {
        const bool letter = (text[at] >= 'a' && text[at] <= 'z') || (text[at] >= 'A' && text[at] <= 'Z');
        text[at] = letter ? static_cast<char>(text[at] ^ 0x20) : text[at];
    }
}

void percent_encode(std::string& text, const Range& range, Random& random) {
    static const char digits[] = "0123456789abcdef";
    for (std::size_t i = random.below(6) + 1; i > 0 && range.end > range.begin; --i) {
        const std::size_t at = range.begin + random.below(range.end - range.begin);
        const auto byte = static_cast<unsigned char>(text[at]);
        text.replace(at, 1, {'%', digits[byte >> 4], digits[byte & 15]});
    }
}

// Lines end in "\r\n" before the empty one.
void insert_header(std::string& text, const std::vector<rules::Rule>& rules, Random& random) {
    static const char* const frames[] = {
        "X-Piece: @\r\n",   "Cookie: a=@\r\n",          "User-Agent: @\r\n",  "Accept :  @ \r\n",
        " folded @\r\n",    "X: 1\r\n\tReferer: @\r\n", "Content-Type:@\r\n", "no colon @\r\n",
        "Host: @:8080\r\n", "Accept-Language: @\n",     "Set-Cookie: @\r\n"};
    std::string header = frames[random.below(std::size(frames))];
    header.replace(header.find('@'), 1, piece_of(rules, random));
    std::vector<std::size_t> places;
    const std::size_t end = text.find("\r\n\r\n");
    for (std::size_t at = text.find("\r\n"); at != std::string::npos && at <= end;
         at = text.find("\r\n", at + 2)) {
        places.push_back(at + 2);
    }
    if (!places.empty()) {
        text.insert(places[random.below(places.size())], header);
    }
}

void mutate_once(std::string& text, const std::vector<rules::Rule>& rules, Random& random) {
    static const char* const segments[] = {"/./",    "//",    "/x/../", "\\",     "/%2e%2e/a/../",
                                           "%c0%af", "%252f", "?",      "%u002f", "/%2e/"};
    const Range whole{0, text.size()};
    const Range target = target_of(text);
    const Range range = random.one_in(3) ? whole : target;
    switch (random.below(9)) {
        case 0:
            change_bytes(text, range, random);
            break;
        case 1:
            flip_case(text, range);
            break;
        case 2:
            percent_encode(text, target, random);
            break;
        case 3:
            text.insert(place_in(target, random), segments[random.below(std::size(segments))]);
            break;
        case 4:
        case 5:
            text.insert(place_in(range, random), piece_of(rules, random));
            break;
        case 6:
            insert_header(text, rules, random);
            break;
        case 7:
            text += piece_of(rules, random) + "&b=%3ca+b%253E" + piece_of(rules, random);
            break;
        default:
            text.erase(place_in(range, random), random.below(12));
            break;
    }
}

}  // namespace

void mutate(RawMessage& message, const std::vector<rules::Rule>& rules, Random& random) {
    for (std::size_t i = random.below(4); i > 0; --i) {
        mutate_once(message.text, rules, random);
    }
    if (random.one_in(16)) {
        std::swap(message.ends.source, message.ends.destination);
    }
    if (random.one_in(16)) {
        message.tcp_flags = static_cast<std::uint8_t>(random.below(256));
    }
}

}  // namespace picket::reference
