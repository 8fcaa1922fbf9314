#include "controlplane/rules/rule_files.h"

#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

#include "controlplane/rules/flowbit_options.h"
#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

namespace fs = std::filesystem;

class Loader {
  public:
    explicit Loader(const RuleSettings& settings) : settings_(settings) {}

    void load_pattern(const std::string& pattern) {
        if (pattern.find_first_of("*?[") == std::string::npos) {
            load_file(pattern, "", 0);
            return;
        }
        glob_t found{};
        if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
            const std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
            for (const std::string& path : paths) {
                load_file(path, "", 0);
            }
        }
        globfree(&found);
    }

    ParsedRules take() {
        resolve_duplicates(result_);
        reject_unset_flowbits(result_);
        return std::move(result_);
    }

  private:
    void reject(const std::string& file, std::uint32_t line, std::string reason) {
        result_.rejects.push_back({file, line, std::nullopt, "file", std::move(reason)});
    }

    // from, line: the include line that names path; empty for a pattern.
    void load_file(const std::string& path, const std::string& from, std::uint32_t line) {
        std::error_code fault;
        const fs::path canonical = fs::weakly_canonical(path, fault);
        if (std::ranges::find(open_, canonical) != open_.end()) {
            reject(from, line, "'" + path + "' is already being included: a circle");
            return;
        }
        if (!seen_.insert(canonical).second) {
            return;
        }
        std::string text;
        if (std::string why = read(path, text); !why.empty()) {
            reject(from.empty() ? path : from, line, "'" + path + "' " + why);
            return;
        }
        open_.push_back(canonical);
        load_text(text, path);
        open_.pop_back();
    }

    static std::string read(const std::string& path, std::string& text) {
        std::error_code fault;
        if (fs::is_directory(path, fault)) {
            return "is a directory; name its files, as in " + path + "/*.rules";
        }
        errno = 0;
        std::ifstream file(path, std::ios::binary);
        if (file) {
            text.assign(std::istreambuf_iterator<char>(file), {});
        }
        return file && !file.bad() ? "" : std::string("cannot be read: ") + std::strerror(errno);
    }

    // Include lines take effect where they stand; the lines around them are parsed with their numbers kept.
    void load_text(const std::string& text, const std::string& path) {
        std::string rules;
        rules.reserve(text.size());
        std::uint32_t number = 0;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            const std::string_view line = trim(std::string_view(text).substr(at, end - at));
            ++number;
            if (line.starts_with("include ") && line.find('(') == std::string_view::npos) {
                include(line.substr(8), path, number);
            } else {
                rules.append(text, at, end - at);
            }
            rules += '\n';
            at = end + 1;
        }
        ParsedRules parsed = parse_rules(rules, path, settings_);
        const auto append = [](auto& to, auto& from) {
            to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
        };
        append(result_.rules, parsed.rules);
        append(result_.rejects, parsed.rejects);
        append(result_.duplicates, parsed.duplicates);
    }

    void include(std::string_view name, const std::string& path, std::uint32_t line) {
        name = trim(name);
        if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
            name = name.substr(1, name.size() - 2);
        }
        const fs::path target(name);
        load_file(target.is_absolute() ? target.string() : (fs::path(path).parent_path() / target).string(),
                  path, line);
    }

    const RuleSettings& settings_;
    ParsedRules result_;
    std::set<fs::path> seen_;
    std::vector<fs::path> open_;
};

}  // namespace

ParsedRules load_rule_files(const std::vector<std::string>& patterns, const RuleSettings& settings) {
    Loader loader(settings);
    for (const std::string& pattern : patterns) {
        loader.load_pattern(pattern);
    }
    return loader.take();
}

}  // namespace picket::rules
