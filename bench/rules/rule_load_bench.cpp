// How long many rules take from their text to a worker's matcher, by phases: without a cache, with an empty
// one, and with a filled one.
//
// usage: bench_rule_load [RULES_MIN]: the rule files at hand (rule_texts.h), with variants of their rules
// until RULES_MIN load. Times are milliseconds of wall time: `load` and `matcher` are the data plane's.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "bench/rules/rule_texts.h"
#include "bench/rules/rule_variants.h"
#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_files.h"
#include "dataplane/match/matcher.h"

namespace fs = std::filesystem;

namespace picket::bench {
namespace {

double clock_ms(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

class Stopwatch {
  public:
    double lap_ms() {
        const double now = clock_ms(CLOCK_MONOTONIC);
        const double ms = now - mark_;
        mark_ = now;
        return ms;
    }
    [[nodiscard]] double processor_ms() const { return clock_ms(CLOCK_PROCESS_CPUTIME_ID) - processor_mark_; }

  private:
    double mark_ = clock_ms(CLOCK_MONOTONIC);
    double processor_mark_ = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
};

// A folder that goes when the bench ends.
class Folder {
  public:
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "picket-rules-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
        path_ = pattern;
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

// The whole way once. cache: may be null.
void measure(const char* what, const std::string& file, rules::PatternCache* cache) {
    Stopwatch watch;
    const rules::ParsedRules parsed = rules::load_rule_files({file}, {});
    const double parse_ms = watch.lap_ms();
    const rules::CompiledRules compiled = rules::compile_rules(parsed.rules, {}, {}, cache);
    const double compile_ms = watch.lap_ms();
    std::string error;
    const auto set = match::RuleSet::load(compiled.blob, 1, error);
    const double load_ms = watch.lap_ms();
    const auto matcher = set ? match::Matcher::create(set, error) : nullptr;
    const double matcher_ms = watch.lap_ms();
    if (!matcher) throw std::runtime_error(error);
    for (const std::string& note : cache != nullptr ? cache->take_notes() : std::vector<std::string>()) {
        throw std::runtime_error(note);
    }
    std::printf(
        "%-12s %7zu rules %7.1f ms, %7.1f of the processor   parse %7.1f   plan %7.1f   databases %7.1f   "
        "load %6.1f   matcher %5.1f"
        "   %5.1f MiB\n",
        what, compiled.rules.size(), parse_ms + compile_ms + load_ms + matcher_ms, watch.processor_ms(),
        parse_ms, compiled.plan_seconds * 1e3, compiled.compile_seconds * 1e3, load_ms, matcher_ms,
        static_cast<double>(compiled.blob.size()) / (1 << 20));
}

int run(std::size_t rules_min) {
    const std::string text = rule_texts();
    const Folder folder;
    const std::string file = folder.path() / "all.rules";
    // What is rejected does not count: some more are made until enough load.
    for (std::size_t asked = rules_min;; asked += asked / 4 + 1) {
        const std::string variants = make_variants(text, asked);
        const std::size_t loaded = rules::parse_rules(variants, file, {}).rules.size();
        if (loaded < rules_min) continue;
        std::ofstream(file) << variants;
        break;
    }
    rules::PatternCache cache(folder.path() / "cache");
    for (int round = 0; round < 3; ++round) measure("no cache", file, nullptr);
    measure("first start", file, &cache);
    for (int round = 0; round < 3; ++round) {
        rules::PatternCache again(folder.path() / "cache");
        measure("restart", file, &again);
    }
    return 0;
}

}  // namespace
}  // namespace picket::bench

int main(int argc, char** argv) {
    try {
        return picket::bench::run(argc > 1 ? std::stoul(argv[1]) : 1);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_rule_load: %s\n", error.what());
        return 1;
    }
}
