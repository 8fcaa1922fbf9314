#include "bench/tool/machine_info.h"

#include <sched.h>
#include <sys/utsname.h>
#include <time.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace picket::bench {
namespace {

double monotonic_s() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The value of "key : value" or "key: value kB".
std::string value_in(const char* path, const std::string& key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key)) continue;
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        const std::size_t at = line.find_first_not_of(" \t", colon + 1);
        return at == std::string::npos ? "" : line.substr(at);
    }
    return "";
}

// As GCC's -march names the levels of the x86-64 psABI.
std::string isa() {
    __builtin_cpu_init();
    const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    return v4 ? "x86-64-v4" : v3 ? "x86-64-v3" : v2 ? "x86-64-v2" : "x86-64";
}

std::string word_in(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

// "transparent madvise, 2048 kB 512 (500 free)".
std::string hugepages() {
    std::string text = "transparent ";
    std::ifstream modes("/sys/kernel/mm/transparent_hugepage/enabled");
    std::string mode = "unknown";
    for (std::string word; modes >> word;) {
        if (word.front() == '[') mode = word.substr(1, word.size() - 2);
    }
    text += mode;
    std::error_code ignored;
    bool any = false;
    for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", ignored)) {
        const std::string count = word_in(size.path() / "nr_hugepages");
        if (count.empty() || count == "0") continue;
        const std::string name = size.path().filename().string();  // hugepages-2048kB
        text += ", " + name.substr(name.find('-') + 1) + " " + count + " (" +
                word_in(size.path() / "free_hugepages") + " free)";
        any = true;
    }
    return any ? text : text + ", none reserved";
}

}  // namespace

TscClock::TscClock() : hz_(0) {
    const double begin_s = monotonic_s();
    const std::uint64_t begin = __rdtsc();
    double now_s = begin_s;
    while (now_s - begin_s < 0.05) now_s = monotonic_s();
    hz_ = static_cast<double>(__rdtsc() - begin) / (now_s - begin_s);
}

MachineInfo machine_info(const TscClock& clock) {
    MachineInfo info;
    info.cpu = value_in("/proc/cpuinfo", "model name");
    info.isa = isa();
    info.hugepages = hugepages();
    utsname system{};
    if (uname(&system) == 0) info.kernel = std::string(system.sysname) + " " + system.release;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) info.cores = static_cast<std::uint64_t>(CPU_COUNT(&set));
    info.tsc_ghz = clock.hz() * 1e-9;
    return info;
}

// Reserved pages that are free are not "available" to the kernel, but flow tables take them first.
std::uint64_t available_bytes() {
    const auto number = [](const char* key) {
        return std::strtoull(value_in("/proc/meminfo", key).c_str(), nullptr, 10);
    };
    const std::uint64_t available_kib = number("MemAvailable");
    return available_kib == 0 ? 0
                              : (available_kib + number("HugePages_Free") * number("Hugepagesize")) * 1024;
}

}  // namespace picket::bench
