#include "dataplane/http/body_skipper.h"

namespace picket::http {
namespace {

int hex_value(char digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    const char lower = static_cast<char>(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void BodySkipper::miss(std::uint64_t count) noexcept {
    bytes += count;
    if (phase == BodyPhase::until_close) return;
    remaining -= count;
    if (remaining == 0) phase = phase == BodyPhase::sized ? BodyPhase::none : BodyPhase::data_end;
}

void BodySkipper::step(char byte) noexcept {
    switch (phase) {
        case BodyPhase::size_begin:
        case BodyPhase::size: {
            const int value = hex_value(byte);
            if (value >= 0 && remaining >> 59 == 0) {
                remaining = remaining << 4 | static_cast<unsigned>(value);
                phase = BodyPhase::size;
            } else if (value >= 0 || phase == BodyPhase::size_begin) {
                phase = BodyPhase::broken;
            } else if (byte == '\n') {
                end_size();
            } else {
                const bool ends = byte == ';' || byte == '\r' || byte == ' ' || byte == '\t';
                phase = ends ? BodyPhase::extension : BodyPhase::broken;
            }
            break;
        }
        case BodyPhase::extension:
            if (byte == '\n') end_size();
            break;
        case BodyPhase::data_end:
            if (byte == '\n') {
                phase = BodyPhase::size_begin;
            } else if (byte != '\r') {
                phase = BodyPhase::broken;
            }
            break;
        case BodyPhase::trailer_begin:
            if (byte == '\n') {
                phase = BodyPhase::none;
            } else if (byte != '\r') {
                phase = BodyPhase::trailer;
            }
            break;
        case BodyPhase::trailer:
            if (byte == '\n') phase = BodyPhase::trailer_begin;
            break;
        default:
            break;
    }
}

}  // namespace picket::http
