// The rule engine against the reference, over rules that were published and requests that were made, or may
// be.
//
//   reference_test [--small] [--seed N]
//
// Every file by itself, in the dialects suricata and snort3. --small: every so many-th rule and request.
// Fails on any difference, and if rules hit so seldom that nothing was shown.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/rules/rule_files.h"
#include "tests/reference/comparison.h"
#include "tests/reference/corpus.h"

namespace picket::reference {
namespace {

struct Settings {
    bool small = false;
    std::uint64_t seed = 1;

    [[nodiscard]] std::size_t rule_step() const { return small ? 23 : 1; }
    [[nodiscard]] std::size_t request_step() const { return small ? 61 : 1; }
};

constexpr std::size_t mutants_a_rule = 6;

struct Report {
    std::size_t files = 0;
    std::size_t rules = 0;
    std::size_t rules_hit = 0;
    Tally corpus;
    Tally mutants;
};

std::vector<rules::Rule> rules_of(const std::string& path, api::Dialect dialect, std::size_t step) {
    rules::RuleSettings settings;
    settings.dialect = dialect;
    std::vector<rules::Rule> all = rules::load_rule_files({path}, settings).rules;
    std::vector<rules::Rule> some;
    for (std::size_t i = 0; i < all.size(); i += step) {
        some.push_back(std::move(all[i]));
    }
    return some;
}

std::vector<RawMessage> mutants_of(const std::vector<rules::Rule>& rules, api::Dialect dialect,
                                   Random& random) {
    std::vector<RawMessage> messages;
    for (const rules::Rule& rule : rules) {
        for (std::size_t i = 0; i < mutants_a_rule; ++i) {
            messages.push_back(message_for(rule, dialect, random));
            mutate(messages.back(), rules, random);
        }
    }
    return messages;
}

// Messages of a dialect are made once: the reference keeps what it has made of them.
void run_dialect(api::Dialect dialect, const Settings& settings, Report& report) {
    const std::string folder = corpus_folder();
    const Traffic corpus(corpus_requests(folder, settings.request_step()), dialect);
    for (const std::string& path : rule_paths(folder)) {
        const std::vector<rules::Rule> rules = rules_of(path, dialect, settings.rule_step());
        if (rules.empty()) {
            continue;
        }
        // Each file has its own seed, so that it can be looked at by itself.
        Random random(settings.seed * 1'000'003 + report.files);
        Comparison comparison(rules, dialect);
        comparison.run(corpus, report.corpus);
        comparison.run(Traffic(mutants_of(rules, dialect, random), dialect), report.mutants);
        ++report.files;
        report.rules += rules.size();
        report.rules_hit += comparison.rules_hit().size();
    }
}

void print(const char* name, const Tally& tally) {
    std::printf(
        "  %s: %zu messages, %zu pairs, %zu hits (%.1f per 1000 messages), given up by the engine %zu, "
        "by the reference %zu, differences %zu\n",
        name, tally.messages, tally.pairs, tally.hits,
        1000.0 * static_cast<double>(tally.hits) / static_cast<double>(tally.messages), tally.engine_gave_up,
        tally.reference_gave_up, tally.differences);
}

bool run(api::Dialect dialect, const char* name, const Settings& settings) {
    const auto begin = std::chrono::steady_clock::now();
    Report report;
    run_dialect(dialect, settings, report);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    const double share = 100.0 * static_cast<double>(report.rules_hit) / static_cast<double>(report.rules);
    std::printf("%s: %zu files, %zu rules, of which %.1f %% hit; %.0f s\n", name, report.files, report.rules,
                share, taken.count());
    print("corpus", report.corpus);
    print("mutants", report.mutants);
    std::fflush(stdout);
    const bool shows_something = share >= 50 && report.mutants.hits * 10 >= report.mutants.messages;
    if (!shows_something) {
        std::fprintf(stderr, "%s: rules hit too seldom for this to show anything\n", name);
    }
    return shows_something && report.corpus.differences + report.mutants.differences == 0;
}

Settings parse_arguments(int count, char** arguments) {
    Settings settings;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--small") {
            settings.small = true;
        } else if (argument == "--seed" && i + 1 < count) {
            settings.seed = std::strtoull(arguments[++i], nullptr, 10);
        } else {
            throw std::runtime_error("usage: reference_test [--small] [--seed N]");
        }
    }
    return settings;
}

}  // namespace
}  // namespace picket::reference

int main(int count, char** arguments) {
    using namespace picket;
    try {
        const reference::Settings settings = reference::parse_arguments(count, arguments);
        std::printf("seed %llu (--seed N for another)\n", static_cast<unsigned long long>(settings.seed));
        const bool suricata = reference::run(api::Dialect::suricata, "suricata", settings);
        const bool snort3 = reference::run(api::Dialect::snort3, "snort3", settings);
        return suricata && snort3 ? 0 : 1;
    } catch (const std::exception& fault) {
        std::fprintf(stderr, "reference_test: %s\n", fault.what());
        return 2;
    }
}
