// `picket bench` becomes picket-bench, which judges its options itself: they concern the data plane, of which
// the control plane sees the contract only.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/siblings.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

// Common options that stand before the command's name.
std::vector<std::string> common_arguments(const Context& context) {
    std::vector<std::string> arguments;
    if (context.json) arguments.emplace_back("-j");
    if (context.csv) arguments.emplace_back("--csv");
    if (context.quiet) arguments.emplace_back("-q");
    if (context.wide) arguments.emplace_back("--wide");
    return arguments;
}

int become_bench(const Context& context, const std::vector<std::string>& rest) {
    std::vector<std::string> arguments{find_program("picket-bench")};
    for (auto& argument : common_arguments(context)) arguments.push_back(std::move(argument));
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    execv(pointers[0], pointers.data());
    throw SetupError(arguments[0], std::string("cannot be started: ") + std::strerror(errno),
                     "check its rights");
}

}  // namespace

void add_bench_command(CLI::App& application, Context& context) {
    CLI::App* command = application.add_subcommand("bench", "what can this machine do? picket bench --help");
    // Everything behind the name, -h included, is for picket-bench.
    command->prefix_command();
    command->fallthrough(false);
    command->set_help_flag();
    command->callback([&context, command] {
        context.action = [&context, rest = command->remaining()] { return become_bench(context, rest); };
    });
}

}  // namespace picket::cli
