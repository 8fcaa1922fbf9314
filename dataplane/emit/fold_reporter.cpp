#include "dataplane/emit/fold_reporter.h"

#include <algorithm>

namespace picket::emit {
namespace {

constexpr std::uint64_t pass_interval_ns = 1'000'000'000;
constexpr std::size_t slots_a_step = 32;
// Below so many packets and records an entry would save little of the ring.
constexpr std::uint64_t worth_min = 8;
constexpr std::size_t slots_all = flow::fold_tables * flow::fold_slots;

std::uint64_t counted(const flow::FoldTables& tables) noexcept {
    return tables.totals().packets + tables.totals().records;
}

}  // namespace

void FoldReporter::step(std::uint64_t now_ns) noexcept {
    if (!passing_ && !begin_pass(now_ns)) return;
    visit(slots_a_step, now_ns);
    if (position_ < slots_all) return;
    write(now_ns);
    passing_ = false;
}

bool FoldReporter::begin_pass(std::uint64_t now_ns) noexcept {
    if (event_.count != 0 && now_ns >= next_pass_ns_) write(now_ns);
    const std::uint64_t counted_now = counted(*tables_);
    const std::uint64_t more = counted_now - counted_before_;
    if ((more == 0 && !kept_) || now_ns < next_pass_ns_) return false;
    next_pass_ns_ = now_ns + pass_interval_ns;
    counted_before_ = counted_now;
    worth_ = std::max(more / fold_report_max, worth_min);
    position_ = 0;
    passing_ = true;
    kept_ = false;
    return true;
}

void FoldReporter::visit(std::size_t slots, std::uint64_t now_ns) noexcept {
    const std::size_t end = std::min(position_ + slots, slots_all);
    while (position_ < end) {
        const std::size_t table = position_ / flow::fold_slots;
        const std::size_t from = position_ % flow::fold_slots;
        const std::size_t count = std::min(end - position_, flow::fold_slots - from);
        tables_->sweep(table, from, count, worth_, [this, now_ns](const api::FoldEntry& entry) noexcept {
            const bool told = add(entry, now_ns);
            kept_ = kept_ || !told;
            return told;
        });
        position_ += count;
    }
}

bool FoldReporter::add(const api::FoldEntry& entry, std::uint64_t now_ns) noexcept {
    if (event_.count == api::fold_entries_max && !write(now_ns)) return false;
    event_.entries[event_.count++] = entry;
    return true;
}

bool FoldReporter::write(std::uint64_t now_ns) noexcept {
    if (event_.count == 0) return true;
    if (!emitter_->fold(event_, now_ns)) return false;
    event_.count = 0;
    return true;
}

void FoldReporter::finish(std::uint64_t now_ns) noexcept {
    next_pass_ns_ = 0;
    if (!passing_ && !begin_pass(now_ns)) return;
    // A pass that was under way first: what came behind it is found by the second.
    visit(slots_all, now_ns);
    passing_ = false;
    next_pass_ns_ = 0;
    if (begin_pass(now_ns)) visit(slots_all, now_ns);
    passing_ = false;
    write(now_ns);
}

}  // namespace picket::emit
