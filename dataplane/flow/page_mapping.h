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
        growing,   // transparent, and only address space at first: bytes() may be less than was asked for
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

    // Has the kernel provide every page now instead of at first touch, or those with bytes of [begin, end).
    // Throws SetupError if it cannot.
    void populate() { populate(0, bytes_); }
    void populate(std::size_t begin, std::size_t end);

  private:
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;  // of the mapping
};

}  // namespace picket::flow
