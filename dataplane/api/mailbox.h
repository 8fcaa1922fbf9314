// Commands from picketd to the data plane: a small ring of fixed-size requests in the control segment.
//
// picketd is the only producer, the housekeeping thread the only consumer; it copies a request before it
// looks at it and answers each with one ReplyEvent (command_id = id) on its event ring.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/api/abi.h"
#include "dataplane/api/event_ring.h"

namespace picket::api {

enum class CommandKind : std::uint32_t {
    start = 1,       // let held workers begin (capture files wait for their rules)
    load_rules = 2,  // offset, size: a rule blob in the rule area (rule_blob.h); generation: its number
    walk = 3,        // emit a flow_live event for every flow that passes the filter, then walk_done
    drain = 4,       // stop receiving, end all flows (forced_end), emit them, report input_done; stay alive
    stop = 5,        // drain, then leave the process
    copy = 6,        // emit a packet event for every frame that passes the program; an empty one ends that
};

struct Prefix {
    Address address;
    std::uint8_t length = 0;  // bits, 0..128 (IPv4: 96 + its own)
    std::array<std::uint8_t, 7> pad{};
};
static_assert(sizeof(Prefix) == 24);

inline constexpr std::size_t walk_prefixes_max = 32;

// A flow passes if every set field agrees; picketd applies the exact filter of the query afterwards.
struct WalkFilter {
    std::uint32_t prefix_count = 0;  // 0: any address; else either end within any of the prefixes
    std::uint16_t port = 0;          // 0: any; else either end's
    std::uint8_t protocol = 0;       // 0: any
    std::uint8_t pad = 0;
    std::array<Prefix, walk_prefixes_max> prefixes{};
};

// As in struct bpf_insn of classic BPF, which libpcap compiles filter expressions to.
struct FilterInstruction {
    std::uint16_t code = 0;
    std::uint8_t if_true = 0;
    std::uint8_t if_false = 0;
    std::uint32_t value = 0;
};
static_assert(sizeof(FilterInstruction) == 8);

inline constexpr std::size_t filter_instructions_max = 512;

// Judges Ethernet frames; of other link types none passes.
struct FrameProgram {
    std::uint32_t capture = 0;      // whose packets they are: PacketEvent::capture
    std::uint32_t length = 0;       // instructions
    std::uint32_t frame_bytes = 0;  // kept of each frame at most
    std::uint32_t pad = 0;
    std::array<FilterInstruction, filter_instructions_max> instructions{};
};

struct Command {
    std::uint64_t id = 0;  // > 0, rising
    CommandKind kind = CommandKind::start;
    std::uint32_t generation = 0;
    std::uint64_t offset = 0;  // load_rules: from the beginning of the control segment
    std::uint64_t size = 0;    // load_rules: bytes
    WalkFilter filter;         // walk
    FrameProgram program;      // copy
};
static_assert(sizeof(Command) % 8 == 0);

inline constexpr std::size_t mailbox_slots = 16;

// Lives in the control segment; picketd writes. The consumed position is EvidenceHeader::commands_taken.
struct alignas(cache_line) Mailbox {
    RingPosition posted;  // commands ever posted
    std::array<Command, mailbox_slots> slots{};
};

}  // namespace picket::api
