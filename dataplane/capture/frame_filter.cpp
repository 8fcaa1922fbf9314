#include "dataplane/capture/frame_filter.h"

#include <algorithm>
#include <array>

namespace picket::capture {

namespace {

// Those that bpf_filter() knows: it ends the process at any other, and bpf_validate() lets some through.
constexpr std::array<std::uint16_t, 49> known_codes{
    BPF_RET | BPF_K,
    BPF_RET | BPF_A,
    BPF_LD | BPF_W | BPF_ABS,
    BPF_LD | BPF_H | BPF_ABS,
    BPF_LD | BPF_B | BPF_ABS,
    BPF_LD | BPF_W | BPF_LEN,
    BPF_LDX | BPF_W | BPF_LEN,
    BPF_LD | BPF_W | BPF_IND,
    BPF_LD | BPF_H | BPF_IND,
    BPF_LD | BPF_B | BPF_IND,
    BPF_LDX | BPF_MSH | BPF_B,
    BPF_LD | BPF_IMM,
    BPF_LDX | BPF_IMM,
    BPF_LD | BPF_MEM,
    BPF_LDX | BPF_MEM,
    BPF_ST,
    BPF_STX,
    BPF_JMP | BPF_JA,
    BPF_JMP | BPF_JGT | BPF_K,
    BPF_JMP | BPF_JGE | BPF_K,
    BPF_JMP | BPF_JEQ | BPF_K,
    BPF_JMP | BPF_JSET | BPF_K,
    BPF_JMP | BPF_JGT | BPF_X,
    BPF_JMP | BPF_JGE | BPF_X,
    BPF_JMP | BPF_JEQ | BPF_X,
    BPF_JMP | BPF_JSET | BPF_X,
    BPF_ALU | BPF_ADD | BPF_X,
    BPF_ALU | BPF_SUB | BPF_X,
    BPF_ALU | BPF_MUL | BPF_X,
    BPF_ALU | BPF_DIV | BPF_X,
    BPF_ALU | BPF_MOD | BPF_X,
    BPF_ALU | BPF_AND | BPF_X,
    BPF_ALU | BPF_OR | BPF_X,
    BPF_ALU | BPF_XOR | BPF_X,
    BPF_ALU | BPF_LSH | BPF_X,
    BPF_ALU | BPF_RSH | BPF_X,
    BPF_ALU | BPF_ADD | BPF_K,
    BPF_ALU | BPF_SUB | BPF_K,
    BPF_ALU | BPF_MUL | BPF_K,
    BPF_ALU | BPF_DIV | BPF_K,
    BPF_ALU | BPF_MOD | BPF_K,
    BPF_ALU | BPF_AND | BPF_K,
    BPF_ALU | BPF_OR | BPF_K,
    BPF_ALU | BPF_XOR | BPF_K,
    BPF_ALU | BPF_LSH | BPF_K,
    BPF_ALU | BPF_RSH | BPF_K,
    BPF_ALU | BPF_NEG,
    BPF_MISC | BPF_TAX,
    BPF_MISC | BPF_TXA,
};

bool is_known(const bpf_insn& instruction) {
    return std::find(known_codes.begin(), known_codes.end(), instruction.code) != known_codes.end();
}

}  // namespace

FrameFilter::FrameFilter(const api::FrameProgram& program)
    : capture_(program.capture), frame_bytes_(program.frame_bytes) {
    for (std::size_t i = 0; i < program.length; ++i) {
        const api::FilterInstruction& from = program.instructions[i];
        program_.push_back({from.code, from.if_true, from.if_false, from.value});
    }
}

std::unique_ptr<FrameFilter> FrameFilter::create(const api::FrameProgram& program, std::string& error) {
    if (program.length > program.instructions.size()) {
        error = "the filter has more than " + std::to_string(program.instructions.size()) + " instructions";
        return nullptr;
    }
    std::unique_ptr<FrameFilter> filter(new FrameFilter(program));
    const auto& instructions = filter->program_;
    const bool known = std::all_of(instructions.begin(), instructions.end(), is_known);
    if (!filter->is_empty() &&
        (!known || bpf_validate(filter->program_.data(), static_cast<int>(program.length)) == 0)) {
        error = "the filter is no valid program";
        return nullptr;
    }
    return filter;
}

bool FrameFilter::passes(const rx::Frame& frame) const noexcept {
    if (program_.empty() || frame.link_type != rx::LinkType::ethernet) return false;
    return bpf_filter(program_.data(), frame.data, frame.wire_length, frame.captured_length) != 0;
}

}  // namespace picket::capture
