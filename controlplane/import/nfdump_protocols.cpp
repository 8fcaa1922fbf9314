#include "controlplane/import/nfdump_protocols.h"

#include <algorithm>
#include <array>

#include "controlplane/store/protocol_text.h"

namespace picket::importer {
namespace {

// As nfdump 1.7.1 prints them, by number; empty: store::parse_protocol knows it, or nfdump prints the number.
// IDPR is not among them: nfdump prints it for 35 and for 38.
constexpr std::array<std::string_view, 138> names{
    "",      "",      "",      "GGP",   "IPIP",  "ST",    "",      "CBT",   "EGP",   "IGP",   "BBN",
    "NVPII", "PUP",   "ARGUS", "ENCOM", "XNET",  "CHAOS", "",      "MUX",   "DCN",   "HMP",   "PRM",
    "XNS",   "Trnk1", "Trnk2", "Leaf1", "Leaf2", "RDP",   "IRTP",  "ISO-4", "NETBK", "MFESP", "MEINP",
    "DCCP",  "3PC",   "",      "XTP",   "DDP",   "",      "TP++",  "IL",    "IPv6",  "SDRP",  "Rte6",
    "Frag6", "IDRP",  "RSVP",  "",      "MHRP",  "BNA",   "",      "",      "INLSP", "SWIPE", "NARP",
    "MOBIL", "TLSP",  "SKIP",  "",      "NOHE6", "OPTS6", "HOST",  "CFTP",  "NET",   "SATNT", "KLAN",
    "RVD",   "IPPC",  "FS",    "SATM",  "VISA",  "IPCV",  "CPNX",  "CPHB",  "WSN",   "PVP",   "BSATM",
    "SUNND", "WBMON", "WBEXP", "ISOIP", "VMTP",  "SVMTP", "VINES", "TTP",   "NSIGP", "DGP",   "TCF",
    "EIGRP", "",      "S-RPC", "LARP",  "MTP",   "AX.25", "OS",    "MICP",  "SCCSP", "ETHIP", "ENCAP",
    "",      "GMTP",  "IFMP",  "PNNI",  "PIM",   "ARIS",  "SCPS",  "QNX",   "A/N",   "IPcmp", "SNP",
    "CpqPP", "IPXIP", "VRRP",  "PGM",   "0hop",  "L2TP",  "DDX",   "IATP",  "STP",   "SRP",   "UTI",
    "SMP",   "SM",    "PTP",   "ISIS4", "FIRE",  "CRTP",  "CRUDP", "",      "IPLT",  "SPS",   "PIPE",
    "",      "FC",    "",      "MHEAD", "UDP-L", "MPLS"};

}  // namespace

std::optional<std::uint8_t> parse_log_protocol(std::string_view text) {
    if (const auto number = store::parse_protocol(text)) return number;
    const auto* found = text.empty() ? names.end() : std::ranges::find(names, text);
    if (found == names.end()) return std::nullopt;
    return static_cast<std::uint8_t>(found - names.begin());
}

}  // namespace picket::importer
