// Stands in for count_program.cpp where the build found no BPF tools: an af_xdp port without its counter
// could not keep its audit, so it is refused rather than opened without.
#include "dataplane/api/setup_error.h"
#include "dataplane/xdp/count_program.h"

namespace picket::xdp {

CountProgram::CountProgram(const std::string& interface) {
    throw SetupError("af_xdp:" + interface, "this build has no XDP program",
                     "build with clang, bpftool and libbpf (meson setup -Dxdp=enabled)");
}
CountProgram::~CountProgram() = default;
void CountProgram::adopt() {}
void CountProgram::detach() noexcept {}
Counts CountProgram::queue(std::uint32_t) const noexcept {
    return {};
}
Counts CountProgram::total() const noexcept {
    return {};
}

}  // namespace picket::xdp
