// Rows that are not on disk yet: a sequence of chunks, appended to at one end, dropped at the other once they
// are written.
//
// Thread safety: one appender, any number of readers. A reader takes shared pointers and lengths under the
// lock and reads without it: what it may see of a chunk is never written again.
// Memory: sizeof(Row) a row, in chunks of chunk_rows.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace picket::archive {

template <typename Row>
class RowChunks {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t chunk_rows = 512;

  private:
    using Storage = std::array<Row, chunk_rows>;
    struct Chunk {
        std::shared_ptr<Storage> rows;
        std::size_t length = 0;
        Clock::time_point since;  // its first row
    };

  public:
    // The oldest chunks as they were at one moment. Keeps their rows alive.
    class View {
      public:
        [[nodiscard]] std::size_t chunks() const noexcept { return chunks_.size(); }
        [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
        [[nodiscard]] std::span<const Row> chunk(std::size_t index) const noexcept {
            return {chunks_[index].rows->data(), chunks_[index].length};
        }
        template <typename Visit>
        void for_each(Visit&& visit) const {
            for (std::size_t i = 0; i < chunks(); ++i) {
                for (const Row& row : chunk(i)) visit(row);
            }
        }

      private:
        friend class RowChunks;
        std::vector<Chunk> chunks_;
        std::size_t rows_ = 0;
    };

    // How many of the rows found room: the first ones.
    std::size_t append(std::span<const Row> rows, std::size_t rows_max) {
        const std::lock_guard lock(mutex_);
        std::size_t taken = 0;
        for (; taken < rows.size() && rows_ < rows_max; ++taken, ++rows_) {
            if (sealed_ || chunks_.back().length == chunk_rows) {
                chunks_.push_back({std::make_shared<Storage>(), 0, Clock::now()});
                sealed_ = false;
            }
            Chunk& chunk = chunks_.back();
            (*chunk.rows)[chunk.length++] = rows[taken];
        }
        return taken;
    }

    [[nodiscard]] View view() const {
        const std::lock_guard lock(mutex_);
        return make_view(chunks_.size());
    }

    // The oldest chunks up to about rows_max rows, to be written and dropped: nothing is appended to them.
    [[nodiscard]] View seal(std::size_t rows_max) {
        const std::lock_guard lock(mutex_);
        const std::size_t count = std::min(chunks_.size(), rows_max / chunk_rows + 1);
        sealed_ = sealed_ || count == chunks_.size();
        return make_view(count);
    }
    void drop(const View& sealed) {
        const std::lock_guard lock(mutex_);
        chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(sealed.chunks()));
        rows_ -= sealed.rows();
    }

    [[nodiscard]] std::size_t rows() const {
        const std::lock_guard lock(mutex_);
        return rows_;
    }
    // When the oldest row came; nothing if there is none.
    [[nodiscard]] std::optional<Clock::time_point> since() const {
        const std::lock_guard lock(mutex_);
        return chunks_.empty() ? std::nullopt : std::optional(chunks_.front().since);
    }

  private:
    [[nodiscard]] View make_view(std::size_t count) const {
        View view;
        view.chunks_.assign(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(count));
        for (const Chunk& chunk : view.chunks_) view.rows_ += chunk.length;
        return view;
    }

    mutable std::mutex mutex_;
    std::deque<Chunk> chunks_;
    std::size_t rows_ = 0;
    bool sealed_ = true;  // the newest chunk takes no more rows
};

}  // namespace picket::archive
