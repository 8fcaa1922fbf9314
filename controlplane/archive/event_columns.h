// The tables beside `flows`: requests, their responses, rule hits, what raised alerts, what was
// lost, and packets of flows that had a hit
// (docs/archive.md).
//
// A response is a row of its own, because it comes later than its request, and its end later still: readers
// put them together by run, flow and number of the request, the newest of several being right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/archive/column.h"
#include "controlplane/detect/alert_table.h"
#include "controlplane/store/hit_store.h"
#include "controlplane/store/packet_store.h"
#include "controlplane/store/stored_request.h"

namespace picket::archive {

struct ResponseRow {
    store::FlowKey flow;
    std::uint32_t request = 0;
    std::uint64_t time_ns = 0;
    std::uint16_t status = 0;  // 0: only the end of its body is told
    std::string content_type;
    std::int64_t content_length = -1;
    std::int64_t body_bytes = -1;
};

// Something that raised an alert, or made one climb.
struct AlertRow {
    std::uint64_t run = 0;
    detect::Hit hit;      // without its buffers
    std::string buffers;  // their names
};
AlertRow alert_row(std::uint64_t run, const detect::Hit& hit);
detect::Hit hit_of(const AlertRow& row);

// What is missing of an interval: packets or records lost, folded ones, rows that found no room here.
struct LossRow {
    std::uint64_t run = 0;  // 0: rows that found no room
    std::uint64_t begin_ns = 0;
    std::uint64_t end_ns = 0;
    std::uint64_t lost = 0;
    std::uint64_t folded = 0;
    std::uint64_t unarchived = 0;
};

// In the order of the files. Immutable, made once.
const std::vector<Column<store::StoredRequest>>& request_columns();
const std::vector<Column<ResponseRow>>& response_columns();
const std::vector<Column<store::StoredHit>>& hit_columns();
const std::vector<Column<AlertRow>>& alert_columns();
const std::vector<Column<LossRow>>& loss_columns();
const std::vector<Column<store::StoredPacket>>& packet_columns();

}  // namespace picket::archive
