// What every command of the CLI shares: the common options, and the action that the parsed command line
// chose. One Context a process, filled by parse, read by the action.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "controlplane/cli/json.h"
#include "controlplane/cli/labels.h"
#include "controlplane/cli/mask.h"
#include "controlplane/cli/table.h"
#include "controlplane/cli/time_text.h"

namespace picket::cli {

// Exit statuses of the contract.
inline constexpr int status_done = 0;
inline constexpr int status_no = 1;       // the answer is 'no'
inline constexpr int status_usage = 2;    // usage or configuration error
inline constexpr int status_reach = 3;    // cannot reach or start what is needed
inline constexpr int status_damaged = 4;  // data damaged or incomplete, and what could be read was reported

inline constexpr const char* socket_default = "/run/picket/control.sock";

struct Context {
    bool json = false;
    bool csv = false;
    bool quiet = false;
    bool wide = false;
    std::string socket = socket_default;
    std::string archive;  // a closed archive to ask instead of a picketd; empty: none
    std::string color = "auto";
    std::string zone = "UTC";
    std::string format;              // table, json, csv, netflow, eve; empty: table unless json or csv
    std::vector<std::string> masks;  // networks whose addresses are not shown
    LabelFiles labels;
    std::string command;  // as typed, for 'next:' lines: "picket -s PATH"
    std::function<int()> action;
};

// How answers are printed: made once when the action begins. Throws SetupError for a bad zone or mask.
class Printer {
  public:
    explicit Printer(const Context& context);

    [[nodiscard]] const TimeText& times() const noexcept { return times_; }
    [[nodiscard]] const std::string& format() const noexcept { return format_; }
    [[nodiscard]] bool table() const noexcept { return format_ == "table"; }
    [[nodiscard]] bool wide() const noexcept { return context_.wide; }
    [[nodiscard]] bool quiet() const noexcept { return context_.quiet; }
    [[nodiscard]] bool bold() const noexcept { return bold_; }
    // Columns of a line; 0: any number.
    [[nodiscard]] std::size_t width() const noexcept { return width_; }
    [[nodiscard]] const std::string& command() const noexcept { return context_.command; }

    // Masks addresses, adds labels to the others, and moves times to the zone: call once on an answer before
    // it is shown.
    void prepare(Json& answer) const;

    [[nodiscard]] std::string masked(const std::string& text) const { return mask_.apply(text); }

    // json and csv, which need nothing but the answer. False if the format is another one. CSV has labels
    // too.
    bool print_plain(const Json& answer, const std::vector<std::string>& csv_fields) const;
    void print(const Table& rows) const;

    // A time of an answer in a table: the clock where `day` is its day or empty, else date and clock.
    [[nodiscard]] std::string moment(const Json& time, const std::string& day = "") const;
    // The day that all the named times of the rows share, or empty.
    [[nodiscard]] std::string shared_day(const Json& rows, const std::vector<const char*>& keys) const;

  private:
    const Context& context_;
    TimeText times_;
    Mask mask_;
    Labels labels_;
    std::string format_;
    bool bold_ = false;
    std::size_t width_ = 80;
};

// A column of times that may lose their fraction, or their clock where the rows are of several days.
[[nodiscard]] Column time_column(const std::string& head, int rank, const std::string& day);

// "coverage 100 %", or what is missing, of an answer's coverage; then the next command if there is one.
[[nodiscard]] std::string coverage_text(const Json& answer);
void print_coverage(const Printer& printer, const Json& answer, const std::string& next);

// One CSV line, fields quoted where RFC 4180 asks for it.
[[nodiscard]] std::string csv_line(const std::vector<std::string>& fields);

}  // namespace picket::cli
