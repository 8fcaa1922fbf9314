// Counts every frame that reaches an interface, by receive queue, then hands it to the AF_XDP socket of that
// queue. It runs before anything behind it can lose a frame: what it counted and a worker did not receive
// was lost in between. Loaded by DPDK's AF_XDP driver, which wants a map of the name xsks_map.
// bpf_helpers.h needs the types of bpf.h.
// clang-format off
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
// clang-format on

#include "dataplane/xdp/count_map.h"

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, PICKET_XDP_SOCKETS);
    __type(key, __u32);
    __type(value, __u32);
} xsks_map SEC(".maps");

// Per CPU, so that counting needs no atomic operation: a frame is counted on the CPU that handles its queue.
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, PICKET_XDP_QUEUES);
    __type(key, __u32);
    __type(value, struct picket_xdp_counts);
} picket_counts SEC(".maps");

SEC("xdp")
int picket_count(struct xdp_md* frame) {
    const __u32 queue = frame->rx_queue_index;
    const __u32 entry = queue < PICKET_XDP_QUEUES ? queue : PICKET_XDP_QUEUES - 1;
    struct picket_xdp_counts* counts = bpf_map_lookup_elem(&picket_counts, &entry);
    if (!counts) {
        return XDP_PASS;  // cannot be: entry is in bounds, but the verifier wants to know
    }
    counts->packets += 1;
    counts->bytes += bpf_xdp_get_buff_len(frame);  // subtracting pointers would take CAP_PERFMON
    const int action = bpf_redirect_map(&xsks_map, queue, XDP_PASS);
    if (action != XDP_REDIRECT) {
        counts->no_socket += 1;
    }
    return action;
}

char picket_license[] SEC("license") = "BSD";
