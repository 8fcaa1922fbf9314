#include "controlplane/export/pcapng_file.h"

#include <array>
#include <cstring>

namespace picket::exporter {

namespace {

enum Block : std::uint32_t { interface_description = 1, enhanced_packet = 6, section_header = 0x0a0d0d0a };
enum Option : std::uint16_t {
    end_of_options = 0,
    comment = 1,
    if_name = 2,
    user_application = 4,
    if_tsresol = 9
};
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::uint8_t nanoseconds = 9;

// A block is put together here, and its length entered at both ends.
class BlockWriter {
  public:
    BlockWriter(std::string& file, Block type) : file_(file), begin_(file.size()) {
        add(static_cast<std::uint32_t>(type));
        add(std::uint32_t{0});
    }
    template <typename Number>
    void add(Number number) {
        std::array<char, sizeof number> bytes{};
        std::memcpy(bytes.data(), &number, sizeof number);
        file_.append(bytes.data(), bytes.size());
    }
    void add_padded(std::string_view bytes) {
        file_ += bytes;
        while ((file_.size() - begin_) % 4 != 0) file_ += '\0';
    }
    void add_option(Option code, std::string_view value) {
        add(static_cast<std::uint16_t>(code));
        add(static_cast<std::uint16_t>(value.size()));
        add_padded(value);
    }
    void finish() {
        const auto size = static_cast<std::uint32_t>(file_.size() - begin_ + sizeof(std::uint32_t));
        add(size);
        std::memcpy(file_.data() + begin_ + sizeof(std::uint32_t), &size, sizeof size);
    }

  private:
    std::string& file_;
    std::size_t begin_;
};

void add_section(std::string& file, const std::string& application) {
    BlockWriter block(file, section_header);
    block.add(byte_order_magic);
    block.add(std::uint16_t{1});
    block.add(std::uint16_t{0});
    block.add(UINT64_MAX);  // of unknown length
    block.add_option(user_application, application);
    block.add_option(end_of_options, {});
    block.finish();
}

void add_interface(std::string& file, std::uint16_t link_type, const std::string& name) {
    BlockWriter block(file, interface_description);
    block.add(link_type);
    block.add(std::uint16_t{0});
    block.add(std::uint32_t{0});  // packets are as long as they were captured
    if (!name.empty()) block.add_option(if_name, name);
    block.add_option(if_tsresol, std::string_view(reinterpret_cast<const char*>(&nanoseconds), 1));
    block.add_option(end_of_options, {});
    block.finish();
}

void add_packet(std::string& file, const store::StoredPacket& packet, std::uint32_t interface) {
    BlockWriter block(file, enhanced_packet);
    block.add(interface);
    block.add(static_cast<std::uint32_t>(packet.time_ns >> 32));
    block.add(static_cast<std::uint32_t>(packet.time_ns));
    block.add(static_cast<std::uint32_t>(packet.frame.size()));
    block.add(std::max(packet.wire_length, static_cast<std::uint32_t>(packet.frame.size())));
    block.add_padded(packet.frame);
    if (packet.flow.id != 0) {
        block.add_option(comment, "flow " + std::to_string(packet.flow.id));
        block.add_option(end_of_options, {});
    }
    block.finish();
}

}  // namespace

PcapngWriter::PcapngWriter(const std::string& application, PortName port_name)
    : port_name_(std::move(port_name)) {
    add_section(text_, application);
}

void PcapngWriter::add(const store::StoredPacket& packet) {
    const auto number = static_cast<std::uint32_t>(interfaces_.size());
    const auto [place, is_new] = interfaces_.try_emplace({packet.port, packet.link_type}, number);
    if (is_new) add_interface(text_, packet.link_type, port_name_(packet.port));
    add_packet(text_, packet, place->second);
}

std::string pcapng_file(std::span<const std::shared_ptr<const store::StoredPacket>> packets,
                        const std::string& application, PcapngWriter::PortName port_name) {
    PcapngWriter writer(application, std::move(port_name));
    for (const auto& packet : packets) writer.add(*packet);
    return writer.take();
}

}  // namespace picket::exporter
