#include "controlplane/cli/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr int status_not_started = 3;

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
    return set;
}

}  // namespace

Child::Child(const Settings& settings) {
    const std::string& path = settings.command.at(0);
    name_ = path.substr(path.rfind('/') + 1);
    if (settings.error_text == ErrorText::keep) error_file_ = memfd_create("stderr", MFD_CLOEXEC);
    int failure_pipe[2];
    if (pipe2(failure_pipe, O_CLOEXEC) != 0) {
        throw SetupError(name_, std::string("cannot be started: ") + std::strerror(errno),
                         "close files or raise 'ulimit -n'");
    }
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) become(settings, failure_pipe[1], parent);
    const int fork_error = errno;
    close(failure_pipe[1]);
    int cause = 0;
    const bool failed = pid_ < 0 || read(failure_pipe[0], &cause, sizeof cause) == sizeof cause;
    close(failure_pipe[0]);
    if (pid_ > 0) pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (!failed && pidfd_ >= 0) return;
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    const int reason = cause != 0 ? cause : fork_error;
    throw SetupError(path, std::string("cannot be started: ") + std::strerror(reason),
                     "is it built for this machine, and may this user run it?");
}

// In the child, between fork and exec: nothing but system calls on what was prepared.
void Child::become(const Settings& settings, int failure_pipe, int parent) const {
    std::vector<char*> arguments;
    for (const std::string& argument : settings.command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(status_not_started);  // it died before the line above
    setpgid(0, 0);  // the terminal's Ctrl-C is for the parent, which stops its children in order
    const sigset_t set = watched_signals();
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) dup2(null, STDIN_FILENO);
    if (!settings.own_output) dup2(STDERR_FILENO, STDOUT_FILENO);
    if (error_file_ >= 0) {
        dup2(error_file_, STDERR_FILENO);
        if (!settings.own_output) dup2(error_file_, STDOUT_FILENO);
    }
    execv(arguments[0], arguments.data());
    const int cause = errno;
    [[maybe_unused]] const auto written = write(failure_pipe, &cause, sizeof cause);
    _exit(status_not_started);
}

Child::~Child() {
    if (pid_ > 0 && !ended()) {
        signal(SIGKILL);
        wait(-1);
    }
    if (pidfd_ >= 0) close(pidfd_);
    if (error_file_ >= 0) close(error_file_);
}

void Child::signal(int number) const {
    if (!ended()) syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
}

bool Child::wait(int timeout_ms) {
    if (ended()) return true;
    pollfd watch{pidfd_, POLLIN, 0};
    int ready = 0;
    do {
        ready = poll(&watch, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return false;
    int status = 0;
    if (wait4(pid_, &status, 0, &usage_) != pid_) return false;
    status_ = status;
    return true;
}

bool Child::succeeded() const noexcept {
    return status_ && WIFEXITED(*status_) && WEXITSTATUS(*status_) == 0;
}

std::string Child::ending() const {
    if (!status_) return name_ + " is running";
    if (WIFSIGNALED(*status_)) {
        const int number = WTERMSIG(*status_);
        return name_ + " was ended by signal " + std::to_string(number) + " (" + strsignal(number) + ")";
    }
    return name_ + " ended with status " + std::to_string(WEXITSTATUS(*status_));
}

int Child::exit_status() const noexcept {
    const int status = status_ && WIFEXITED(*status_) ? WEXITSTATUS(*status_) : 3;
    return status >= 2 && status <= 4 ? status : 3;
}

std::string Child::error_text() const {
    std::string text;
    if (error_file_ < 0) return text;
    struct stat about {};
    if (fstat(error_file_, &about) != 0 || about.st_size <= 0) return text;
    text.resize(static_cast<std::size_t>(about.st_size));
    const ssize_t got = pread(error_file_, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

SignalWatch::SignalWatch() {
    const sigset_t set = watched_signals();
    sigprocmask(SIG_BLOCK, &set, &before_);
    descriptor_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor_ < 0) throw SetupError("signals", std::strerror(errno), "raise 'ulimit -n'");
}

SignalWatch::~SignalWatch() {
    close(descriptor_);
    sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int SignalWatch::take() const {
    signalfd_siginfo info{};
    return read(descriptor_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

RuntimeDirectory::RuntimeDirectory() {
    constexpr std::size_t path_bytes_max = 80;  // leaves room for the sockets' names within sun_path
    const char* temporary = std::getenv("TMPDIR");
    std::string base = temporary != nullptr && *temporary == '/' ? temporary : "/tmp";
    if (base.size() > path_bytes_max) base = "/tmp";
    path_ = base + "/picket-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) {
        throw SetupError(path_, std::string("cannot make a directory for sockets: ") + std::strerror(errno),
                         "set TMPDIR to a directory that this user may write");
    }
}

RuntimeDirectory::~RuntimeDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace picket::cli
