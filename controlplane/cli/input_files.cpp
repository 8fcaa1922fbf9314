#include "controlplane/cli/input_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

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

void check_readable(const std::string& option, const std::string& file) {
    std::error_code failure;
    if (std::filesystem::is_directory(file, failure)) {
        throw SetupError(option + " " + file, "is a directory", "name a file", status_usage);
    }
    if (access(file.c_str(), R_OK) != 0) {
        throw SetupError(option + " " + file, std::string("cannot be read: ") + std::strerror(errno),
                         "check the name and its rights", status_usage);
    }
}

std::vector<std::pair<std::string, std::string>> watch_files(const std::vector<std::string>& texts) {
    std::vector<std::pair<std::string, std::string>> files;
    for (const std::string& text : texts) {
        const std::size_t equals = text.find('=');
        if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
            throw SetupError("--watch " + text, "is not NAME=FILE", "write --watch sobig=addresses.txt",
                             status_usage);
        }
        const std::string name = text.substr(0, equals);
        for (const auto& [other, file] : files) {
            if (other == name) {
                throw SetupError("--watch " + text, "the name " + name + " is given twice",
                                 "choose another name", status_usage);
            }
        }
        check_readable("--watch", text.substr(equals + 1));
        files.emplace_back(name, text.substr(equals + 1));
    }
    return files;
}

}  // namespace picket::cli
