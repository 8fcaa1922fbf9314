#include "dataplane/xdp/count_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/api/setup_error.h"
#include "dataplane/xdp/count.skel.h"
#include "dataplane/xdp/count_map.h"

namespace picket::xdp {

namespace {

constexpr std::string_view program_name = "picket_count";
constexpr std::string_view counts_name = "picket_counts";

[[noreturn]] void fail(const std::string& interface, const std::string& cause, const std::string& remedy) {
    throw SetupError("af_xdp:" + interface, cause, remedy);
}

[[noreturn]] void fail_with_code(const std::string& interface, const std::string& what, int code) {
    const bool forbidden = code == EPERM || code == EACCES;
    fail(interface, what + ": " + std::strerror(code),
         forbidden ? "run as root, or give the program CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_IPC_LOCK"
                   : "see docs/operations.md, section AF_XDP");
}

// The XDP program on the interface, whatever its mode; 0 where there is none.
std::uint32_t attached_program(const std::string& interface, unsigned index) {
    std::uint32_t id = 0;
    const int status = bpf_xdp_query_id(static_cast<int>(index), 0, &id);
    if (status < 0) {
        fail_with_code(interface, "cannot ask which XDP program is attached", -status);
    }
    return id;
}

std::string_view name_in(const char (&name)[BPF_OBJ_NAME_LEN]) noexcept {
    return {name, strnlen(name, BPF_OBJ_NAME_LEN)};
}

// A program of ours that a killed process left on the interface: its sockets are gone, so it only passes
// frames on. Anything else there is somebody's work.
void check_is_leftover(const std::string& interface, std::uint32_t id) {
    const std::string by_hand = "detach it ('ip link set dev " + interface + " xdp off')";
    const Descriptor program(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    std::uint32_t length = sizeof info;
    if (program.empty() || bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0) {
        fail(interface,
             std::string("an XDP program is attached that cannot be inspected: ") + std::strerror(errno),
             by_hand + ", or give the program CAP_SYS_ADMIN, so that it can tell a leftover of its own");
    }
    if (name_in(info.name) != program_name) {
        fail(interface, "another XDP program is attached to the interface",
             by_hand + " or choose another interface");
    }
}

// A descriptor of this process, of the kind ("bpf-prog", "bpf-map") and with the id and name that are given,
// duplicated. The driver has them open; asking the kernel by id would take CAP_SYS_ADMIN.
template <typename Info>
Descriptor find_open(std::string_view kind, std::uint32_t Info::*id_field, std::uint32_t id,
                     std::string_view name) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
        if (std::filesystem::read_symlink(entry.path(), ignored).string().find(kind) == std::string::npos) {
            continue;
        }
        const int fd = std::atoi(entry.path().filename().c_str());
        Info info{};
        std::uint32_t length = sizeof info;
        if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.*id_field == id &&
            name_in(info.name) == name) {
            return Descriptor(fcntl(fd, F_DUPFD_CLOEXEC, 0));
        }
    }
    return {};
}

std::vector<std::uint32_t> map_ids_of(const Descriptor& program) {
    constexpr std::size_t maps_max = 16;
    std::vector<std::uint32_t> ids(maps_max);
    bpf_prog_info info{};
    info.nr_map_ids = maps_max;
    info.map_ids = reinterpret_cast<std::uint64_t>(ids.data());
    std::uint32_t length = sizeof info;
    const bool known = bpf_obj_get_info_by_fd(program.get(), &info, &length) == 0;
    ids.resize(known ? std::min<std::size_t>(maps_max, info.nr_map_ids) : 0);
    return ids;
}

// One Picket an interface, else each would take the other's program for a leftover. The kernel frees an
// abstract socket name when its owner dies, and keeps the names of each network namespace apart.
Descriptor lock_interface(const std::string& interface, unsigned index) {
    Descriptor lock(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "picket-xdp-" + std::to_string(index);
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (bind(lock.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
        if (errno == EADDRINUSE) {
            fail(interface, "the interface is in use by another Picket",
                 "stop it first or choose another interface");
        }
        fail_with_code(interface, "cannot claim the interface", errno);
    }
    return lock;
}

}  // namespace

CountProgram::CountProgram(const std::string& interface)
    : interface_(interface), interface_index_(if_nametoindex(interface.c_str())) {
    if (interface_index_ == 0) {
        fail(interface, "there is no such interface", "name one that 'ip link' shows");
    }
    lock_ = lock_interface(interface, interface_index_);
    if (const std::uint32_t id = attached_program(interface, interface_index_); id != 0) {
        check_is_leftover(interface, id);
        program_id_ = id;
        detach();
    }
    std::size_t bytes = 0;
    const void* const image = count_bpf__elf_bytes(&bytes);
    object_ = Descriptor(memfd_create("picket-xdp", MFD_CLOEXEC));
    if (object_.empty() || write(object_.get(), image, bytes) != static_cast<ssize_t>(bytes)) {
        fail_with_code(interface, "cannot keep the XDP program in memory", errno);
    }
    object_path_ = "/proc/self/fd/" + std::to_string(object_.get());
}

CountProgram::~CountProgram() {
    detach();
}

void CountProgram::adopt() {
    const std::uint32_t id = attached_program(interface_, interface_index_);
    if (id == 0) {
        fail(interface_, "the driver attached no XDP program", "see docs/operations.md, section AF_XDP");
    }
    const Descriptor program = find_open("bpf-prog", &bpf_prog_info::id, id, program_name);
    if (program.empty()) {
        fail(interface_, "another program attached an XDP program to the interface meanwhile",
             "run one program on an interface");
    }
    program_id_ = id;
    for (const std::uint32_t map_id : map_ids_of(program)) {
        if (Descriptor map = find_open("bpf-map", &bpf_map_info::id, map_id, counts_name); !map.empty()) {
            counts_ = std::move(map);
        }
    }
    const int cpus = libbpf_num_possible_cpus();
    if (counts_.empty() || cpus <= 0) {
        fail(interface_, "cannot read the counters of the XDP program",
             "see docs/operations.md, section AF_XDP");
    }
    cpus_ = static_cast<unsigned>(cpus);
}

void CountProgram::detach() noexcept {
    if (program_id_ == 0) {
        return;
    }
    // The driver detaches as it closes; another program may have been attached since.
    std::uint32_t id = 0;
    if (bpf_xdp_query_id(static_cast<int>(interface_index_), 0, &id) == 0 && id == program_id_) {
        bpf_xdp_detach(static_cast<int>(interface_index_), 0, nullptr);
    }
    program_id_ = 0;
}

QueueCounts CountProgram::counts() const noexcept {
    static_assert(queues_max == PICKET_XDP_QUEUES);
    constexpr std::size_t cpus_max = 1024;
    std::array<picket_xdp_counts, cpus_max> per_cpu;
    QueueCounts sums{};
    if (counts_.empty() || cpus_ > cpus_max) {
        return sums;
    }
    for (std::uint32_t queue = 0; queue < queues_max; ++queue) {
        if (bpf_map_lookup_elem(counts_.get(), &queue, per_cpu.data()) != 0) {
            continue;
        }
        for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
            sums[queue].packets += per_cpu[cpu].packets;
            sums[queue].bytes += per_cpu[cpu].bytes;
            sums[queue].no_socket += per_cpu[cpu].no_socket;
        }
    }
    return sums;
}

Counts sum_of(const QueueCounts& queues) noexcept {
    Counts sum;
    for (const Counts& counts : queues) {
        sum.packets += counts.packets;
        sum.bytes += counts.bytes;
        sum.no_socket += counts.no_socket;
    }
    return sum;
}

}  // namespace picket::xdp
