// The requests that traffic carries: whole heads, each with its own URI. Made before anything is measured and
// read-only afterwards, so any thread may read them.
#pragma once

#include <string>
#include <vector>

namespace picket::bench {

struct RequestTexts {
    std::vector<std::string> heads;  // never empty; each fits a segment
    double bytes_mean = 0;
};

// URIs as web sites have them: assets, articles, scripts with parameters, API calls. The same ones always.
[[nodiscard]] std::vector<std::string> built_in_uris(std::size_t count);

// A URI, or an entry of an access log ("GET /x HTTP/1.1" in quotes), a line; evenly chosen ones where there
// are more than a bench can keep near. Throws SetupError if there is none or the file cannot be read.
[[nodiscard]] std::vector<std::string> read_uris(const std::string& path);

[[nodiscard]] RequestTexts request_texts(const std::vector<std::string>& uris);

}  // namespace picket::bench
