#include "controlplane/import/log_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "controlplane/import/csv_log.h"
#include "controlplane/import/ipfix_reader.h"
#include "controlplane/import/netflow_line.h"
#include "controlplane/import/nfdump_pipe.h"
#include "controlplane/store/time_text.h"

namespace picket::importer {
namespace {

constexpr std::size_t line_max = 65'536;
constexpr std::size_t ipfix_message_max = 65'535;

// Lines or bytes of a file or pipe, plain or gzip.
class LineReader {
  public:
    explicit LineReader(gzFile file) : file_(file, gzclose), buffer_(line_max) { gzbuffer(file, 1 << 18); }

    // False at the end, or if reading failed: see error(). A line that is too long comes cut.
    bool next(std::string_view& line) {
        if (gzgets(file_.get(), buffer_.data(), static_cast<int>(buffer_.size())) == nullptr) return false;
        std::size_t length = std::strlen(buffer_.data());
        cut_ = length + 1 == buffer_.size() && buffer_[length - 1] != '\n';
        if (cut_) skip_rest();
        while (length > 0 && (buffer_[length - 1] == '\n' || buffer_[length - 1] == '\r')) --length;
        line = {buffer_.data(), length};
        return true;
    }
    [[nodiscard]] bool was_cut() const noexcept { return cut_; }
    [[nodiscard]] std::string error() const {
        int code = Z_OK;
        const char* text = gzerror(file_.get(), &code);
        if (code == Z_OK || code == Z_STREAM_END) return {};
        return code == Z_ERRNO ? std::strerror(errno) : text;
    }
    // For what has no lines: as many bytes as are left, at most bytes.size().
    std::size_t read(std::span<std::uint8_t> bytes) {
        return gzfread(bytes.data(), 1, bytes.size(), file_.get());
    }

  private:
    void skip_rest() {
        int byte = 0;
        while (byte != -1 && byte != '\n') byte = gzgetc(file_.get());
    }

    std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
    std::vector<char> buffer_;
    bool cut_ = false;
};

class LogReading {
  public:
    LogReading(LogReport& report, const ParseTime& time, const FlowSink& sink)
        : report_(report), time_(time), sink_(sink) {}

    void read_netflow(LineReader& lines) {
        read_lines(lines, 0, [this](std::string_view line) { return parse_netflow_line(line, time_); });
    }
    void read_csv(LineReader& lines) {
        std::string_view header;
        if (!lines.next(header)) return finish(lines);
        const CsvLog log(header);
        if (!log.problem().empty()) {
            report_.error = "its first line does not name " + log.problem();
            return;
        }
        read_lines(lines, 1, [&](std::string_view line) { return log.parse(line, time_); });
    }
    void read_nfdump(LineReader& lines) {
        const CsvLog log(nfdump_columns);
        const ParseTime utc = [](std::string_view text) { return store::parse_time(text, 0); };
        read_lines(lines, 0, [&](std::string_view line) { return log.parse(line, utc); });
    }
    // Problems carry the number of the message in place of a line's.
    void read_ipfix(LineReader& file) {
        std::uint64_t number = 0;
        IpfixReader reader([&](const ForeignLine& read) { settle(number, read); });
        std::vector<std::uint8_t> message(ipfix_message_max);
        std::uint64_t offset = 0;
        const auto ends_at = [&](const std::string& what) {
            report_.error = "after " + std::to_string(number) + " messages, at byte " +
                            std::to_string(offset) + ": " + what + "; what came before was read";
        };
        while (const std::size_t got = file.read(std::span(message).first(ipfix_header_bytes))) {
            if (got < ipfix_header_bytes) return finish_or(file, [&] { ends_at("half a message's header"); });
            const std::size_t length = ipfix_message_length(message);
            if (length == 0) return ends_at("no message of IPFIX begins there");
            const std::size_t rest = length - ipfix_header_bytes;
            if (const std::size_t more = file.read(std::span(message).subspan(ipfix_header_bytes, rest));
                more < rest) {
                return finish_or(file, [&] {
                    ends_at("a message of " + std::to_string(length) + " bytes is " +
                            std::to_string(rest - more) + " short");
                });
            }
            ++number;
            offset += length;
            reader.read(std::span(message).first(length));
        }
        finish(file);
    }

  private:
    template <typename Parse>
    void read_lines(LineReader& lines, std::uint64_t before, Parse&& parse) {
        std::string_view line;
        for (std::uint64_t number = before + 1; lines.next(line); ++number) {
            if (line == "Summary") break;               // of nfdump's csv: totals follow
            if (line == "No matching flows") continue;  // of nfdump
            if (lines.was_cut()) {
                reject(number, "it is longer than " + std::to_string(line_max) + " bytes");
                continue;
            }
            settle(number, parse(line));
        }
        finish(lines);
    }
    void settle(std::uint64_t number, const ForeignLine& read) {
        if (read.flow) {
            take(*read.flow, read.masked);
        } else if (!read.why.empty()) {
            reject(number, read.why);
        }
    }
    void finish(const LineReader& lines) {
        if (auto error = lines.error(); !error.empty())
            report_.error = "it cannot be read to its end: " + error;
    }
    // Where reading failed that is told, else what the bytes lack.
    template <typename Tell>
    void finish_or(const LineReader& file, Tell&& tell) {
        finish(file);
        if (report_.error.empty()) tell();
    }
    void take(const store::StoredFlow& flow, bool masked) {
        ++report_.flows;
        report_.packets += flow.packets();
        report_.bytes += flow.bytes();
        report_.masked += masked ? 1 : 0;
        report_.first_ns = report_.first_ns == 0 ? flow.start_ns : std::min(report_.first_ns, flow.start_ns);
        report_.last_ns = std::max(report_.last_ns, flow.last_ns);
        sink_(flow);
    }
    void reject(std::uint64_t number, std::string why) {
        ++report_.rejected;
        if (report_.problems.size() < LogReport::problems_max)
            report_.problems.push_back({number, std::move(why)});
    }

    LogReport& report_;
    const ParseTime& time_;
    const FlowSink& sink_;
};

constexpr std::string_view nfcapd_magic = "\x0c\xa5";
constexpr std::string_view ipfix_magic{"\x00\x0a", 2};

// What the file's beginning says; a sentence in `error` if it says nothing.
std::optional<LogFormat> recognize(gzFile file, std::string& error) {
    std::array<char, 4096> head{};
    const int got = gzread(file, head.data(), head.size());
    gzrewind(file);
    const std::string_view text(head.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    if (text.starts_with(nfcapd_magic)) return LogFormat::nfcapd;
    if (text.starts_with(ipfix_magic)) return LogFormat::ipfix;
    if (text.find(" -> ") != std::string_view::npos) return LogFormat::netflow;
    if (CsvLog(text.substr(0, text.find_first_of("\r\n"))).problem().empty()) return LogFormat::csv;
    error = text.empty() ? "it is empty, or cannot be read"
                         : "its format is not known: no file of nfcapd, no IPFIX, no lines with ' -> ', no "
                           "CSV whose first "
                           "line names its columns; say --format";
    return std::nullopt;
}

}  // namespace

LogReport read_log(const std::string& file, std::optional<LogFormat> format, const ParseTime& time,
                   const FlowSink& sink) {
    LogReport report;
    report.file = file;
    gzFile opened = gzopen(file.c_str(), "rbe");
    if (opened == nullptr) {
        report.error = std::string("it cannot be opened: ") + std::strerror(errno);
        return report;
    }
    LineReader lines(opened);
    report.format = format ? format : recognize(opened, report.error);
    if (!report.format) return report;
    LogReading reading(report, time, sink);
    switch (*report.format) {
        case LogFormat::netflow:
            reading.read_netflow(lines);
            break;
        case LogFormat::csv:
            reading.read_csv(lines);
            break;
        case LogFormat::ipfix:
            reading.read_ipfix(lines);
            break;
        case LogFormat::nfcapd: {
            NfdumpPipe pipe(file);
            if (!pipe.error().empty()) {
                report.error = pipe.error();
                break;
            }
            LineReader told(gzdopen(pipe.release(), "rb"));
            reading.read_nfdump(told);
            if (auto failure = pipe.wait(); !failure.empty()) report.error = failure;
            break;
        }
    }
    return report;
}

}  // namespace picket::importer
