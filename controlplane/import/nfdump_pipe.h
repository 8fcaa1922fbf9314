// The program nfdump as a reader of nfcapd's files, in all of their versions and compressions. Not
// thread-safe.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace picket::importer {

// Of the lines that it is made to print: names that CsvLog knows. Times are UTC in milliseconds.
inline constexpr std::string_view nfdump_columns = "ts,te,sa,da,sp,dp,pr,ipkt,ibyt,opkt,obyt,flg,svln";

class NfdumpPipe {
  public:
    // Starts it. Check error() first.
    explicit NfdumpPipe(const std::string& file);
    ~NfdumpPipe();
    NfdumpPipe(const NfdumpPipe&) = delete;
    NfdumpPipe& operator=(const NfdumpPipe&) = delete;

    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    // The end to read from; the caller closes it.
    [[nodiscard]] int release() noexcept;
    // Waits for its end; a sentence if it failed or complained: it ends with 0 at files that are damaged.
    [[nodiscard]] std::string wait();

  private:
    std::string error_;
    int output_ = -1;
    int complaints_ = -1;
    pid_t process_ = -1;
};

}  // namespace picket::importer
