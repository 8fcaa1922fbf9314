// picket-bench: what can this machine do? Users call it as `picket bench`.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "bench/tool/machine_info.h"
#include "bench/tool/memory_run.h"
#include "bench/tool/options.h"
#include "bench/tool/port_run.h"
#include "bench/tool/report_json.h"
#include "bench/tool/report_table.h"
#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

constexpr std::size_t built_in_uri_count = 4096;
constexpr std::array<std::uint64_t, 5> sweep_flows{1'000, 10'000, 100'000, 1'000'000, 10'000'000};

class RowRunner {
  public:
    explicit RowRunner(const Options& options)
        : options_(options), progress_(!options.quiet), bench_{TscClock(), nullptr, choose_rules(options)} {
        bench_.requests = std::make_shared<RequestTexts>(request_texts(
            options.uri_file.empty() ? built_in_uris(built_in_uri_count) : read_uris(options.uri_file)));
        if (options.row.via != Via::memory) port_ = std::make_unique<PortBench>(options.row);
    }

    [[nodiscard]] Report run() {
        Report report;
        report.machine = machine_info(bench_.clock);
        if (port_ != nullptr) report.warnings = port_->warnings();
        if (bench_.rules.rejected != 0) {
            report.warnings.push_back(std::to_string(bench_.rules.rejected) +
                                      " rules were rejected; picket rule check says why");
        }
        if (!options_.sweep) {
            add_row(options_.row, report);
            return report;
        }
        for (const std::uint64_t flows : sweep_flows) {
            RowSettings row = options_.row;
            row.flows = flows;
            try {
                add_row(row, report);
            } catch (const SetupError& error) {
                // The first row tells whether anything works at all.
                if (report.rows.empty()) throw;
                report.warnings.push_back(std::string("left out: ") + error.what());
            }
        }
        return report;
    }

  private:
    void add_row(const RowSettings& settings, Report& report) {
        report.rows.push_back(port_ != nullptr ? port_->run(settings, bench_, progress_)
                                               : run_in_memory(settings, bench_, progress_));
        const Row& row = report.rows.back();
        if (row.events_dropped != 0)
            report.warnings.push_back("events were dropped: the figures hold too little work");
    }

    const Options& options_;
    Progress progress_;
    Bench bench_;
    std::unique_ptr<PortBench> port_;
};

bool bold(const Options& options) {
    if (options.color == "auto") return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
    return options.color == "always";
}

int run(int argument_count, char** arguments) {
    const auto options = parse_options(argument_count, arguments);
    if (!options) return 0;
    const Report report = RowRunner(*options).run();
    if (!options->quiet) {
        for (const std::string& warning : report.warnings) std::cerr << "picket bench: " << warning << '\n';
    }
    if (options->json) {
        std::cout << json_of(report).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                  << '\n';
    } else if (options->csv) {
        std::cout << csv_of(report);
    } else {
        print_report(std::cout, report, {options->wide, bold(*options)});
    }
    std::cout.flush();
    if (std::cout) return 0;
    std::cerr << "picket bench: standard output cannot be written; is the disk full?\n";
    return 3;
}

}  // namespace
}  // namespace picket::bench

int main(int argument_count, char** arguments) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return picket::bench::run(argument_count, arguments);
    } catch (const picket::SetupError& error) {
        std::cerr << "picket bench: " << error.what() << '\n';
        return error.exit_status();
    } catch (const std::exception& error) {
        std::cerr << "picket bench: " << error.what() << "; this is a mistake in Picket, please report it\n";
        return 3;
    }
}
