#include "controlplane/import/nfdump_pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

extern char** environ;

namespace picket::importer {
namespace {

// The process's environment, but times in UTC and no settings of a user's.
std::vector<std::string> environment() {
    std::vector<std::string> all{"TZ=UTC"};
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        if (!text.starts_with("TZ=") && !text.starts_with("NFCONF=")) all.emplace_back(text);
    }
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

}  // namespace

NfdumpPipe::NfdumpPipe(const std::string& file) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_ = std::string("no pipe: ") + std::strerror(errno);
        return;
    }
    complaints_ = memfd_create("nfdump", MFD_CLOEXEC);
    std::vector<std::string> arguments{
        "nfdump", "-q", "-6", "-N",
        "-r",     file, "-o", "fmt:%ts,%te,%sa,%da,%sp,%dp,%pr,%ipkt,%ibyt,%opkt,%obyt,%flg,%svln"};
    std::vector<std::string> variables = environment();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (complaints_ >= 0) posix_spawn_file_actions_adddup2(&actions, complaints_, STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    const int failed = posix_spawnp(&process_, "nfdump", &actions, nullptr, pointers(arguments).data(),
                                    pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
    if (failed != 0) {
        process_ = -1;
        error_ = failed == ENOENT ? "it is a file of nfcapd, which the program nfdump reads: install nfdump"
                                  : std::string("nfdump cannot be started: ") + std::strerror(failed);
    }
}

NfdumpPipe::~NfdumpPipe() {
    if (output_ >= 0) close(output_);
    if (complaints_ >= 0) close(complaints_);
    if (process_ > 0) {
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }
}

int NfdumpPipe::release() noexcept {
    return std::exchange(output_, -1);
}

std::string NfdumpPipe::wait() {
    if (process_ <= 0) return {};
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    std::array<char, 512> text{};
    const ssize_t length = complaints_ < 0 ? 0 : pread(complaints_, text.data(), text.size(), 0);
    const std::string_view said(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    if (!said.empty()) return "nfdump says: " + std::string(said.substr(0, said.find('\n')));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return WIFEXITED(status) ? "nfdump ended with status " + std::to_string(WEXITSTATUS(status))
                             : "nfdump ended by signal " + std::to_string(WTERMSIG(status));
}

}  // namespace picket::importer
