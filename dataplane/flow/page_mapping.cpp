#include "dataplane/flow/page_mapping.h"

#include <fcntl.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "dataplane/api/setup_error.h"

namespace picket::flow {
namespace {

constexpr std::size_t gib = std::size_t{1} << 30;
constexpr std::size_t large_page = std::size_t{2} << 20;

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) noexcept {
    return (bytes + unit - 1) / unit * unit;
}

std::byte* map(std::size_t bytes, int flags) noexcept {
    void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
}

bool populate_range(std::byte* data, std::size_t bytes) noexcept {
    if (bytes == 0 || madvise(data, bytes, MADV_POPULATE_WRITE) == 0) return true;
    if (errno != EINVAL) return false;
    // Before Linux 5.14: touch every page.
    constexpr std::size_t page = 4096;
    for (std::size_t at = 0; at < bytes; at += page) {
        auto* byte = reinterpret_cast<volatile std::byte*>(data + at);
        *byte = *byte;
    }
    return true;
}

// 0 if it cannot be read.
std::uint64_t number_of_reserved(const char* which) noexcept {
    std::array<char, 128> path;
    std::snprintf(path.data(), path.size(), "/sys/kernel/mm/hugepages/hugepages-2048kB/%s_hugepages", which);
    const int file = open(path.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    std::array<char, 24> text{};
    const ssize_t length = read(file, text.data(), text.size() - 1);
    close(file);
    return length > 0 ? std::strtoull(text.data(), nullptr, 10) : 0;
}

// A replay must not take the pages that a live Picket needs when it starts.
bool leaves_half(std::size_t bytes) noexcept {
    const std::uint64_t all = number_of_reserved("nr");
    if (all == 0) return false;
    const std::uint64_t promised = number_of_reserved("resv");  // and not yet touched
    return number_of_reserved("free") >= promised + all / 2 + bytes / large_page;
}

// Populated; nullptr if there are not enough.
std::byte* map_reserved(std::size_t bytes) noexcept {
    if (!leaves_half(bytes)) return nullptr;
    std::byte* mapped = map(bytes, MAP_HUGETLB | MAP_HUGE_2MB);
    if (mapped == nullptr || populate_range(mapped, bytes)) return mapped;
    munmap(mapped, bytes);
    return nullptr;
}

}  // namespace

PageMapping::PageMapping(std::size_t bytes, Pages pages) {
    if (bytes == 0) return;
    if (pages == Pages::reserved && bytes >= large_page) {
        // A gigabyte page is worth it only where most of it is used.
        bytes_ = round_up(bytes, gib);
        if (bytes_ - bytes <= bytes / 4) data_ = map(bytes_, MAP_HUGETLB | MAP_HUGE_1GB);
        if (data_ != nullptr) return;
        bytes_ = round_up(bytes, large_page);
        data_ = map(bytes_, MAP_HUGETLB | MAP_HUGE_2MB);
        if (data_ != nullptr) return;
    }
    if (pages == Pages::growing) bytes = round_up(bytes, large_page) + large_page;
    bytes_ = bytes;
    data_ = map(bytes_, MAP_NORESERVE);
    // A limit of address space, or a kernel that commits memory strictly.
    while (data_ == nullptr && pages == Pages::growing && bytes_ >= 4 * large_page) {
        bytes_ = round_up(bytes_ / 2, large_page);
        data_ = map(bytes_, MAP_NORESERVE);
    }
    if (data_ == nullptr) {
        throw SetupError("flow table", "no " + std::to_string(bytes >> 20) + " MiB of memory",
                         "lower flow.capacity");
    }
    if (pages == Pages::growing) keep_whole_large_pages();
    // PERF: with 4 KiB pages every random line also misses the TLB (facts: 45 / 61 / 164 ns a packet against
    // 34 / 42 / 70 with 2 MiB pages).
    if (bytes_ >= large_page) madvise(data_, bytes_, MADV_HUGEPAGE);
}

PageMapping::~PageMapping() {
    if (data_ != nullptr) munmap(data_, bytes_);
}

PageMapping::PageMapping(PageMapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      provided_(std::exchange(other.provided_, 0)) {}

PageMapping& PageMapping::operator=(PageMapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(provided_, other.provided_);
    return *this;
}

// At least two large pages were mapped, so that one is left.
void PageMapping::keep_whole_large_pages() noexcept {
    const std::size_t before = -reinterpret_cast<std::uintptr_t>(data_) % large_page;
    if (before != 0) munmap(data_, before);
    data_ += before;
    bytes_ -= before;
    const std::size_t behind = bytes_ % large_page;
    bytes_ -= behind;
    if (behind != 0) munmap(data_ + bytes_, behind);
}

void PageMapping::populate() {
    if (populate_range(data_, bytes_)) return;
    throw SetupError("flow table", "no " + std::to_string(bytes_ >> 20) + " MiB of memory",
                     "lower flow.capacity, or free memory");
}

bool PageMapping::provide(std::size_t end) noexcept {
    end = round_up(end, large_page);
    if (end <= provided_) return true;
    if (end > bytes_) return false;
    if (!provide_behind(end - provided_)) return false;
    provided_ = end;
    return true;
}

// PERF: where a hypervisor takes back what a guest has not used for seconds, fresh pages cost 2 ns a byte, a
// quarter of a replay with 900,000 flows; reserved ones stay, and cost 0.1.
bool PageMapping::provide_behind(std::size_t bytes) noexcept {
    std::byte* begin = data_ + provided_;
    // Moved here as a whole: mapped in this place they could leave a hole that somebody else fills.
    if (std::byte* reserved = map_reserved(bytes)) {
        if (mremap(reserved, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, begin) != MAP_FAILED) return true;
        munmap(reserved, bytes);
        // Before Linux 5.16, which leaves a hole; if there is none, it is not known whose the place is.
        void* again = mmap(begin, bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
        if (again != begin) {
            if (again != MAP_FAILED) munmap(again, bytes);
            bytes_ = provided_;
            return false;
        }
        madvise(begin, bytes, MADV_HUGEPAGE);
    }
    if (populate_range(begin, bytes)) return true;
    munmap(begin, bytes_ - provided_);
    bytes_ = provided_;
    return false;
}

}  // namespace picket::flow
