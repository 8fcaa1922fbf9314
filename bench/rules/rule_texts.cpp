#include "bench/rules/rule_texts.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace picket::bench {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> rule_files() {
    const bool tiny = std::getenv("PICKET_BENCH_TINY") != nullptr;
    const char* named = std::getenv("PICKET_CAPTURES");
    const fs::path captures = named != nullptr ? named : PICKET_SOURCE_ROOT "/../shared/captures";
    const fs::path folder = !tiny && fs::exists(captures / "rules")
                                ? captures / "rules"
                                : fs::path(PICKET_SOURCE_ROOT "/patterns");
    std::vector<fs::path> files;
    for (const auto& found : fs::recursive_directory_iterator(folder)) {
        if (found.path().extension() == ".rules") files.push_back(found.path());
    }
    std::ranges::sort(files);
    return files;
}

}  // namespace

std::string rule_texts() {
    std::string text;
    for (const fs::path& path : rule_files()) {
        std::ifstream file(path, std::ios::binary);
        text.append(std::istreambuf_iterator<char>(file), {});
        text += '\n';
    }
    return text;
}

}  // namespace picket::bench
