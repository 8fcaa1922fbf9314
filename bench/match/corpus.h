// Real rule files and real requests, where they are at hand, for the benches of matching.
//
// The folder is PICKET_CAPTURES, else ../shared/captures beside the repository; without it, or as a test
// (PICKET_BENCH_TINY), the shipped rules and invented URIs. Everything owns its bytes.
#pragma once

#include <string>
#include <vector>

#include "controlplane/rules/rule.h"
#include "dataplane/http/message_head.h"
#include "dataplane/match/flow_ends.h"

namespace picket::bench {

// The requests of one site, parsed as the http stage parses them.
class Requests {
  public:
    // texts: whole heads, "GET /x HTTP/1.1\r\n...\r\n\r\n".
    explicit Requests(std::vector<std::string> texts);

    // Normalises every URI, as the pipeline does for each batch, and returns the views.
    void normalize(std::size_t first, std::size_t count) noexcept;
    [[nodiscard]] const std::vector<match::RequestView>& views() const { return views_; }
    [[nodiscard]] std::size_t size() const { return views_.size(); }

  private:
    std::vector<std::string> texts_;
    std::vector<match::RequestView> views_;
    std::vector<std::vector<char>> rooms_;
};

// Every so many-th, about a thousand in all: with their heads they fit the second level cache, as the packets
// of the bursts just received do.
std::vector<std::string> sample(const std::vector<std::string>& texts);

struct Site {
    std::string name;
    std::vector<std::string> browser;  // heads as browsers send them
    std::vector<std::string> bare;     // request line and Host alone
};

// Each site of the corpus, and all of them together.
std::vector<Site> load_sites();

struct RuleFiles {
    std::string name;
    std::vector<rules::Rule> rules;
};

// Rule files of the corpus, whole, as they are.
std::vector<RuleFiles> load_rules();

// One request with this URI and no headers but Host.
std::string bare_request(const std::string& uri);

}  // namespace picket::bench
