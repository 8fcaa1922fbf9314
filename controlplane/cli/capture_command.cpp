#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/number_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr const char* wait_ms = "1000";

std::atomic<bool> interrupted{false};

struct CaptureOptions {
    std::vector<std::string> filter;
    std::string file;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
};

// A file, or standard output.
class Output {
  public:
    explicit Output(const std::string& path) : path_(path) {
        if (path == "-") {
            if (isatty(STDOUT_FILENO) != 0) {
                throw SetupError("-w -", "packets are no text for a terminal",
                                 "name a file, or pipe them: picket capture -w - | tcpdump -r -",
                                 status_usage);
            }
            return;
        }
        file_.open(path, std::ios::binary | std::ios::trunc);
        if (!file_) throw SetupError(path, "cannot be written", "name another file with -w", status_usage);
    }
    void write(const std::string& bytes) {
        std::ostream& out = path_ == "-" ? std::cout : file_;
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        out.flush();
        if (!out) throw SetupError(path_, "cannot be written any more", "is the disk full?", status_reach);
    }

  private:
    std::string path_;
    std::ofstream file_;
};

std::string expression(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

int capture(const Context& context, const CaptureOptions& options) {
    Output output(options.file);
    ControlClient client(context.socket);
    Parameters order{{"filter", expression(options.filter)}};
    if (options.packets > 0) order.emplace_back("packets", std::to_string(options.packets));
    if (options.bytes > 0) order.emplace_back("bytes", std::to_string(options.bytes));
    const std::string number = plain_text(member(client.post("/v1/capture", order), "capture"));
    // Ctrl-C ends the capture, not the file.
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { interrupted = true; });
    while (!interrupted) {
        const auto body = client.get_body("/v1/capture", {{"id", number}, {"wait_ms", wait_ms}});
        if (body.json) break;
        output.write(body.bytes);
    }
    const Json counts = client.remove("/v1/capture", {{"id", number}});
    // What had come before it was stopped.
    const auto rest = client.get_body("/v1/capture", {{"id", number}});
    if (!rest.json) output.write(rest.bytes);
    if (!context.quiet) {
        std::cerr << grouped(count_at(counts, "packets")) << " packets";
        if (count_at(counts, "lost") > 0) std::cerr << ", " << grouped(count_at(counts, "lost")) << " LOST";
        std::cerr << '\n';
    }
    return count_at(counts, "lost") > 0 ? status_damaged : status_done;
}

}  // namespace

void add_capture_command(CLI::App& application, Context& context) {
    auto options = std::make_shared<CaptureOptions>();
    CLI::App* command = application.add_subcommand("capture", "frames as they are received, as pcapng");
    command->add_option("FILTER", options->filter, "as tcpdump has it, such as 'host 192.0.2.7'; none: all");
    command->add_option("-w,--write", options->file, "a file, or - for standard output")
        ->type_name("FILE|-")
        ->required();
    command->add_option("-c,--count", options->packets, "stop after so many")->type_name("N");
    command->add_option("--bytes", options->bytes, "of each frame at most")->type_name("N");
    command->callback(
        [&context, options] { context.action = [&context, options] { return capture(context, *options); }; });
}

}  // namespace picket::cli
