// What came back: the first bytes that a responder sent after a moment, put together from kept packets.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "controlplane/store/packet_store.h"

namespace picket::store {

inline constexpr std::size_t answer_head_max = 1024;  // bytes
inline constexpr std::size_t answer_body_max = 256;

struct AnswerBytes {
    std::string head;           // of HTTP: status line and fields, without the empty line; else empty
    std::string body;           // what follows
    bool head_is_whole = true;  // false: the head is longer than what is kept of it
};

// TCP: in the order of sequence numbers, up to the first byte that is missing. Others: the first packet with
// payload. packets: of one flow, oldest first.
AnswerBytes answer_after(std::span<const std::shared_ptr<const StoredPacket>> packets,
                         std::uint64_t since_ns);

}  // namespace picket::store
