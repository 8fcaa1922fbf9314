#include "controlplane/cli/siblings.h"

#include <unistd.h>

#include <filesystem>
#include <vector>

#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

std::filesystem::path own_directory() {
    std::error_code failure;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failure);
    if (failure) throw SetupError("/proc/self/exe", failure.message(), "is /proc mounted?");
    return self.parent_path();
}

}  // namespace

std::string find_program(const std::string& name) {
    const std::filesystem::path here = own_directory();
    const std::vector<std::filesystem::path> places{
        here / name,
        here / "../dataplane" / name,
        here / "../controlplane" / name,
        here / "../bench/tool" / name,
        here / "../sbin" / name,
        here / "../libexec/picket" / name,
    };
    std::string searched;
    for (const auto& place : places) {
        const std::string path = place.lexically_normal().string();
        if (access(path.c_str(), X_OK) == 0) return path;
        searched += (searched.empty() ? "" : ", ") + path;
    }
    throw SetupError(name, "is not installed beside picket (searched " + searched + ")",
                     "build or install all programs of Picket");
}

std::optional<std::string> find_shipped_rules() {
    const std::filesystem::path here = own_directory();
    std::error_code failure;
    for (const char* place : {"../share/picket/rules", "../patterns"}) {
        const std::filesystem::path directory = (here / place).lexically_normal();
        for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
            if (entry.path().extension() == ".rules") return directory.string();
        }
    }
    return std::nullopt;
}

}  // namespace picket::cli
