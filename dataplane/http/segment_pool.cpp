#include "dataplane/http/segment_pool.h"

#include <algorithm>
#include <cstring>

namespace picket::http {

SegmentPool::Held SegmentPool::hold(HeldList& list, std::uint32_t owner, std::uint32_t begin,
                                    std::string_view text, std::uint64_t time_ns, bool apart) noexcept {
    std::uint32_t* link = &list.first;
    Piece* before_link = nullptr;
    while (!text.empty()) {
        if (*link == flow::no_index) return fill(list, before_link, link, owner, begin, text, time_ns);
        Piece& held = piece(*link);
        const std::int32_t before = sequence_distance(begin, held.begin);
        if (before > 0) {
            const std::string_view hole = text.substr(0, static_cast<std::size_t>(before));
            const Held result = fill(list, before_link, link, owner, begin, hole, time_ns);
            if (result != Held::held) return result;
            begin += static_cast<std::uint32_t>(hole.size());
            text.remove_prefix(hole.size());
        } else {
            const std::int32_t covered = sequence_distance(begin, held.begin + held.length);
            if (covered > 0) {
                begin += static_cast<std::uint32_t>(covered);
                text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(covered)));
            }
            before_link = apart ? nullptr : &held;
            link = &held.next;
        }
    }
    return Held::held;
}

SegmentPool::Held SegmentPool::fill(HeldList& list, Piece* before_link, std::uint32_t*& link,
                                    std::uint32_t owner, std::uint32_t begin, std::string_view text,
                                    std::uint64_t time_ns) noexcept {
    if (before_link != nullptr && before_link->begin + before_link->length == begin) {
        const std::size_t fits = std::min(
            {text.size(), piece_bytes_max - before_link->length, std::size_t{list_bytes_max - list.bytes}});
        std::memcpy(before_link->data.data() + before_link->length, text.data(), fits);
        before_link->length += static_cast<std::uint32_t>(fits);
        if (fits != 0) before_link->time_ns = std::max(before_link->time_ns, time_ns);
        list.bytes += static_cast<std::uint32_t>(fits);
        begin += static_cast<std::uint32_t>(fits);
        text.remove_prefix(fits);
    }
    while (!text.empty()) {
        const std::size_t length = std::min(text.size(), piece_bytes_max);
        if (list.pieces == list_pieces_max || list.bytes + length > list_bytes_max) return Held::list_full;
        if (free_.empty()) return Held::pool_full;
        const std::uint32_t index = free_.back();
        free_.pop_back();
        owners_[index] = owner;
        Piece& fresh = piece(index);
        by_age_.append(index, fresh.epoch);
        fresh.time_ns = time_ns;
        fresh.next = *link;
        fresh.begin = begin;
        fresh.length = static_cast<std::uint32_t>(length);
        std::memcpy(fresh.data.data(), text.data(), length);
        *link = index;
        link = &fresh.next;
        ++list.pieces;
        list.bytes += fresh.length;
        begin += fresh.length;
        text.remove_prefix(length);
    }
    return Held::held;
}

std::uint32_t SegmentPool::take_first(HeldList& list) noexcept {
    const std::uint32_t index = list.first;
    list.first = piece(index).next;
    list.bytes -= piece(index).length;
    --list.pieces;
    return index;
}

}  // namespace picket::http
