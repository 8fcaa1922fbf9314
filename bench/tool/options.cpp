#include "bench/tool/options.h"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "dataplane/api/abi.h"
#include "dataplane/api/setup_error.h"
#include "version.h"

namespace picket::bench {
namespace {

constexpr std::uint64_t flows_max = 100'000'000;
constexpr double requests_of_web = 0.1;

constexpr const char* footer =
    "Traffic is made in memory and goes through the real pipeline on cores of its own. Every figure is a "
    "median\n"
    "of the runs; docs/performance.md says what is measured and how.\n"
    "COUNT: 1000000, 100k, 10M. SHARE: 0.05 or 5%.\n"
    "Exit status: 0 done, 2 usage, 3 cannot start (memory, cores, ports)\n";

// As typed, before it is judged.
struct Typed {
    std::string mix = "min64";
    std::string via = "memory";
    std::string flows = "1M";
    std::string capacity;
    std::string new_flows;
    std::string requests;
    std::string ipv6 = "0";
    std::string loss = "0";
    std::vector<std::string> rules;
    std::vector<unsigned> cores;
};

[[noreturn]] void refuse(const std::string& option, const std::string& text, const std::string& why,
                         const std::string& remedy) {
    throw SetupError(option + " " + text, why, remedy, 2);
}

std::optional<double> parse_number(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(number) || number < 0)
        return std::nullopt;
    return number;
}

std::uint64_t count_of(const std::string& option, const std::string& text, std::uint64_t least) {
    const auto count = parse_count(text);
    if (!count || *count < least || *count > flows_max) {
        refuse(option, text, "is not a count between " + std::to_string(least) + " and 100M",
               "write a number such as 100000, 100k or 10M");
    }
    return *count;
}

double share_of(const std::string& option, const std::string& text) {
    const auto share = parse_share(text);
    if (!share) refuse(option, text, "is not a share between 0 and 1", "write 0.05 or 5%");
    return *share;
}

template <typename Enum, std::size_t count>
Enum one_of(const std::array<std::string_view, count>& names, const std::string& text) {
    return static_cast<Enum>(std::find(names.begin(), names.end(), text) - names.begin());
}

void take_new_flows(const std::string& text, RowSettings& row) {
    if (text.empty()) return;
    if (text.back() == '%') {
        row.new_flows_share = share_of("--new-flows", text);
    } else if (const auto count = parse_count(text)) {
        row.new_flows_per_s = static_cast<double>(*count);
    } else {
        refuse("--new-flows", text, "is neither a number of flows a second nor a share of the packets",
               "write 100k or 5%");
    }
}

void take_rules(const Typed& typed, Options& options) {
    for (const std::string& text : typed.rules) {
        std::uint64_t count = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
        if (error != std::errc{} || end != text.data() + text.size()) {
            options.rule_files.push_back(text);
        } else if (typed.rules.size() != 1 || count > 100'000) {
            refuse("--rules", text, "is a number of built-in rules, at most 100,000, and goes alone",
                   "give one number, or files only");
        } else {
            options.rule_count = count;
        }
    }
}

std::vector<unsigned> usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<unsigned> cores;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
            if (CPU_ISSET(core, &set)) cores.push_back(core);
        }
    }
    return cores;
}

// Workers take the last cores, because the first ones have the interrupts.
void take_cores(const Typed& typed, RowSettings& row) {
    const std::vector<unsigned> usable = usable_cores();
    const std::size_t wanted = row.workers + (row.via == Via::memory ? 0u : 1u);
    const std::string why = std::to_string(wanted) + " cores are needed (one a worker" +
                            (row.via == Via::memory ? ")" : ", one for the sender)") + " and " +
                            std::to_string(usable.size()) + " can be used";
    if (wanted > usable.size()) refuse("--workers", std::to_string(row.workers), why, "take fewer workers");
    row.cores = typed.cores;
    if (row.cores.empty()) row.cores.assign(usable.rbegin(), usable.rbegin() + static_cast<long>(wanted));
    if (row.cores.size() != wanted)
        refuse("--cores", "", std::to_string(row.cores.size()) + " are named, " + why, "name as many");
    for (std::size_t i = 0; i < row.cores.size(); ++i) {
        const auto core = row.cores[i];
        const auto next = row.cores.begin() + static_cast<long>(i) + 1;
        if (std::find(usable.begin(), usable.end(), core) == usable.end())
            refuse("--cores", std::to_string(core), "this process may not use that core",
                   "see taskset -p $$");
        if (std::find(next, row.cores.end(), core) != row.cores.end())
            refuse("--cores", std::to_string(core), "is named twice", "name each core once");
    }
}

void check_together(const Options& options) {
    const RowSettings& row = options.row;
    if (row.via != Via::memory && row.workers != 1) {
        refuse("--workers", std::to_string(row.workers), "a port has one queue and one sender here",
               "take --via memory for several workers");
    }
    if (row.flood && (row.new_flows_share != 0 || row.new_flows_per_s != 0 || row.requests != 0))
        refuse("--flood", "", "is nothing but new flows", "leave --new-flows and --requests");
    if (row.flows < 2 * std::uint64_t{row.workers})
        refuse("--flows", std::to_string(row.flows), "a worker needs two flows at least", "take more flows");
    if (row.new_flows_share > 0.5 && row.new_flows_share < 1)
        refuse("--new-flows", "", "a share is at most 50%, or 100%", "take 50% or 100%");
    if (row.requests + row.new_flows_share > 1)
        refuse("--requests", "", "more than all packets together with --new-flows", "take less of one");
    if (row.mix == Mix::web && row.new_flows_share > 0.5)
        refuse("--mix", "web", "new flows alone are no web traffic", "take --mix min64");
    if (options.json && options.csv) refuse("-j", "--csv", "exclude each other", "choose one");
    if (options.sweep && row.capacity != 0)
        refuse("--capacity", "", "cannot suit every row of a sweep", "leave it");
}

void add_options(CLI::App& app, Typed& typed, Options& options) {
    RowSettings& row = options.row;
    app.add_option("--mix", typed.mix, "frames: min64, imix (64, 594, 1518 bytes as 7:4:1) or web")
        ->check(CLI::IsMember({"min64", "imix", "web"}));
    app.add_option("--flows", typed.flows, "active flows, in all (default 1M)")->type_name("COUNT");
    app.add_option("--new-flows", typed.new_flows, "flows a second, or a share of the packets as 5%")
        ->type_name("COUNT|SHARE%");
    app.add_option("--requests", typed.requests, "share of packets with a request (web: 10%, else 0)")
        ->type_name("SHARE");
    app.add_option("--rules", typed.rules, "built-in rules by number, or rule files (repeatable)")
        ->allow_extra_args(false)
        ->type_name("N|FILE");
    app.add_option("--uris", options.uri_file, "requests ask for these: a URI or an access log entry a line")
        ->type_name("FILE");
    app.add_option("--ipv6", typed.ipv6, "share of the flows")->type_name("SHARE");
    app.add_option("--workers", row.workers, "worker threads, each on a core")
        ->check(CLI::Range(1u, static_cast<unsigned>(api::workers_max)));
    app.add_option("--cores", typed.cores, "cores of the workers, then of the sender (default: the last)")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("N,…");
    app.add_option("--via", typed.via, "memory; or from a sender on another core over a port: ring, memif")
        ->check(CLI::IsMember({"memory", "ring", "memif"}));
    app.add_option("--seconds", row.seconds, "of measuring a row (default 5)")
        ->check(CLI::Range(0.05, 3600.0));
    app.add_option("--runs", row.runs, "that share the seconds (default 5)")->check(CLI::Range(1u, 1000u));
    app.add_option("--capacity", typed.capacity, "of the flow tables, in all (default: what is needed)")
        ->type_name("COUNT");
    app.add_option("--loss", typed.loss, "over a port: share of packets that counts as no loss (default 0)")
        ->type_name("SHARE");
    app.add_option_function<std::string>(
           "--duplicates",
           [&row](const std::string& text) {
               row.duplicates = text == "count"  ? Duplicates::count
                                : text == "drop" ? Duplicates::drop
                                                 : Duplicates::ignore;
           },
           "copies of a span port: count (default), drop, ignore")
        ->check(CLI::IsMember({"count", "drop", "ignore"}));
    app.add_flag("--flood", options.row.flood, "full table; 1,000 flows among nothing but new SYN flows");
    app.add_flag("--sweep", options.sweep, "a row each for 1k, 10k, 100k, 1M and 10M flows");
    app.add_flag("-j,--json", options.json, "one JSON document");
    app.add_flag("--csv", options.csv, "CSV with a head row");
    app.add_flag("-q,--quiet", options.quiet, "no warnings, no progress");
    app.add_flag("--wide", options.wide, "tables unabbreviated");
    app.add_option("--color", options.color, "auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}));
    app.set_version_flag("-V,--version", std::string("picket ") + PICKET_VERSION);
    app.footer(footer);
}

}  // namespace

std::optional<std::uint64_t> parse_count(const std::string& text) {
    if (text.empty()) return std::nullopt;
    const double unit = text.back() == 'k' ? 1e3 : text.back() == 'M' ? 1e6 : 1;
    const auto number = parse_number(std::string_view(text).substr(0, text.size() - (unit == 1 ? 0u : 1u)));
    if (!number || *number * unit > 1e15) return std::nullopt;
    const double count = std::round(*number * unit);
    if (std::abs(count - *number * unit) > 1e-6) return std::nullopt;
    return static_cast<std::uint64_t>(count);
}

std::optional<double> parse_share(const std::string& text) {
    const bool percent = !text.empty() && text.back() == '%';
    const auto number = parse_number(std::string_view(text).substr(0, text.size() - (percent ? 1u : 0u)));
    if (!number) return std::nullopt;
    const double share = percent ? *number / 100 : *number;
    return share <= 1 ? std::optional(share) : std::nullopt;
}

std::optional<Options> parse_options(int argument_count, const char* const* arguments) {
    Options options;
    Typed typed;
    CLI::App app("What can this machine do? Rates by packet mix, flows, new flows and rules", "picket bench");
    add_options(app, typed, options);
    try {
        app.parse(argument_count, arguments);
    } catch (const CLI::Success& answer) {
        app.exit(answer);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        throw SetupError("picket bench", error.what(), "see picket bench --help", 2);
    }
    RowSettings& row = options.row;
    row.mix = one_of<Mix>(mix_names, typed.mix);
    row.via = one_of<Via>(via_names, typed.via);
    row.flows = count_of("--flows", typed.flows, 2);
    if (!typed.capacity.empty()) row.capacity = count_of("--capacity", typed.capacity, 1);
    take_new_flows(typed.new_flows, row);
    row.requests = !typed.requests.empty() ? share_of("--requests", typed.requests)
                   : row.mix == Mix::web   ? requests_of_web
                                           : 0;
    row.ipv6 = share_of("--ipv6", typed.ipv6);
    row.loss = share_of("--loss", typed.loss);
    take_rules(typed, options);
    check_together(options);
    take_cores(typed, row);
    return options;
}

}  // namespace picket::bench
