// picket: the control command line.
#include <csignal>

#include "controlplane/cli/application.h"

int main(int argument_count, char** arguments) {
    // A peer that leaves in the middle of an exchange is an error to report, not a reason to die.
    std::signal(SIGPIPE, SIG_IGN);
    return picket::cli::run_application(argument_count, arguments);
}
