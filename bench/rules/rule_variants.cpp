#include "bench/rules/rule_variants.h"

#include <cctype>
#include <string_view>
#include <vector>

#include "controlplane/rules/rule_text.h"

namespace picket::bench {
namespace {

char shifted(char letter, std::size_t by) {
    const char base = letter >= 'a' ? 'a' : 'A';
    return static_cast<char>(base + (static_cast<std::size_t>(letter - base) + by) % 26);
}

// Letters of every quoted content, but for those in |hex| and behind a backslash.
void shift_contents(std::string& rule, std::size_t by) {
    constexpr std::string_view key = "content:";
    for (std::size_t at = rule.find(key); at != std::string::npos; at = rule.find(key, at)) {
        at = rule.find('"', at + key.size());
        if (at == std::string::npos) return;
        bool hex = false;
        for (++at; at < rule.size() && rule[at] != '"'; ++at) {
            if (rule[at] == '|') hex = !hex;
            if (rule[at] == '\\') {
                ++at;
            } else if (!hex && std::isalpha(static_cast<unsigned char>(rule[at])) != 0) {
                rule[at] = shifted(rule[at], by);
            }
        }
    }
}

bool set_sid(std::string& rule, std::size_t sid) {
    const std::size_t at = rule.find("sid:");
    const std::size_t end = at == std::string::npos ? at : rule.find(';', at);
    if (end == std::string::npos) return false;
    rule.replace(at, end - at, "sid:" + std::to_string(sid));
    return true;
}

}  // namespace

std::string make_variants(const std::string& text, std::size_t rules_min) {
    constexpr std::size_t first_sid = 100'000'000;
    const std::vector<rules::Statement> originals = rules::split_statements(text);
    std::string all;
    std::size_t count = 0;
    for (const rules::Statement& original : originals) {
        all += original.text + '\n';
        ++count;
    }
    for (std::size_t by = 1; count < rules_min; ++by) {
        const std::size_t before = count;
        for (std::size_t i = 0; i < originals.size() && count < rules_min; ++i) {
            std::string variant = originals[i].text;
            shift_contents(variant, by % 26);
            if (!set_sid(variant, first_sid + count)) continue;
            all += variant + '\n';
            ++count;
        }
        if (count == before) break;
    }
    return all;
}

}  // namespace picket::bench
