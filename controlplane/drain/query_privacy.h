// What is kept of the queries of URIs: privacy.uri_query.
//
// Applied to everything that comes from the data plane before anything keeps or exports it; rules have been
// judged by then, on whole URIs. Frames are not texts: packets of alerts stay as they are. Thread-safe after
// construction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/store/stored_flow.h"
#include "controlplane/store/stored_request.h"

namespace picket::drain {

enum class QueryKept : std::uint8_t { whole, hash, nothing };

class QueryPrivacy {
  public:
    // key: whoever has it can try which query has a hash; empty: one of this run alone.
    explicit QueryPrivacy(QueryKept kept, std::string key = {});

    // The text as it is kept. A query is what follows the first '?'; its hash is '?' and 16 hexadecimal
    // digits: the same for the same query, as long as the key is.
    [[nodiscard]] std::string of_uri(std::string_view uri) const;
    // The URI, also normalised, and the referer; a version that is none, since blanks of a query may have led
    // there.
    void apply(store::StoredRequest& request) const;
    // First payload bytes that begin like a request line end before its query; others of an HTTP flow that do
    // not begin a message are not kept.
    void apply(store::StoredFlow& flow) const noexcept;

  private:
    QueryKept kept_;
    std::string key_;
};

// What tells this machine from all others and lasts (machine-id(5)); empty if it has none. No secret on the
// machine itself.
[[nodiscard]] std::string machine_key();

}  // namespace picket::drain
