// All rows that are not on disk yet, table by table.
//
// Thread safety: as RowChunks. Bounded by a number of flows, and of events beside them.
#pragma once

#include <algorithm>
#include <optional>

#include "controlplane/archive/event_columns.h"
#include "controlplane/archive/row_chunks.h"
#include "controlplane/store/stored_flow.h"

namespace picket::archive {

// One shape for the chunks themselves, and for what one moment saw of them.
template <template <typename> typename Holder>
struct TableRows {
    Holder<store::StoredFlow> flows;
    Holder<store::StoredRequest> requests;
    Holder<ResponseRow> responses;
    Holder<store::StoredHit> hits;
    Holder<AlertRow> alerts;
    Holder<LossRow> losses;
    Holder<store::StoredPacket> packets;

    template <typename Visit>
    void for_each(Visit&& visit) const {
        visit(flows), visit(requests), visit(responses), visit(hits), visit(alerts), visit(losses),
            visit(packets);
    }
};

template <typename Row>
using ChunkView = typename RowChunks<Row>::View;

struct OpenView : TableRows<ChunkView> {
    [[nodiscard]] std::size_t rows() const {
        std::size_t rows = 0;
        for_each([&](const auto& view) { rows += view.rows(); });
        return rows;
    }
};

struct OpenRows : TableRows<RowChunks> {
    [[nodiscard]] std::size_t rows() const {
        std::size_t rows = 0;
        for_each([&](const auto& chunks) { rows += chunks.rows(); });
        return rows;
    }
    [[nodiscard]] OpenView view() const {
        return {{flows.view(), requests.view(), responses.view(), hits.view(), alerts.view(), losses.view(),
                 packets.view()}};
    }
    [[nodiscard]] OpenView seal(std::size_t rows_max) {
        return {{flows.seal(rows_max), requests.seal(rows_max), responses.seal(rows_max), hits.seal(rows_max),
                 alerts.seal(rows_max), losses.seal(rows_max), packets.seal(rows_max)}};
    }
    void drop(const OpenView& sealed) {
        flows.drop(sealed.flows);
        requests.drop(sealed.requests);
        responses.drop(sealed.responses);
        hits.drop(sealed.hits);
        alerts.drop(sealed.alerts);
        losses.drop(sealed.losses);
        packets.drop(sealed.packets);
    }
};

}  // namespace picket::archive
