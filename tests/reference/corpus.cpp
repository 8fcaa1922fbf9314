#include "tests/reference/corpus.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "bench/match/corpus.h"

namespace picket::reference {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_below(const std::string& folder, const std::string& extension) {
    std::vector<std::string> paths;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file() && entry.path().extension() == extension) {
            paths.push_back(entry.path().string());
        }
    }
    std::ranges::sort(paths);
    return paths;
}

RawMessage browsed(const std::string& text) {
    RawMessage message;
    message.text = text;
    const std::uint8_t client[] = {192, 0, 2, 7};
    const std::uint8_t server[] = {198, 51, 100, 80};
    message.ends.source = api::ipv4_mapped(client);
    message.ends.destination = api::ipv4_mapped(server);
    message.ends.source_port = 40000;
    message.ends.destination_port = 80;
    return message;
}

std::vector<std::string> listed_uris(const std::string& folder) {
    std::vector<std::string> uris;
    for (const std::string& path : files_below(folder + "/uris", ".txt")) {
        std::ifstream file(path);
        for (std::string line; std::getline(file, line);) {
            uris.push_back(line.starts_with("/") ? line : "/" + line);
        }
    }
    return uris;
}

}  // namespace

std::string corpus_folder() {
    const char* named = std::getenv("PICKET_CAPTURES");
    return named != nullptr && fs::exists(named) ? named : "";
}

std::vector<std::string> rule_paths(const std::string& folder) {
    return files_below(folder.empty() ? PICKET_SOURCE_ROOT "/patterns" : folder, ".rules");
}

std::vector<RawMessage> corpus_requests(const std::string& folder, std::size_t step) {
    std::vector<std::string> texts;
    const std::vector<bench::Site> sites = bench::load_sites();
    // The last one is all of them together.
    for (std::size_t i = 0; i < std::max<std::size_t>(1, sites.size() - 1); ++i) {
        texts.insert(texts.end(), sites[i].browser.begin(), sites[i].browser.end());
        texts.insert(texts.end(), sites[i].bare.begin(), sites[i].bare.end());
    }
    if (!folder.empty()) {
        for (const std::string& uri : listed_uris(folder)) {
            texts.push_back(bench::bare_request(uri));
        }
    }
    std::vector<RawMessage> messages;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < texts.size(); i += step) {
        if (seen.insert(texts[i]).second) {
            messages.push_back(browsed(texts[i]));
        }
    }
    return messages;
}

}  // namespace picket::reference
