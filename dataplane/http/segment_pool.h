// Segments that came before their turn: copies in pieces of a fixed size, until the gap before them fills.
//
// A list of a side's pieces is ordered by sequence number and free of overlaps; what was held first stays
// (first wins). One worker's; no allocation after construction, and untouched pieces cost no memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/page_mapping.h"
#include "dataplane/http/age_queue.h"

namespace picket::http {

// How far `to` lies ahead of `from` in sequence space (RFC 9293 §3.4).
[[nodiscard]] inline std::int32_t sequence_distance(std::uint32_t from, std::uint32_t to) noexcept {
    return static_cast<std::int32_t>(to - from);
}

// What one side of a flow has waiting. Bounded, see SegmentPool.
struct HeldList {
    std::uint32_t first = flow::no_index;
    std::uint32_t bytes = 0;
    std::uint32_t pieces = 0;

    [[nodiscard]] bool empty() const noexcept { return first == flow::no_index; }
};

class SegmentPool {
  public:
    static constexpr std::size_t piece_bytes_max = 2048 - 24;
    static constexpr std::uint32_t list_bytes_max = 64 * 1024;
    static constexpr std::uint32_t list_pieces_max = 40;

    explicit SegmentPool(std::size_t pieces)
        : memory_(pieces * sizeof(Piece)), owners_(pieces), by_age_(pieces) {
        for (auto& owner : owners_) owner = flow::no_index;
        free_.reserve(pieces);
        for (std::size_t i = pieces; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
    }

    enum class Held : std::uint8_t {
        held,
        list_full,  // this side holds as much as it may
        pool_full,  // all sides together do
    };
    // Copies those bytes of text, whose first has this sequence number, that are not held yet. If not all
    // of them could be held, some may be. time_ns: when they were seen. apart: in pieces of their own, so
    // that where the segment began can still be told; others go on in the piece before them.
    [[nodiscard]] Held hold(HeldList& list, std::uint32_t owner, std::uint32_t begin, std::string_view text,
                            std::uint64_t time_ns, bool apart = false) noexcept;

    // REQUIRES of these four: list is not empty.
    [[nodiscard]] std::uint32_t begin_of(const HeldList& list) const noexcept {
        return piece(list.first).begin;
    }
    [[nodiscard]] std::string_view text_of(const HeldList& list) const noexcept {
        const Piece& first = piece(list.first);
        return {first.data.data(), first.length};
    }
    // When the last of the first piece's bytes were seen.
    [[nodiscard]] std::uint64_t time_of(const HeldList& list) const noexcept {
        return piece(list.first).time_ns;
    }
    // Takes the first piece out of the list. Its text stays until give_back().
    [[nodiscard]] std::uint32_t take_first(HeldList& list) noexcept;
    void give_back(std::uint32_t index) noexcept {
        owners_[index] = flow::no_index;
        by_age_.remove(index);
        free_.push_back(index);
    }
    void clear(HeldList& list) noexcept {
        while (!list.empty()) give_back(take_first(list));
    }

    // The flow that holds the piece that was taken first; or no_index.
    [[nodiscard]] std::uint32_t oldest_owner() const noexcept {
        const std::uint32_t oldest = by_age_.oldest();
        return oldest == flow::no_index ? flow::no_index : owners_[oldest];
    }
    [[nodiscard]] std::size_t in_use() const noexcept { return owners_.size() - free_.size(); }

  private:
    struct Piece {
        std::uint64_t time_ns;
        std::uint32_t next;
        std::uint32_t begin;  // sequence number
        std::uint32_t length;
        std::uint32_t epoch;  // in which it was taken (AgeQueue)
        std::array<char, piece_bytes_max> data;
    };
    static_assert(sizeof(Piece) == 2048);

    [[nodiscard]] Piece& piece(std::uint32_t index) const noexcept {
        return reinterpret_cast<Piece*>(memory_.data())[index];
    }
    // Fills a hole of the list; link: where its index goes, before_link: the piece that takes what fits
    // behind its own bytes, if one does.
    [[nodiscard]] Held fill(HeldList& list, Piece* before_link, std::uint32_t*& link, std::uint32_t owner,
                            std::uint32_t begin, std::string_view text, std::uint64_t time_ns) noexcept;

    flow::PageMapping memory_;
    std::vector<std::uint32_t> owners_;  // by piece: the flow's cold index
    std::vector<std::uint32_t> free_;
    AgeQueue by_age_;
};

}  // namespace picket::http
