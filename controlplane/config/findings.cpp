#include "controlplane/config/findings.h"

#include <algorithm>
#include <tuple>

namespace picket::config {
namespace {

// Levenshtein's distance, one row at a time.
std::size_t distance(const std::string& left, const std::string& right) {
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t substitute = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

void Findings::error(const Location& location, std::string what, std::string remedy) {
    findings_.push_back({Severity::error, location, std::move(what), std::move(remedy)});
    ++errors_;
}

void Findings::warn(const Location& location, std::string what, std::string remedy) {
    findings_.push_back({Severity::warning, location, std::move(what), std::move(remedy)});
}

const std::vector<Finding>& Findings::all() {
    std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& left, const Finding& right) {
        const Location& a = left.location;
        const Location& b = right.location;
        return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
    });
    return findings_;
}

std::string text_of(const Finding& finding) {
    std::string text = finding.location.file;
    if (finding.location.line != 0) {
        text += ":" + std::to_string(finding.location.line) + ":" + std::to_string(finding.location.column);
    }
    text += finding.severity == Severity::error ? ": error: " : ": warning: ";
    text += finding.what;
    if (!finding.remedy.empty()) text += "; " + finding.remedy;
    return text;
}

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t best_distance = word.size() / 3 + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t now = distance(word, candidate);
        if (now <= best_distance && (best.empty() || now < best_distance)) {
            best = candidate;
            best_distance = now;
        }
    }
    return best;
}

}  // namespace picket::config
