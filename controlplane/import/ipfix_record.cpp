#include "controlplane/import/ipfix_record.h"

#include <cstring>

#include "controlplane/store/protocol_text.h"

namespace picket::importer {
namespace {

using Take = IpfixTake;

constexpr std::uint64_t ns_a_second = 1'000'000'000;
// The archive's times are signed 64-bit nanoseconds, with room for what is added to them.
constexpr std::uint64_t time_ms_max = 9'000'000'000'000;

// RFC 7011 §6.1.9, §6.1.10: NTP's 32 bits of seconds since 1900, which wrap in 2036, and 32 of a fraction.
// The result is the nearest of as many steps a second, since exporters cut the fraction.
std::uint64_t ntp_ns(std::uint64_t ntp, std::uint64_t steps_a_second) noexcept {
    constexpr std::uint64_t unix_epoch_s = 2'208'988'800;
    std::uint64_t seconds = ntp >> 32;
    if (seconds < unix_epoch_s) seconds += std::uint64_t{1} << 32;
    const std::uint64_t fraction = ntp & 0xffffffff;
    const std::uint64_t steps = (fraction * steps_a_second + (std::uint64_t{1} << 31)) >> 32;
    return (seconds - unix_epoch_s) * ns_a_second + steps * (ns_a_second / steps_a_second);
}

// RFC 7011 §6.1.9: the lower 11 bits of a fraction in microseconds say nothing.
std::uint64_t ntp_us_as_ns(std::uint64_t ntp) noexcept {
    return ntp_ns(ntp & ~std::uint64_t{0x7ff}, 1'000'000);
}

std::optional<std::uint64_t> ms_as_ns(std::optional<std::uint64_t> ms) noexcept {
    if (!ms || *ms > time_ms_max) return std::nullopt;
    return *ms * 1'000'000;
}

std::optional<std::uint64_t> before(std::uint64_t time_ns, std::uint64_t distance_ns) noexcept {
    if (distance_ns > time_ns) return std::nullopt;
    return time_ns - distance_ns;
}

// The elements of one of a flow's two times.
struct TimeTakes {
    Take uptime_ms, s, before_export_us, ms, ntp_us, ntp_ns;
};
constexpr TimeTakes starts{Take::start_uptime_ms, Take::start_s,      Take::start_before_export_us,
                           Take::start_ms,        Take::start_ntp_us, Take::start_ntp_ns};
constexpr TimeTakes ends{Take::end_uptime_ms, Take::end_s,      Take::end_before_export_us,
                         Take::end_ms,        Take::end_ntp_us, Take::end_ntp_ns};

// The finest that is told, in nanoseconds of UTC.
std::optional<std::uint64_t> time_of(const IpfixRecord& record, const TimeTakes& takes,
                                     const IpfixClock& clock) noexcept {
    if (const auto ntp = record.value(takes.ntp_ns)) return ntp_ns(*ntp, ns_a_second);
    if (const auto ntp = record.value(takes.ntp_us)) return ntp_us_as_ns(*ntp);
    if (const auto ms = record.value(takes.ms)) return ms_as_ns(ms);
    if (const auto us = record.value(takes.before_export_us))
        return before(clock.export_s * ns_a_second, *us * 1000);
    if (const auto s = record.value(takes.s)) return *s * ns_a_second;
    const auto uptime_ms = record.value(takes.uptime_ms);
    const auto own_boot_ms = record.value(Take::boot_ms);
    const auto boot_ms = own_boot_ms ? own_boot_ms : clock.boot_ms;
    if (!uptime_ms || !boot_ms || *boot_ms > time_ms_max) return std::nullopt;
    return ms_as_ns(*boot_ms + *uptime_ms);
}

}  // namespace

void IpfixRecord::keep(Take take, const std::uint8_t* bytes, std::size_t length) noexcept {
    const auto place = static_cast<std::size_t>(take);
    present_ |= std::uint64_t{1} << place;
    if (take == Take::source_v4 || take == Take::destination_v4) {
        addresses_[place - 1] = api::ipv4_mapped(bytes);
    } else if (take == Take::source_v6 || take == Take::destination_v6) {
        std::memcpy(addresses_[place - 1].bytes.data(), bytes, 16);
    } else {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < length; ++i) value = value << 8 | bytes[i];
        values_[place] = value;
    }
}

bool IpfixRecord::read(parse::ByteCursor& bytes, const IpfixTemplate& layout) noexcept {
    present_ = 0;
    for (const IpfixField& field : layout.fields) {
        std::size_t length = field.length;
        if (length == ipfix_variable_length) {  // RFC 7011 §7
            length = bytes.u8();
            if (length == 255) length = bytes.u16();
        }
        const std::uint8_t* content = bytes.take(length);
        if (content == nullptr) return false;
        if (field.take != Take::nothing) keep(field.take, content, length);
    }
    return true;
}

std::optional<std::uint64_t> IpfixRecord::value(Take take) const noexcept {
    const auto place = static_cast<std::size_t>(take);
    if ((present_ >> place & 1) == 0) return std::nullopt;
    return values_[place];
}

std::uint64_t IpfixRecord::count(Take fine, Take coarse) const noexcept {
    const auto told = value(fine);
    return told ? *told : value(coarse).value_or(0);
}

std::string IpfixRecord::take_ends(store::StoredFlow& flow) const {
    // A template of both families: the one that is not used is zero.
    const auto end_of = [this](Take v4, Take v6) -> std::optional<api::Address> {
        const auto& four = addresses_[static_cast<std::size_t>(v4) - 1];
        const auto& six = addresses_[static_cast<std::size_t>(v6) - 1];
        if (value(v6) && (!value(v4) || six != api::Address{})) return six;
        if (value(v4)) return four;
        return std::nullopt;
    };
    const auto source = end_of(Take::source_v4, Take::source_v6);
    const auto destination = end_of(Take::destination_v4, Take::destination_v6);
    if (!source || !destination) return "it tells no source and destination address";
    const auto protocol = value(Take::protocol);
    if (!protocol) return "it tells no protocol";
    flow.source = *source;
    flow.destination = *destination;
    flow.protocol = static_cast<std::uint8_t>(*protocol);
    set_ports(flow, static_cast<std::uint16_t>(value(Take::source_port).value_or(0)),
              static_cast<std::uint16_t>(value(Take::destination_port).value_or(0)));
    return {};
}

std::string IpfixRecord::take_times(const IpfixClock& clock, store::StoredFlow& flow) const {
    const auto start = time_of(*this, starts, clock);
    const auto end = time_of(*this, ends, clock);
    const auto duration_us = value(Take::duration_us);
    const std::uint64_t duration_ns =
        duration_us ? *duration_us * 1000 : value(Take::duration_ms).value_or(0) * 1'000'000;
    if (start) {
        flow.start_ns = *start;
        flow.last_ns = end ? *end : *start + duration_ns;
        return {};
    }
    if (!end) {
        const bool since_boot = value(Take::start_uptime_ms) || value(Take::end_uptime_ms);
        return since_boot ? "its times count from the exporter's start, which has not been told before it"
                          : "it tells no time that can be";
    }
    const auto begun = before(*end, duration_ns);
    if (!begun) return "it lasts for longer than since 1970";
    flow.start_ns = *begun;
    flow.last_ns = *end;
    return {};
}

void IpfixRecord::take_counts(store::StoredFlow& flow) const noexcept {
    api::FlowDirection& there = flow.directions[0];
    api::FlowDirection& back = flow.directions[1];
    there.packets = count(Take::packets, Take::packets_total);
    there.bytes = count(Take::bytes, Take::bytes_total);
    back.packets = count(Take::packets_back, Take::packets_back_total);
    back.bytes = count(Take::bytes_back, Take::bytes_back_total);
    if (flow.protocol == store::protocol_tcp) {
        there.tcp_flags_union = static_cast<std::uint8_t>(value(Take::flags).value_or(0));
        back.tcp_flags_union = static_cast<std::uint8_t>(value(Take::flags_back).value_or(0));
    }
    flow.vlan = static_cast<std::uint16_t>(value(Take::vlan).value_or(0) & 0xfff);
}

ForeignLine IpfixRecord::flow(const IpfixClock& clock) const {
    ForeignLine read;
    store::StoredFlow flow = new_flow();
    read.why = take_ends(flow);
    if (read.why.empty()) read.why = take_times(clock, flow);
    if (!read.why.empty()) return read;
    take_counts(flow);
    read.why = complete(flow);
    if (read.why.empty()) read.flow = flow;
    return read;
}

}  // namespace picket::importer
