// /v1/archive: what the archive holds and how it fares.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"
#include "controlplane/serve/flow_json.h"

namespace picket::serve {

// null where no archive is kept.
Json archive_json(const Sensor& sensor);

void add_archive_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
