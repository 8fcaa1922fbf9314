#include "controlplane/import/ipfix_reader.h"

#include <utility>

namespace picket::importer {
namespace {

constexpr std::uint16_t version = 10;
constexpr std::uint16_t template_set = 2;
constexpr std::uint16_t options_template_set = 3;
constexpr std::uint16_t data_set_min = 256;
constexpr std::size_t set_header_bytes = 4;

std::string template_name(std::uint16_t id) {
    return "template " + std::to_string(id);
}

}  // namespace

std::size_t ipfix_message_length(std::span<const std::uint8_t> header) noexcept {
    parse::ByteCursor bytes(header.data(), header.size());
    if (bytes.u16() != version) return 0;
    const std::size_t length = bytes.u16();
    return length < ipfix_header_bytes ? 0 : length;
}

void IpfixReader::reject(std::string why) {
    sink_({std::nullopt, false, std::move(why)});
}

void IpfixReader::read(std::span<const std::uint8_t> message) {
    parse::ByteCursor bytes(message.data(), message.size());
    bytes.take(4);  // version and length: see ipfix_message_length
    export_s_ = bytes.u32();
    bytes.take(4);  // sequence number: a file has no loss that it could tell
    domain_ = bytes.u32();
    while (bytes.remaining() >= set_header_bytes) {
        const std::uint16_t id = bytes.u16();
        const std::size_t length = bytes.u16();
        if (length < set_header_bytes || length - set_header_bytes > bytes.remaining()) {
            return reject("a set of " + std::to_string(length) + " bytes, of which " +
                          std::to_string(bytes.remaining() + set_header_bytes) +
                          " are left: the rest of the message is skipped");
        }
        const std::size_t content = length - set_header_bytes;
        parse::ByteCursor set(bytes.take(content), content);
        read_set(id, set);
    }
    if (bytes.failed() || bytes.remaining() > 0) reject("the message ends within a set's header");
}

void IpfixReader::read_set(std::uint16_t id, parse::ByteCursor& bytes) {
    if (id == template_set || id == options_template_set) return read_templates(bytes, id != template_set);
    if (id >= data_set_min) return read_records(id, bytes);
    reject("a set of the reserved number " + std::to_string(id));
}

// RFC 7011 §3.4.1, §3.4.2.2, withdrawal in §8.1.
void IpfixReader::read_templates(parse::ByteCursor& bytes, bool options) {
    while (bytes.remaining() >= 4) {
        const std::uint16_t id = bytes.u16();
        const std::uint16_t count = bytes.u16();
        if (id == 0 && count == 0) return;  // padding
        if (count == 0) {
            forget(id, options);
            continue;
        }
        if (options) bytes.u16();  // how many of the fields are the scope
        auto layout = parse_ipfix_fields(bytes, count);
        if (!layout || id < data_set_min) return reject(template_name(id) + " cannot be read");
        layout->options = options;
        adopt(id, std::move(*layout));
    }
}

void IpfixReader::adopt(std::uint16_t id, IpfixTemplate layout) {
    IpfixTemplate& place = templates_[key(id)];
    const std::size_t fields = fields_ - place.fields.size() + layout.fields.size();
    if (fields > fields_max) {
        fields_ -= place.fields.size();
        templates_.erase(key(id));
        return reject(template_name(id) + " is not kept: templates have more than " +
                      std::to_string(fields_max) + " fields");
    }
    fields_ = fields;
    place = std::move(layout);
}

void IpfixReader::forget(std::uint16_t id, bool options) {
    const bool all = id == (options ? options_template_set : template_set);
    std::erase_if(templates_, [&](const auto& entry) {
        const bool withdrawn =
            all ? entry.first >> 16 == domain_ && entry.second.options == options : entry.first == key(id);
        if (withdrawn) fields_ -= entry.second.fields.size();
        return withdrawn;
    });
}

void IpfixReader::read_records(std::uint16_t id, parse::ByteCursor& bytes) {
    const auto found = templates_.find(key(id));
    if (found == templates_.end()) {
        return reject("a set of " + std::to_string(bytes.remaining()) + " bytes is of " + template_name(id) +
                      ", which has not been told before it");
    }
    const IpfixTemplate& layout = found->second;
    IpfixRecord record;
    while (bytes.remaining() >= layout.length_min) {  // fewer are padding, RFC 7011 §3.3.1
        if (!record.read(bytes, layout)) return reject("a record of " + template_name(id) + " is cut");
        if (layout.options) {
            note_exporter(record);
            continue;
        }
        const auto boot = boot_ms_.find(domain_);
        ForeignLine line =
            record.flow({export_s_, boot == boot_ms_.end() ? std::nullopt : std::optional(boot->second)});
        if (!line.flow) line.why = "a record of " + template_name(id) + ": " + line.why;
        sink_(line);
    }
}

void IpfixReader::note_exporter(const IpfixRecord& record) {
    constexpr std::size_t exporters_max = 65'536;
    const auto boot_ms = record.value(IpfixTake::boot_ms);
    if (boot_ms && (boot_ms_.size() < exporters_max || boot_ms_.contains(domain_)))
        boot_ms_[domain_] = *boot_ms;
}

}  // namespace picket::importer
