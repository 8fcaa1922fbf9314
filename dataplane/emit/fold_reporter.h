// Tells who was folded: once a second it empties the fold tables step by step, and writes those who stand out
// as fold events. Of each table at most fold_report_max entries stand out in a second.
//
// What it could not write yet waits, in the event under construction and in the tables. Not thread-safe: one
// worker's, who calls step() between bursts.
#pragma once

#include <cstdint>

#include "dataplane/api/events.h"
#include "dataplane/emit/emitter.h"
#include "dataplane/flow/fold_tables.h"

namespace picket::emit {

inline constexpr std::uint64_t fold_report_max = 256;

class FoldReporter {
  public:
    FoldReporter(flow::FoldTables& tables, Emitter& emitter) : tables_(&tables), emitter_(&emitter) {}

    // Looks at a bounded number of slots; costs nothing while nothing is folded.
    void step(std::uint64_t now_ns) noexcept;
    // Tells everything at once: no more is to come.
    void finish(std::uint64_t now_ns) noexcept;

  private:
    [[nodiscard]] bool begin_pass(std::uint64_t now_ns) noexcept;
    void visit(std::size_t slots, std::uint64_t now_ns) noexcept;
    [[nodiscard]] bool add(const api::FoldEntry& entry, std::uint64_t now_ns) noexcept;
    bool write(std::uint64_t now_ns) noexcept;

    flow::FoldTables* tables_;
    Emitter* emitter_;
    api::FoldEvent event_;
    std::uint64_t next_pass_ns_ = 0;
    std::uint64_t counted_before_ = 0;  // packets and records when the last pass began
    std::uint64_t worth_ = 0;
    std::size_t position_ = 0;  // of the pass, over both tables
    bool passing_ = false;
    bool kept_ = false;  // the last pass left something in the tables
};

}  // namespace picket::emit
