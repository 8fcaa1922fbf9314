#include "dataplane/flow/page_mapping.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
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

// A replay must not take the pages that a live Picket needs when it starts.
bool leaves_half(std::size_t bytes) {
    const std::string folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
    std::uint64_t all = 0;
    std::uint64_t free = 0;
    std::ifstream(folder + "nr_hugepages") >> all;
    std::ifstream(folder + "free_hugepages") >> free;
    return free >= all / 2 + bytes / large_page;
}

// Of a mapping, begins at a large page.
bool replace(std::byte* data, std::size_t bytes, int flags) noexcept {
    return mmap(data, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, -1,
                0) != MAP_FAILED;
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
    while (data_ == nullptr && pages == Pages::growing && bytes_ > large_page) {
        bytes_ /= 2;
        data_ = map(bytes_, MAP_NORESERVE);
    }
    if (data_ == nullptr) {
        throw SetupError("flow table", "no " + std::to_string(bytes >> 20) + " MiB of memory",
                         "lower flow.capacity");
    }
    if (pages == Pages::growing) begin_at_large_page();
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

void PageMapping::begin_at_large_page() noexcept {
    const std::size_t before = -reinterpret_cast<std::uintptr_t>(data_) % large_page;
    if (before != 0) munmap(data_, before);
    data_ += before;
    bytes_ -= before;
}

void PageMapping::populate() {
    if (populate_range(data_, bytes_)) return;
    throw SetupError("flow table", "no " + std::to_string(bytes_ >> 20) + " MiB of memory",
                     "lower flow.capacity, or free memory");
}

// PERF: where a hypervisor takes back what a guest has not used for seconds, fresh pages cost 2 ns a byte, a
// quarter of a replay with 900,000 flows; reserved ones stay, and cost 0.1.
bool PageMapping::provide(std::size_t end) {
    end = round_up(end, large_page);
    if (end <= provided_) return true;
    if (end > bytes_) return false;
    std::byte* begin = data_ + provided_;
    const std::size_t bytes = end - provided_;
    bool done = leaves_half(bytes) && replace(begin, bytes, MAP_HUGETLB | MAP_HUGE_2MB) &&
                populate_range(begin, bytes);
    if (!done) {
        // Again, because what failed may have left a hole.
        done = replace(begin, bytes, MAP_NORESERVE);
        madvise(begin, bytes, MADV_HUGEPAGE);
        done = done && populate_range(begin, bytes);
    }
    if (done) provided_ = end;
    return done;
}

}  // namespace picket::flow
