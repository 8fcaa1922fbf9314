#include "tests/reference/pattern_example.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <vector>

namespace picket::reference {
namespace {

class Example {
  public:
    Example(std::string_view pattern, Random& random) : pattern_(pattern), random_(random) {}

    // Alternatives up to a ')' or the pattern's end.
    std::string alternatives() {
        std::vector<std::string> found{sequence()};
        while (take('|')) {
            found.push_back(sequence());
        }
        return found[random_.below(found.size())];
    }

  private:
    [[nodiscard]] bool done() const { return at_ >= pattern_.size(); }
    [[nodiscard]] char peek() const { return done() ? '\0' : pattern_[at_]; }
    char next() { return done() ? '\0' : pattern_[at_++]; }
    bool take(char byte) {
        const bool there = !done() && peek() == byte;
        at_ += there ? 1 : 0;
        return there;
    }
    bool take(std::string_view text) {
        const bool there = pattern_.substr(std::min(at_, pattern_.size())).starts_with(text);
        at_ += there ? text.size() : 0;
        return there;
    }

    std::string sequence() {
        std::string text;
        while (!done() && peek() != '|' && peek() != ')') {
            const std::size_t begin = at_;
            const std::string one = atom();
            const std::size_t end = at_;
            const std::size_t times = count();
            const std::size_t after = at_;
            for (std::size_t i = 0; i < times; ++i) {
                at_ = begin;  // chooses anew each time
                text += i == 0 ? one : atom();
            }
            at_ = std::max(end, after);
        }
        return text;
    }

    std::string atom() {
        const char byte = next();
        switch (byte) {
            case '^':
            case '$':
                return "";
            case '.':
                return std::string(1, static_cast<char>('a' + random_.below(26)));
            case '(':
                return group();
            case '[':
                return std::string(1, from_class());
            case '\\':
                return escape();
            default:
                return std::string(1, byte);
        }
    }

    std::string group() {
        bool looks_away = false;
        if (take('?')) {
            looks_away = peek() == '!' || pattern_.substr(at_).starts_with("<!");
            while (!done() && peek() != ':' && peek() != '=' && peek() != '!' && peek() != '>' &&
                   peek() != ')') {
                ++at_;
            }
            if (peek() == ')') {  // (?i)
                ++at_;
                return "";
            }
            ++at_;
        }
        const std::string text = alternatives();
        take(')');
        return looks_away ? "" : text;
    }

    // Hexadecimal digits behind \x.
    char hex() {
        std::string digits;
        while (digits.size() < 2 && std::isxdigit(static_cast<unsigned char>(peek())) != 0) {
            digits += next();
        }
        return static_cast<char>(std::strtol(digits.c_str(), nullptr, 16));
    }

    std::string escape() {
        const char byte = next();
        switch (byte) {
            case 'd':
                return std::string(1, static_cast<char>('0' + random_.below(10)));
            case 'w':
                return std::string(1, static_cast<char>('a' + random_.below(26)));
            case 's':
                return " ";
            case 'S':
            case 'D':
            case 'W':
                return byte == 'W' ? "-" : "x";
            case 'x':
                return std::string(1, hex());
            case 'r':
                return "\r";
            case 'n':
                return "\n";
            case 't':
                return "\t";
            case 'b':
            case 'B':
            case 'A':
            case 'z':
            case 'Z':
                return "";
            default:
                return std::string(1, byte);
        }
    }

    // One byte of a class; of a negated one a letter or digit that it does not name.
    char from_class() {
        const bool negated = take('^');
        std::string bytes;
        for (bool first = true; !done() && (first || peek() != ']'); first = false) {
            if (take("[:")) {
                at_ = std::min(pattern_.find(":]", at_), pattern_.size() - 2) + 2;
                bytes += 'a';
                continue;
            }
            const std::string low = peek() == '\\' ? (++at_, escape()) : std::string(1, next());
            if (peek() == '-' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']' && !low.empty()) {
                ++at_;
                const std::string high = peek() == '\\' ? (++at_, escape()) : std::string(1, next());
                for (int byte = static_cast<unsigned char>(low[0]);
                     !high.empty() && byte <= static_cast<unsigned char>(high[0]); ++byte) {
                    bytes += static_cast<char>(byte);
                }
                continue;
            }
            bytes += low;
        }
        take(']');
        if (!negated) {
            return bytes.empty() ? 'x' : bytes[random_.below(bytes.size())];
        }
        for (const char byte : std::string_view("xq7Z_-. /")) {
            if (bytes.find(byte) == std::string::npos) {
                return byte;
            }
        }
        return 'x';
    }

    std::size_t count() {
        std::size_t times = 1;
        if (take('*')) {
            times = random_.below(3);
        } else if (take('+')) {
            times = 1 + random_.below(3);
        } else if (take('?')) {
            times = random_.below(2);
        } else if (peek() == '{' && std::isdigit(static_cast<unsigned char>(pattern_[at_ + 1])) != 0) {
            ++at_;
            times = number();
            take(',');
            number();
            take('}');
        } else {
            return 1;
        }
        if (!take('?')) {
            take('+');
        }
        return std::min<std::size_t>(times, 600);
    }

    std::size_t number() {
        std::size_t value = 0;
        while (std::isdigit(static_cast<unsigned char>(peek())) != 0) {
            value = value * 10 + static_cast<std::size_t>(next() - '0');
        }
        return value;
    }

    std::string_view pattern_;
    Random& random_;
    std::size_t at_ = 0;
};

}  // namespace

std::string pattern_example(std::string_view pattern, Random& random) {
    std::string text = Example(pattern, random).alternatives();
    text.resize(std::min<std::size_t>(text.size(), 2000));
    return text;
}

}  // namespace picket::reference
