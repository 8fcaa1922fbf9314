// The machine's limit: one random cache line a packet is read and written, over as many lines as there are
// flows, prefetched in batches of 32. No flow table can be faster at one line a packet.
//
// Owns the lines, in pages as the flow table's. One thread. touch() is what is to be timed;
// choose() is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/random.h"
#include "dataplane/flow/page_mapping.h"

namespace picket::bench {

class RandomLines {
  public:
    static constexpr std::size_t batch_lines = 32;
    static constexpr std::size_t round_lines = 128 * batch_lines;

    // Throws SetupError if there is no memory. lines > 0.
    explicit RandomLines(std::uint32_t lines)
        : lines_(lines),
          memory_(std::size_t{lines} * 64, flow::PageMapping::Pages::reserved),
          order_(round_lines) {
        auto* words = this->words();
        for (std::size_t i = 0; i < lines; ++i) words[i * words_a_line] = i;
    }

    // Picks the lines of the next touch().
    void choose(Random& random) noexcept {
        for (auto& index : order_) index = random.below(lines_);
    }

    void touch() noexcept {
        auto* words = this->words();
        for (std::size_t at = 0; at < round_lines; at += batch_lines) {
            for (std::size_t i = at; i < at + batch_lines; ++i) {
                __builtin_prefetch(&words[order_[i] * words_a_line], 1);
            }
            for (std::size_t i = at; i < at + batch_lines; ++i) ++words[order_[i] * words_a_line];
        }
    }

  private:
    static constexpr std::size_t words_a_line = 8;

    [[nodiscard]] std::uint64_t* words() const noexcept {
        return reinterpret_cast<std::uint64_t*>(memory_.data());
    }

    std::uint32_t lines_;
    flow::PageMapping memory_;
    std::vector<std::uint32_t> order_;
};

}  // namespace picket::bench
