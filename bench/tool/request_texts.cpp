#include "bench/tool/request_texts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include "bench/random.h"
#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

constexpr std::size_t uris_max = 8192;  // 4 MB of heads: a worker's cache should belong to the worker
constexpr std::size_t uri_bytes_max = 1000;

constexpr std::array<std::string_view, 24> words{
    "images", "static", "assets",  "news",   "blog",  "products", "users",   "search",
    "header", "footer", "gallery", "themes", "media", "download", "archive", "category",
    "index",  "main",   "article", "photo",  "cart",  "profile",  "events",  "support"};
constexpr std::array<std::string_view, 8> asset_types{"png", "jpg",   "css", "js",
                                                      "svg", "woff2", "ico", "gif"};
constexpr std::array<std::string_view, 6> parameters{"id", "page", "q", "lang", "sort", "utm_source"};

constexpr std::array<std::string_view, 3> agents{
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"};

template <std::size_t count>
std::string pick(const std::array<std::string_view, count>& from, Random& random) {
    return std::string(from[random.below(count)]);
}

std::string built_in_uri(Random& random) {
    std::string uri = "/" + pick(words, random) + "/" + pick(words, random);
    const std::string number = std::to_string(random.below(100'000));
    switch (random.below(6)) {
        case 0:
        case 1:
            return uri + "/" + pick(words, random) + "-" + number + "." + pick(asset_types, random);
        case 2:
            return uri + "/" + pick(words, random) + ".html";
        case 3:
            return uri + ".php?" + pick(parameters, random) + "=" + number + "&" + pick(parameters, random) +
                   "=" + pick(words, random);
        case 4:
            return "/api/v" + std::to_string(1 + random.below(3)) + uri + "/" + number;
        default:
            return uri + "/" + number + "/" + pick(words, random) + "-" + pick(words, random) + "/";
    }
}

// The target of a request line in quotes, else the line itself if it can be a target.
std::optional<std::string> uri_of(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    const std::size_t end = line.find(" HTTP/");
    if (const std::size_t quote = line.rfind('"', end);
        end != std::string_view::npos && quote != std::string_view::npos) {
        line = line.substr(quote + 1, end - quote - 1);
        line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
    } else if (!line.empty() && line.front() != '/' && line.find("://") == std::string_view::npos) {
        return line.find_first_of(" \t") == std::string_view::npos
                   ? std::optional("/" + std::string(line.substr(0, uri_bytes_max - 1)))
                   : std::nullopt;
    }
    line = line.substr(0, uri_bytes_max);
    if (line.empty() || line.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
    return std::string(line);
}

}  // namespace

std::vector<std::string> built_in_uris(std::size_t count) {
    Random random(7);
    std::vector<std::string> uris(count);
    for (auto& uri : uris) uri = built_in_uri(random);
    return uris;
}

std::vector<std::string> read_uris(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        throw SetupError("--uris " + path, std::string("cannot be read: ") + std::strerror(errno),
                         "check the name and its rights", 2);
    }
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) {
        if (auto uri = uri_of(line)) all.push_back(std::move(*uri));
    }
    if (all.empty()) {
        throw SetupError("--uris " + path, "holds no URI",
                         "give a file with a URI or an access log entry a line", 2);
    }
    if (all.size() <= uris_max) return all;
    std::vector<std::string> chosen;
    for (std::size_t i = 0; i < uris_max; ++i) chosen.push_back(std::move(all[i * all.size() / uris_max]));
    return chosen;
}

RequestTexts request_texts(const std::vector<std::string>& uris) {
    Random random(9);
    RequestTexts texts;
    for (const std::string& uri : uris) {
        std::string head = "GET " + uri + " HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: ";
        head += pick(agents, random);
        head +=
            "\r\nAccept: text/html,application/xhtml+xml;q=0.9,image/avif,*/*;q=0.8\r\n"
            "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\r\n";
        texts.bytes_mean += static_cast<double>(head.size());
        texts.heads.push_back(std::move(head));
    }
    texts.bytes_mean /= static_cast<double>(texts.heads.size());
    return texts;
}

}  // namespace picket::bench
