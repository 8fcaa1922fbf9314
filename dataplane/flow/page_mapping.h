// Anonymous memory for what is accessed at random: on the largest pages that can be had.
#pragma once

#include <cstddef>

namespace picket::flow {

// Owns one anonymous mapping, zeroed, given back at destruction. Not thread-safe; the memory may be used by
// any thread.
class PageMapping {
  public:
    enum class Pages {
        transparent,  // whatever the kernel makes of MADV_HUGEPAGE
        reserved,  // 1 GiB or 2 MiB pages that the operator reserved, where enough are free; else transparent
        growing,   // only address space, of which bytes() may be less than was asked for, until provide()
    };

    PageMapping() = default;
    // Throws SetupError if there is no memory. bytes may be 0.
    explicit PageMapping(std::size_t bytes, Pages pages = Pages::transparent);
    ~PageMapping();
    PageMapping(PageMapping&& other) noexcept;
    PageMapping& operator=(PageMapping&& other) noexcept;
    PageMapping(const PageMapping&) = delete;
    PageMapping& operator=(const PageMapping&) = delete;
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    // Has the kernel provide every page now instead of at first touch. Throws SetupError if it cannot.
    void populate();

    // Of a growing mapping: has the kernel provide the bytes before `end`, on reserved pages as long as about
    // half of them stay free. False if there is no memory or address space: bytes() is then what there is,
    // and no more is asked for.
    [[nodiscard]] bool provide(std::size_t end) noexcept;

  private:
    void keep_whole_large_pages() noexcept;
    [[nodiscard]] bool provide_behind(std::size_t bytes) noexcept;

    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;     // of the mapping
    std::size_t provided_ = 0;  // of a growing one
};

}  // namespace picket::flow
