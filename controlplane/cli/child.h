// One child process: started so that it never survives this process, watched through a pidfd.
//
// The owner is the thread that started it; that thread has to live as long as the child, since the kernel
// kills the child when it ends (PR_SET_PDEATHSIG).
#pragma once

#include <sys/resource.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

namespace picket::cli {

enum class ErrorText : unsigned char { inherit, keep };  // where the child's stderr goes

class Child {
  public:
    struct Settings {
        std::vector<std::string> command;  // [0]: path of the program
        ErrorText error_text = ErrorText::inherit;
        bool own_output = true;  // false: its stdout is our stderr
    };

    // Throws SetupError if the program cannot be started.
    explicit Child(const Settings& settings);
    // Kills and reaps a child that still runs.
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] int pidfd() const noexcept { return pidfd_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    void signal(int number) const;

    // Reaps the child if it has ended within `timeout_ms` (negative: however long it takes).
    bool wait(int timeout_ms);
    [[nodiscard]] bool ended() const noexcept { return status_.has_value(); }

    // After it ended:
    [[nodiscard]] bool succeeded() const noexcept;
    // A sentence: "picketd ended with status 3", "picketd was ended by signal 9 (Killed)".
    [[nodiscard]] std::string ending() const;
    // Its own exit status where the contract knows it (2, 3, 4), else 3.
    [[nodiscard]] int exit_status() const noexcept;
    [[nodiscard]] const rusage& usage() const noexcept { return usage_; }

    // What it wrote to stderr so far (ErrorText::keep).
    [[nodiscard]] std::string error_text() const;

  private:
    [[noreturn]] void become(const Settings& settings, int failure_pipe, int parent) const;

    std::string name_;
    int pid_ = -1;
    int pidfd_ = -1;
    int error_file_ = -1;
    std::optional<int> status_;
    rusage usage_{};
};

// Blocks SIGINT, SIGTERM and SIGHUP in this process (children get the old mask back) and reads them from a
// descriptor. One instance a process.
class SignalWatch {
  public:
    SignalWatch();
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    // The number of a signal that has arrived, 0 if none.
    [[nodiscard]] int take() const;

  private:
    int descriptor_ = -1;
    sigset_t before_{};
};

// A directory for sockets, 0700, gone with this object.
class RuntimeDirectory {
  public:
    RuntimeDirectory();
    ~RuntimeDirectory();
    RuntimeDirectory(const RuntimeDirectory&) = delete;
    RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
};

}  // namespace picket::cli
