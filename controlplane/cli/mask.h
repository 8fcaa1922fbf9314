// --mask NET and --tz applied to an answer before it is printed in any format.
#pragma once

#include <string>
#include <vector>

#include "controlplane/cli/json.h"
#include "controlplane/cli/time_text.h"
#include "controlplane/config/quantities.h"

namespace picket::cli {

class Mask {
  public:
    // Throws SetupError (exit status 2) if a text is no network.
    explicit Mask(const std::vector<std::string>& networks);

    [[nodiscard]] bool empty() const noexcept { return networks_.empty(); }
    // text with every address of the networks replaced: XXX.XXX.XXX.XXX, and XXX: eight times for IPv6.
    [[nodiscard]] std::string apply(const std::string& text) const;
    // Every string within `value`.
    void apply(Json& value) const;
    // Does the text name an address that was replaced? It cannot be typed again.
    [[nodiscard]] static bool has_hidden(const std::string& text);

  private:
    [[nodiscard]] std::string replacement(const std::string& word) const;

    std::vector<config::Network> networks_;
};

// Every string that is an RFC 3339 time, written in the zone of `times`.
void apply_zone(Json& value, const TimeText& times);

}  // namespace picket::cli
