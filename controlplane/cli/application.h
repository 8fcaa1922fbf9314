// The command line of `picket`, from arguments to an exit status.
#pragma once

namespace picket::cli {

// Never throws: every failure is a sentence on stderr and a status of the contract.
int run_application(int argument_count, char** arguments);

}  // namespace picket::cli
