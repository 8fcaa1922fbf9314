#include "dataplane/emit/hit_counter.h"

#include <algorithm>
#include <cstring>

namespace picket::emit {
namespace {

bool same(const api::HitCountEvent& left, const api::HitCountEvent& right) noexcept {
    return left.rule == right.rule && left.generation == right.generation &&
           left.ends.client == right.ends.client && left.ends.server == right.ends.server &&
           left.ends.server_port == right.ends.server_port && left.ends.protocol == right.ends.protocol &&
           left.client_lists == right.client_lists && left.server_lists == right.server_lists;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) noexcept {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 32;
}

}  // namespace

HitCounter::Slot& HitCounter::slot_of(const api::HitCountEvent& hit) noexcept {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), hit.ends.client.bytes.data(), 16);
    std::memcpy(words.data() + 2, hit.ends.server.bytes.data(), 16);
    std::uint64_t hash = std::uint64_t{hit.rule} << 16 | hit.ends.server_port;
    for (const std::uint64_t word : words) hash = mix(hash, word);
    return slots_[hash % slot_count];
}

void HitCounter::take(Slot& slot, const api::HitCountEvent& hit) noexcept {
    if (!slot.used) ++used_;
    slot.used = true;
    slot.begin_ns = hit.last_ns;
    slot.hits = hit;
    slot.hits.count = 0;
    slot.hits.lost = 0;
}

void HitCounter::add(Slot& slot, const api::HitCountEvent& hit) noexcept {
    if (slot.hits.count == 0) slot.hits.first_ns = hit.first_ns;
    slot.hits.ends = hit.ends;
    slot.hits.first_ns = std::min(slot.hits.first_ns, hit.first_ns);
    slot.hits.last_ns = std::max(slot.hits.last_ns, hit.last_ns);
    slot.hits.count += hit.count;
    slot.hits.lost += hit.lost;
    total_ += hit.count;
}

bool HitCounter::count_repeated(const api::HitCountEvent& hit) noexcept {
    Slot& slot = slot_of(hit);
    if (slot.used && same(slot.hits, hit)) {
        if (hit.last_ns >= slot.begin_ns + second_ns) {
            slot.begin_ns = hit.last_ns;
            return false;
        }
        add(slot, hit);
        return true;
    }
    // What another key has counted must be told before its place is taken.
    if (!slot.used || slot.hits.count == 0) take(slot, hit);
    return false;
}

bool HitCounter::count_unwritten(const api::HitCountEvent& hit) noexcept {
    Slot& slot = slot_of(hit);
    if (!slot.used || (slot.hits.count == 0 && !same(slot.hits, hit))) take(slot, hit);
    if (!same(slot.hits, hit)) return false;
    add(slot, hit);
    return true;
}

}  // namespace picket::emit
