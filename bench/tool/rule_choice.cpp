#include "bench/tool/rule_choice.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bench/random.h"
#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_files.h"
#include "controlplane/rules/rule_parser.h"
#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

std::string word(Random& random, std::size_t length) {
    std::string text(length, ' ');
    for (char& letter : text) letter = static_cast<char>('a' + random.below(26));
    return text;
}

// Rules as operators have them: a path, a common content, now and then a pattern.
std::string built_in_rules(std::uint64_t count) {
    Random random(11);
    std::string text;
    for (std::uint64_t sid = 1; sid <= count; ++sid) {
        text += "alert http any any -> any any (flow:to_server; http.uri; content:\"/" + word(random, 8) +
                "\"; nocase; content:\".php\"; distance:0; " +
                (sid % 2 == 0 ? "pcre:\"/[?&]id=[0-9]{1,8}$/i\"; " : "") + "sid:" + std::to_string(sid) +
                ";)\n";
    }
    return text;
}

}  // namespace

RuleChoice choose_rules(const Options& options) {
    if (options.rule_files.empty() && options.rule_count == 0) return {};
    for (const std::string& file : options.rule_files) {
        if (access(file.c_str(), R_OK) != 0) {
            throw SetupError("--rules " + file, std::string("cannot be read: ") + std::strerror(errno),
                             "give a number of built-in rules, or a rule file", 2);
        }
    }
    const rules::RuleSettings settings;
    const rules::ParsedRules parsed =
        options.rule_files.empty()
            ? rules::parse_rules(built_in_rules(options.rule_count), "built-in", settings)
            : rules::load_rule_files(options.rule_files, settings);
    const rules::CompiledRules compiled = rules::compile_rules(parsed.rules, settings);
    if (compiled.rules.empty()) {
        throw SetupError(
            "--rules " + (options.rule_files.empty() ? std::string() : options.rule_files.front()),
            "no rule could be loaded", "ask picket rule check why", 2);
    }
    RuleChoice choice;
    std::string error;
    choice.rules = match::RuleSet::load(compiled.blob, 1, error);
    if (choice.rules == nullptr) throw SetupError("--rules", error, "");
    choice.loaded = compiled.rules.size();
    choice.rejected = parsed.rejects.size();
    return choice;
}

}  // namespace picket::bench
