#include "dataplane/steer/mesh.h"

#include <cstring>

namespace picket::steer {

MeshRing::MeshRing(std::size_t bytes) : memory_(bytes), capacity_(bytes) {}

PushResult MeshRing::push(const rx::Frame& frame) noexcept {
    const std::size_t needed = sizeof(Entry) + ((std::size_t{frame.captured_length} + 31) & ~std::size_t{31});
    if (needed > capacity_ / 4) return PushResult::oversize;
    const std::uint64_t written = written_.value.load(std::memory_order_relaxed);
    const std::size_t offset = written & (capacity_ - 1);
    const std::size_t to_end = capacity_ - offset;  // a multiple of 32: a skip entry always fits
    const std::size_t total = needed <= to_end ? needed : to_end + needed;
    if (written - read_seen_ + total > capacity_) {
        read_seen_ = read_.value.load(std::memory_order_acquire);
        if (written - read_seen_ + total > capacity_) return PushResult::full;
    }
    std::byte* at = memory_.data() + offset;
    if (needed > to_end) {
        Entry skip{};
        skip.captured_length = skip_mark;
        std::memcpy(at, &skip, sizeof skip);
        at = memory_.data();
    }
    const Entry entry{frame.time_ns, frame.sequence,  frame.captured_length,     frame.wire_length,
                      frame.port,    frame.link_type, frame.quote_only ? 1u : 0u};
    std::memcpy(at, &entry, sizeof entry);
    if (frame.captured_length != 0) std::memcpy(at + sizeof entry, frame.data, frame.captured_length);
    written_.value.store(written + total, std::memory_order_release);
    return PushResult::pushed;
}

std::uint64_t MeshRing::peek(std::uint64_t position, rx::Frame& frame) noexcept {
    if (written_.value.load(std::memory_order_acquire) == position) return position;
    std::size_t offset = position & (capacity_ - 1);
    Entry entry;
    std::memcpy(&entry, memory_.data() + offset, sizeof entry);
    if (entry.captured_length == skip_mark) {
        position += capacity_ - offset;
        offset = 0;
        std::memcpy(&entry, memory_.data(), sizeof entry);
    }
    frame.data = reinterpret_cast<const std::uint8_t*>(memory_.data() + offset + sizeof entry);
    frame.captured_length = entry.captured_length;
    frame.wire_length = entry.wire_length;
    frame.time_ns = entry.time_ns;
    frame.sequence = entry.sequence;
    frame.port = entry.port;
    frame.link_type = entry.link_type;
    frame.quote_only = entry.quote_only != 0;
    return position + sizeof entry + ((std::size_t{entry.captured_length} + 31) & ~std::size_t{31});
}

Mesh::Mesh(std::size_t workers, std::size_t ring_bytes) : workers_(workers) {
    for (std::size_t from = 0; from < workers; ++from) {
        for (std::size_t to = 0; to < workers; ++to) {
            rings_.push_back(std::make_unique<MeshRing>(from == to ? 0 : ring_bytes));
        }
    }
}

MeshInbox::MeshInbox(Mesh& mesh, std::size_t worker) {
    for (std::size_t from = 0; from < mesh.workers(); ++from) {
        if (from != worker) sources_.push_back({&mesh.ring(from, worker), 0, 0, {}, false});
    }
}

std::size_t MeshInbox::receive(std::span<rx::Frame> out) noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < sources_.size() && count < out.size(); ++i) {
        Source& source = sources_[(turn_ + i) % sources_.size()];
        while (count < out.size()) {
            const std::uint64_t next = source.ring->peek(source.position, out[count]);
            if (next == source.position) break;
            source.position = next;
            ++count;
        }
    }
    ++turn_;
    return count;
}

bool MeshInbox::head(rx::Frame& frame) noexcept {
    bool found = false;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        Source& source = sources_[i];
        if (!source.has_head) {
            source.next = source.ring->peek(source.position, source.frame);
            source.has_head = source.next != source.position;
        }
        if (source.has_head && (!found || source.frame.sequence < frame.sequence)) {
            frame = source.frame;
            head_source_ = i;
            found = true;
        }
    }
    return found;
}

void MeshInbox::take_head() noexcept {
    Source& source = sources_[head_source_];
    source.position = source.next;
    source.has_head = false;
}

void MeshInbox::release() noexcept {
    for (Source& source : sources_) source.ring->release_until(source.position);
}

}  // namespace picket::steer
