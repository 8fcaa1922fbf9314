// Says on a terminal what is going on, in one line that is wiped at the end; nothing anywhere else.
// One thread.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

namespace picket::bench {

class Progress {
  public:
    explicit Progress(bool wanted) : on_(wanted && isatty(STDERR_FILENO) != 0) {}
    ~Progress() { say(""); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void say(const std::string& text) {
        if (on_) std::fprintf(stderr, "\r\033[K%s", text.c_str());
    }

  private:
    bool on_;
};

}  // namespace picket::bench
