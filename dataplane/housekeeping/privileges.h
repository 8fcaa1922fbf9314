// What a started data plane may still do: nothing but look after its ports.
#pragma once

namespace picket::housekeeping {

// Takes every capability from the calling thread but those that open ports need for statistics, link state
// and an orderly end (CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_IPC_LOCK), and forbids gaining new ones.
// Capabilities belong to threads: each thread calls it for itself, after start-up. Threads that DPDK started
// for itself (interrupts, telemetry) keep theirs, and so does the user id. Harmless without rights.
// Throws SetupError if the kernel refuses.
void drop_privileges();

}  // namespace picket::housekeeping
