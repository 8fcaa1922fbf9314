// Every counter as Prometheus knows it; /v1/counters shows the same list.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "controlplane/sensor.h"

namespace picket::serve {

std::vector<prometheus::MetricFamily> collect_metrics(const Sensor& sensor);
std::string metrics_text(const Sensor& sensor);

}  // namespace picket::serve
