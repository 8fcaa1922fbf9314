#include "dataplane/rx/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "dataplane/api/setup_error.h"
#include "dataplane/rx/eal_log.h"

namespace picket::rx {
namespace {

// Worker n is DPDK's lcore n + 1: lcore 0 is the thread that makes the Eal.
constexpr unsigned first_worker_lcore = 1;

// Of DPDK's runtime directory; the pid follows.
constexpr std::string_view own_prefix = "picket-";

std::vector<unsigned> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<unsigned> cpus;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &set)) {
                cpus.push_back(cpu);
            }
        }
    }
    return cpus;
}

std::string join(const std::vector<unsigned>& numbers) {
    std::string text;
    for (const unsigned number : numbers) {
        text.append(text.empty() ? "" : ",").append(std::to_string(number));
    }
    return text;
}

void check_cores(const std::vector<unsigned>& cores, const std::vector<unsigned>& allowed) {
    if (cores.size() + first_worker_lcore > RTE_MAX_LCORE) {
        throw SetupError("dataplane.workers",
                         std::to_string(cores.size()) + " workers are more than DPDK can run",
                         "name at most " + std::to_string(RTE_MAX_LCORE - first_worker_lcore) + " cores", 2);
    }
    for (const unsigned core : cores) {
        if (!std::binary_search(allowed.begin(), allowed.end(), core)) {
            throw SetupError("dataplane.workers",
                             "core " + std::to_string(core) + " is not available to this process",
                             "choose among " + join(allowed));
        }
    }
}

// lcore 0 floats over the cores that have no worker; every worker is pinned.
std::string lcore_map(const std::vector<unsigned>& worker_cores) {
    const std::vector<unsigned> allowed = allowed_cpus();
    check_cores(worker_cores, allowed);
    std::vector<unsigned> housekeeping;
    std::copy_if(allowed.begin(), allowed.end(), std::back_inserter(housekeeping), [&](unsigned cpu) {
        return std::find(worker_cores.begin(), worker_cores.end(), cpu) == worker_cores.end();
    });
    std::string map = "0@(" + join(housekeeping.empty() ? allowed : housekeeping) + ")";
    for (std::size_t worker = 0; worker < worker_cores.size(); ++worker) {
        map.append(",").append(std::to_string(worker + first_worker_lcore));
        map.append("@").append(std::to_string(worker_cores[worker]));
    }
    return map;
}

std::uint64_t free_hugepages_mib() {
    std::uint64_t free_kib = 0;
    std::error_code ignored;
    for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", ignored)) {
        // hugepages-2048kB
        const std::string name = size.path().filename().string();
        std::uint64_t pages = 0;
        std::ifstream(size.path() / "free_hugepages") >> pages;
        const std::size_t dash = name.find('-');
        if (dash != std::string::npos) {
            free_kib += pages * std::strtoull(name.c_str() + dash + 1, nullptr, 10);
        }
    }
    return free_kib / 1024;
}

std::vector<std::string> arguments_of(const EalSettings& settings, bool hugepages) {
    const std::string prefix = settings.file_prefix.empty()
                                   ? std::string(own_prefix).append(std::to_string(getpid()))
                                   : settings.file_prefix;
    std::vector<std::string> arguments = {"picket-dataplane",
                                          "--lcores",
                                          lcore_map(settings.worker_cores),
                                          "--main-lcore",
                                          "0",
                                          "-m",
                                          std::to_string(settings.memory_mib),
                                          "--file-prefix",
                                          prefix,
                                          "--log-level",
                                          "lib.eal:error"};
    if (hugepages) {
        arguments.emplace_back("--in-memory");  // nothing stays in hugetlbfs, however the process ends
    } else {
        arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
    }
    if (!settings.telemetry) {
        arguments.emplace_back("--no-telemetry");
    }
    bool any_pci = false;
    for (const DeviceSpec& device : settings.devices) {
        if (device.kind == DeviceKind::pci) {
            any_pci = true;
            arguments.insert(arguments.end(), {"-a", device.target});
        }
    }
    if (!any_pci) {
        arguments.insert(arguments.end(), {"--no-pci", "--iova-mode", "va"});
    }
    return arguments;
}

int run_body(void* body) {
    (*static_cast<std::function<void()>*>(body))();
    return 0;
}

// DPDK removes its telemetry socket but not the directory around it. Those of processes that were killed,
// whose name holds a pid that nobody has, go too.
void remove_runtime_directories() noexcept {
    const std::filesystem::path own = rte_eal_get_runtime_dir();
    std::error_code ignored;
    std::filesystem::remove(own, ignored);
    for (const auto& entry : std::filesystem::directory_iterator(own.parent_path(), ignored)) {
        const std::string name = entry.path().filename().string();
        const long pid = name.starts_with(own_prefix) ? std::atol(name.c_str() + own_prefix.size()) : 0;
        if (pid > 0 && kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
            std::filesystem::remove_all(entry.path(), ignored);
        }
    }
}

}  // namespace

Eal::Eal(const EalSettings& settings) : bodies_(settings.worker_cores.size()) {
    const std::uint64_t free_mib = free_hugepages_mib();
    hugepages_ = free_mib >= settings.memory_mib;
    if (!hugepages_) {
        warnings_.push_back("hugepages: " + std::to_string(free_mib) + " MiB are free of the " +
                            std::to_string(settings.memory_mib) +
                            " MiB wanted, so packet buffers lie in ordinary memory, which is slower; reserve "
                            "them with dpdk-hugepages.py, see docs/operations.md");
    }
    std::vector<std::string> arguments = arguments_of(settings, hugepages_);
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    route_eal_log();
    EalLogCapture log;
    if (rte_eal_init(static_cast<int>(arguments.size()), argv.data()) < 0) {
        const int code = rte_errno;
        remove_runtime_directories();
        throw SetupError("DPDK", std::string("cannot start: ") + rte_strerror(code) + log.take(),
                         code == EALREADY ? "start it once in a process"
                                          : "check memory and rights, see docs/operations.md");
    }
}

Eal::~Eal() {
    for (std::size_t worker = 0; worker < bodies_.size(); ++worker) {
        wait(worker);
    }
    rte_eal_cleanup();
    remove_runtime_directories();
}

void Eal::launch(std::size_t worker, std::function<void()> body) {
    const auto lcore = static_cast<unsigned>(worker) + first_worker_lcore;
    bodies_.at(worker) = std::move(body);
    if (const int status = rte_eal_remote_launch(run_body, &bodies_[worker], lcore); status != 0) {
        throw SetupError("worker " + std::to_string(worker),
                         std::string("cannot start: ") + rte_strerror(-status),
                         "wait for its last task first");
    }
}

void Eal::wait(std::size_t worker) noexcept {
    if (worker < bodies_.size()) {
        rte_eal_wait_lcore(static_cast<unsigned>(worker) + first_worker_lcore);
    }
}

}  // namespace picket::rx
