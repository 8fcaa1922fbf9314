#include "controlplane/cli/input_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "controlplane/cli/context.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {

void check_input_files(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
        struct stat about {};
        if (stat(file.c_str(), &about) != 0) {
            const bool absent = errno == ENOENT || errno == ENOTDIR;
            throw SetupError(file, std::string("cannot be opened: ") + std::strerror(errno),
                             absent ? "check its name" : "is the path readable for this user?", status_usage);
        }
        if (S_ISDIR(about.st_mode)) {
            throw SetupError(file, "is a directory", "name files, as " + file + "/*", status_usage);
        }
        if (access(file.c_str(), R_OK) != 0) {
            throw SetupError(file, std::string("cannot be read: ") + std::strerror(errno),
                             "give this user the right to read it", status_usage);
        }
    }
}

}  // namespace picket::cli
