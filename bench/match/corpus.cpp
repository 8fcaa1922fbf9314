#include "bench/match/corpus.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "controlplane/rules/rule_files.h"
#include "dataplane/http/normalize_uri.h"

namespace picket::bench {
namespace {

// Empty if there is none.
std::string captures_folder() {
    if (std::getenv("PICKET_BENCH_TINY") != nullptr) {
        return "";
    }
    const char* named = std::getenv("PICKET_CAPTURES");
    const std::string folder = named != nullptr ? named : PICKET_SOURCE_ROOT "/../shared/captures";
    return std::filesystem::exists(folder) ? folder : "";
}

std::string browser_request(const std::string& line, const std::string& referer, const std::string& agent) {
    return line + "\r\nHost: www.example.org\r\nUser-Agent: " + agent +
           "\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
           "Accept-Language: en-us,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\n" +
           (referer == "-" ? "" : "Referer: " + referer + "\r\n") + "Connection: keep-alive\r\n\r\n";
}

std::string bare_line(const std::string& line) {
    return line + "\r\nHost: www.example.org\r\n\r\n";
}

// Apache's combined format: the request line, the referer and the user agent are what is in quotes.
Site read_access_log(const std::string& name, const std::string& path) {
    Site site;
    site.name = name;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::vector<std::string> quoted;
        for (std::size_t open = line.find('"'); open != std::string::npos; open = line.find('"', open)) {
            const std::size_t close = line.find('"', open + 1);
            quoted.push_back(line.substr(open + 1, close - open - 1));
            open = close == std::string::npos ? close : close + 1;
        }
        if (quoted.size() >= 3 && quoted[0].find(" HTTP/") != std::string::npos) {
            site.browser.push_back(browser_request(quoted[0], quoted[1], quoted[2]));
            site.bare.push_back(bare_line(quoted[0]));
        }
    }
    return site;
}

Site invented_site() {
    Site site;
    site.name = "invented";
    std::mt19937 random(2);
    const auto word = [&] {
        std::string text(3 + random() % 8, ' ');
        for (char& byte : text) {
            byte = static_cast<char>('a' + random() % 26);
        }
        return text;
    };
    for (int i = 0; i < 2048; ++i) {
        const std::string line = "GET /" + word() + "/" + word() +
                                 (i % 3 == 0 ? ".php?id=" + std::to_string(i) : ".html") + " HTTP/1.1";
        site.browser.push_back(browser_request(line, "-", "Mozilla/5.0 (X11; Linux x86_64) Gecko/" + word()));
        site.bare.push_back(bare_line(line));
    }
    return site;
}

}  // namespace

std::string bare_request(const std::string& uri) {
    return bare_line("GET " + uri + " HTTP/1.1");
}

Requests::Requests(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (const std::string& text : texts_) {
        http::RequestHead head;
        if (http::parse_request_head(text, head) == http::HeadStatus::not_a_message) {
            continue;
        }
        match::RequestView view;
        view.method = head.method;
        view.raw_uri = head.target;
        view.host = head.host;
        view.user_agent = head.user_agent;
        view.referer = head.referer;
        view.cookie = head.cookie;
        view.headers = head.headers;
        view.plain_headers = head.plain_headers;
        view.request = text;
        view.ends.source_port = 40000;
        view.ends.destination_port = 80;
        views_.push_back(view);
        rooms_.emplace_back(head.target.size());
    }
    normalize(0, views_.size());
}

void Requests::normalize(std::size_t first, std::size_t count) noexcept {
    for (std::size_t i = first; i < first + count; ++i) {
        match::RequestView& view = views_[i];
        if (http::is_normal_uri(view.raw_uri, api::Dialect::suricata)) {
            view.normalized_uri = view.raw_uri;
        } else {
            view.normalized_uri = {rooms_[i].data(),
                                   http::normalize_uri(view.raw_uri, api::Dialect::suricata, rooms_[i])};
        }
    }
}

std::vector<std::string> sample(const std::vector<std::string>& texts) {
    const std::size_t step = std::max<std::size_t>(1, texts.size() / 1000);
    std::vector<std::string> some;
    for (std::size_t i = 0; i < texts.size(); i += step) {
        some.push_back(texts[i]);
    }
    return some;
}

std::vector<Site> load_sites() {
    const std::string captures = captures_folder();
    if (captures.empty()) {
        return {invented_site()};
    }
    const std::string uris = captures + "/uris/";
    std::vector<Site> sites{
        read_access_log("visitors", uris + "elastic+examples/Common Data Formats/apache_logs/apache_logs"),
        read_access_log("intruders", uris + "nielsbasjes+logparser/examples/demolog/hackers-access.log")};
    Site all;
    all.name = "both";
    for (const Site& site : sites) {
        all.browser.insert(all.browser.end(), site.browser.begin(), site.browser.end());
        all.bare.insert(all.bare.end(), site.bare.begin(), site.bare.end());
    }
    sites.push_back(std::move(all));
    return sites;
}

std::vector<RuleFiles> load_rules() {
    const std::string captures = captures_folder();
    std::vector<RuleFiles> sets;
    const auto add = [&](const std::string& name, const std::vector<std::string>& patterns) {
        sets.push_back({name, rules::load_rule_files(patterns, {}).rules});
    };
    if (captures.empty()) {
        add("shipped", {PICKET_SOURCE_ROOT "/patterns/*.rules"});
        return sets;
    }
    const std::string folder = captures + "/rules/";
    add("snort3_community", {folder + "Resistine+SnortRules/*.rules"});
    add("snort2_web", {folder + "bailehang+snort_2.2.0/rules/web-*.rules"});
    add("et_web_specific", {folder + "xisafe+suricata-rule/rules/emerging-web_specific_apps.rules"});
    add("all_files", {folder + "*/*.rules", folder + "*/rules/*.rules"});
    return sets;
}

}  // namespace picket::bench
