// Foreign flow logs become an archive of Picket's.
#include <sys/random.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "controlplane/archive/archive.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/input_files.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/config/shown_text.h"
#include "controlplane/detect/watch_lists.h"
#include "controlplane/import/log_reader.h"
#include "controlplane/store/time_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

struct ImportOptions {
    std::vector<std::string> files;
    std::vector<std::string> watch;  // NAME=FILE
    std::string directory;
    std::string format = "auto";
};

// Times that name no zone are those of --tz.
importer::ParseTime time_parser(const TimeText& times) {
    return [&times](std::string_view text) -> std::optional<std::uint64_t> {
        auto us = times.local(text);
        if (!us) us = parse_rfc3339_us(text);
        if (!us || *us < 0) return std::nullopt;
        return static_cast<std::uint64_t>(*us) * 1000;
    };
}

// Numbers the flows and hands them to the archive in batches.
class ArchiveFiller {
  public:
    explicit ArchiveFiller(archive::Archive& archive) : archive_(archive) {
        if (getrandom(&run_, sizeof run_, 0) != sizeof run_)
            throw SetupError("the run's number", std::string("no random bytes: ") + std::strerror(errno), "");
    }

    void add(const store::StoredFlow& flow) {
        if (id_ == 0) archive_.begin_session(run_, first_ns_ = flow.start_ns, true);
        batch_.push_back(flow);
        batch_.back().run = run_;
        batch_.back().id = ++id_;
        first_ns_ = std::min(first_ns_, flow.start_ns);
        last_ns_ = std::max(last_ns_, flow.last_ns);
        if (batch_.size() == batch_flows) flush();
    }
    // Records that were not understood are lost to every answer: of each a packet at least.
    void add_lost(std::uint64_t records) { lost_ += records; }
    // A sentence if not all of it is on disk.
    [[nodiscard]] std::optional<std::string> finish() {
        flush();
        if (id_ == 0 && lost_ > 0) archive_.begin_session(run_, 0, true);
        if (id_ > 0 || lost_ > 0) {
            if (lost_ > 0) archive_.add_loss(run_, first_ns_, last_ns_, lost_, 0);
            archive_.end_session(last_ns_);
        }
        return archive_.finish();
    }

  private:
    static constexpr std::size_t batch_flows = 512;

    void flush() {
        archive_.add_flows(batch_);
        batch_.clear();
    }

    archive::Archive& archive_;
    std::uint64_t run_ = 0;
    std::uint64_t id_ = 0;
    std::uint64_t first_ns_ = 0;
    std::uint64_t last_ns_ = 0;
    std::uint64_t lost_ = 0;
    std::vector<store::StoredFlow> batch_;
};

std::optional<importer::LogFormat> format_of(const std::string& name) {
    const auto* found = std::ranges::find(importer::log_format_names, name);
    if (found == importer::log_format_names.end()) return std::nullopt;
    return static_cast<importer::LogFormat>(found - importer::log_format_names.begin());
}

Json report_json(const importer::LogReport& report) {
    const auto time = [](std::uint64_t ns) { return ns == 0 ? Json() : Json(store::format_time(ns)); };
    Json problems = Json::array();
    for (const auto& problem : report.problems)
        problems.push_back({{"line", problem.line}, {"why", problem.why}});
    return {
        {"file", report.file},
        {"format",
         report.format ? Json(importer::log_format_names[static_cast<std::size_t>(*report.format)]) : Json()},
        {"flows", report.flows},
        {"packets", report.packets},
        {"bytes", report.bytes},
        {"first", time(report.first_ns)},
        {"last", time(report.last_ns)},
        {"masked", report.masked},
        {"rejected", report.rejected},
        {"problems", std::move(problems)},
        {"error", report.error.empty() ? Json() : Json(report.error)}};
}

void print_problems(const Json& rows) {
    constexpr std::size_t named_max = 20;  // over all files
    std::size_t named_before = 0;
    for (const Json& row : rows) {
        const std::string file = text_at(row, "file");
        const bool ipfix = text_at(row, "format") == "ipfix";
        std::uint64_t named = 0;
        for (const Json& problem : member(row, "problems")) {
            if (named_before++ >= named_max) break;
            ++named;
            std::cerr << file << (ipfix ? ": message " : ":") << plain_text(member(problem, "line")) << ": "
                      << config::shown_sentences(text_at(problem, "why")) << '\n';
        }
        if (count_at(row, "rejected") > named) {
            std::cerr << file << ": " << grouped(count_at(row, "rejected") - named)
                      << (ipfix ? " more records or sets" : " more lines") << " were not understood\n";
        }
        if (const std::string error = text_at(row, "error"); !error.empty())
            std::cerr << "picket: " << file << ": " << config::shown_sentences(error) << '\n';
    }
}

void print_table(const Printer& printer, const Json& rows) {
    const std::string day = printer.shared_day(rows, {"first", "last"});
    if (!day.empty() && !printer.quiet()) std::cout << "on " << day << '\n';
    Table table({{"FILE", Give::middle, 3, 12},
                 {"FORMAT"},
                 {"FLOWS", Give::compact, 2},
                 {"PACKETS", Give::compact, 2},
                 {"BYTES", Give::compact, 2},
                 time_column("FIRST", 1, day),
                 time_column("LAST", 1, day)});
    for (const Json& row : rows) {
        table.add({text_at(row, "file"), text_at(row, "format"), grouped(count_at(row, "flows")),
                   grouped(count_at(row, "packets")), grouped(count_at(row, "bytes")),
                   printer.moment(member(row, "first"), day), printer.moment(member(row, "last"), day)});
    }
    printer.print(table);
}

// The lists are kept beside the rows. Lines that are no addresses are named; the others load.
void load_watch_lists(detect::WatchLists& lists, const ImportOptions& options, bool quiet) {
    for (const auto& [name, file] : watch_files(options.watch)) {
        std::ifstream stream(file, std::ios::binary);
        std::ostringstream text;
        text << stream.rdbuf();
        std::vector<store::NetworkLine> rejects;
        if (const auto problem = lists.load(name, text.str(), rejects))
            throw SetupError(file, problem->what + ": " + problem->where + ": " + problem->why,
                             problem->remedy, status_usage);
        for (const auto& reject : rejects) {
            if (quiet) break;
            std::cerr << config::shown_sentences(file + ":" + std::to_string(reject.line) + ": '" +
                                                 reject.text + "' is not an address or network")
                      << '\n';
        }
    }
}

int import(const Context& context, const ImportOptions& options) {
    const Printer printer(context);
    check_input_files(options.files);
    detect::WatchLists lists;
    load_watch_lists(lists, options, context.quiet);
    const store::NoRules rules;
    detect::EventLog events;
    archive::ArchiveSettings settings;
    settings.directory = options.directory;
    settings.sensor = "import";
    settings.replay = true;
    settings.may_wait = true;
    settings.watch_lists = [&lists] { return lists.all(); };
    archive::Archive archive(settings, rules, events);
    ArchiveFiller filler(archive);
    Json answer{{"rows", Json::array()}};
    Json sum{{"flows", 0}, {"packets", 0}, {"bytes", 0}, {"masked", 0}, {"rejected", 0}};
    bool damaged = false;
    for (const std::string& file : options.files) {
        const auto report = importer::read_log(file, format_of(options.format), time_parser(printer.times()),
                                               [&](const store::StoredFlow& flow) { filler.add(flow); });
        filler.add_lost(report.rejected + (report.error.empty() ? 0 : 1));
        damaged = damaged || report.rejected > 0 || !report.error.empty();
        answer["rows"].push_back(report_json(report));
        for (auto& [name, value] : sum.items())
            value = value.get<std::uint64_t>() + count_at(answer["rows"].back(), name.c_str());
    }
    if (const auto failure = filler.finish())
        throw SetupError(options.directory, *failure, "is there room on the disk?");
    answer["sum"] = sum;
    printer.prepare(answer);
    if (!context.quiet) print_problems(member(answer, "rows"));
    if (!printer.print_plain(answer, {"file", "format", "flows", "packets", "bytes", "first", "last",
                                      "masked", "rejected", "error"}) &&
        !context.quiet) {
        print_table(printer, member(answer, "rows"));
        std::cout << grouped(count_at(sum, "flows")) << " flows in " << options.directory;
        if (count_at(sum, "masked") > 0)
            std::cout << ", " << grouped(count_at(sum, "masked")) << " of masked addresses (0.0.0.0)";
        std::cout << '\n';
        if (count_at(sum, "flows") > 0)
            std::cout << "next: picket --archive " << options.directory << " flow show --sum\n";
    }
    return damaged ? status_damaged : status_done;
}

}  // namespace

void add_import_command(CLI::App& application, Context& context) {
    auto options = std::make_shared<ImportOptions>();
    CLI::App* command =
        application.add_subcommand("import", "foreign flow logs become an archive that can be asked");
    command
        ->add_option("FILE", options->files,
                     "files of nfcapd, IPFIX, CSV, or lines as --format netflow prints them")
        ->required();
    command->add_option("--archive", options->directory, "the new archive's directory")
        ->required()
        ->type_name("DIR");
    command->add_option("--watch", options->watch, "watch list to keep beside the flows (repeatable)")
        ->allow_extra_args(false)
        ->type_name("NAME=FILE");
    command->add_option("--format", options->format, "auto, netflow, csv, nfcapd or ipfix")
        ->check(CLI::IsMember({"auto", "netflow", "csv", "nfcapd", "ipfix"}));
    command->callback(
        [&context, options] { context.action = [&context, options] { return import(context, *options); }; });
}

}  // namespace picket::cli
