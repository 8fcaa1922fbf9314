/* The layout of the map that count.bpf.c fills and count_program.cpp reads; C, for both compilers. */
#pragma once

#include <linux/types.h>

/* Receive queues counted apart; the last entry also counts what lies beyond. */
#define PICKET_XDP_QUEUES 64
/* Receive queues that can have a socket: more than NICs have. */
#define PICKET_XDP_SOCKETS 1024

struct picket_xdp_counts {
    __u64 packets;
    __u64 bytes;
    __u64 no_socket; /* left to the kernel: no AF_XDP socket on that queue */
};
