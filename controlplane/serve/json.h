// The JSON of the control socket: field order is kept, for readers who look at it with curl.
#pragma once

#include <nlohmann/json.hpp>

namespace picket::serve {

using Json = nlohmann::ordered_json;

}  // namespace picket::serve
