// The first walk over a pcapng file: sections, interfaces, and the soundness of what later walks skip.
#include "dataplane/rx/capture_pcapng.h"
#include "dataplane/rx/capture_pcapng_blocks.h"

namespace picket::rx {

namespace {

// Bounds the memory of the tables: a file of nothing but interfaces must not take more than itself.
constexpr std::size_t interfaces_max = 1'000'000;
constexpr std::uint32_t secrets_max = 1U << 30;

constexpr std::uint16_t option_end = 0;
constexpr std::uint16_t option_filter = 11;
constexpr std::uint16_t option_resolution = 9;
constexpr std::uint16_t option_time_offset = 14;

struct Option {
    std::uint16_t code;
    std::uint16_t length;
    const std::uint8_t* value;
};

// Walks the options in [at, end). Returns false, with damage filled in, where one runs over the end.
class OptionWalker {
  public:
    OptionWalker(const std::uint8_t* at, const std::uint8_t* end, bool swapped) noexcept
        : at_(at), end_(end), swapped_(swapped) {}

    // False at the end, which is good or damaged.
    bool next(Option& option) noexcept {
        const auto left = static_cast<std::size_t>(end_ - at_);
        if (left == 0) return false;
        if (left < 4) return fail(0, left);
        option = {load16(at_, swapped_), load16(at_ + 2, swapped_), at_ + 4};
        const std::size_t padded = (std::size_t{option.length} + 3) & ~std::size_t{3};
        if (padded > left - 4) return fail(option.length, left - 4);
        at_ += 4 + padded;
        return option.code != option_end;
    }

    bool require_length(const Option& option, bool right, std::uint64_t wanted) noexcept {
        if (!right) damage_ = {DamageKind::option_length, 0, option.length, wanted};
        return right;
    }

    [[nodiscard]] const Damage& damage() const noexcept { return damage_; }

  private:
    bool fail(std::uint64_t length, std::uint64_t left) noexcept {
        damage_ = {DamageKind::option_outside_block, 0, length, left};
        return false;
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    bool swapped_;
    Damage damage_;
};

bool is_custom_option(std::uint16_t code) noexcept {
    return code == 2988 || code == 2989 || code == 19372 || code == 19373;
}

bool packet_option_sound(OptionWalker& options, const Option& option) noexcept {
    switch (option.code) {
        case 2:  // flags
        case 6:  // queue
            return options.require_length(option, option.length == 4, 4);
        case 4:  // drop count
        case 5:  // packet id
            return options.require_length(option, option.length == 8, 8);
        case 7: {  // verdict: a byte that says whose, then theirs
            if (!options.require_length(option, option.length >= 1, 1)) return false;
            const bool kernel = option.value[0] == 1 || option.value[0] == 2;  // TC, XDP
            return options.require_length(option, !kernel || option.length == 9, 9);
        }
        default:
            return true;
    }
}

// What is wrong with the options of a block, if anything. Offsets are left to the caller.
Damage check_options(const std::uint8_t* at, const std::uint8_t* end, bool swapped,
                     std::uint32_t block_type) noexcept {
    const bool packet = block_type == pcapng::enhanced_packet || block_type == pcapng::obsolete_packet;
    OptionWalker options(at, end, swapped);
    Option option{};
    while (options.next(option)) {
        bool sound = true;
        if (is_custom_option(option.code))
            sound = options.require_length(option, option.length >= 4, 4);
        else if (packet)
            sound = packet_option_sound(options, option);
        else if (block_type == pcapng::interface_description && option.code == option_filter)
            sound = options.require_length(option, option.length >= 1, 1);
        if (!sound) break;
    }
    return options.damage();
}

// True if the names in [at, end) each end with a zero byte.
bool names_end(const std::uint8_t* at, const std::uint8_t* end) noexcept {
    return at == end || end[-1] == 0;
}

// Finds the end of the records of a name resolution block: returns where its options begin, or nullptr.
const std::uint8_t* skip_names(const std::uint8_t* at, const std::uint8_t* end, bool swapped,
                               std::uint64_t& length) noexcept {
    while (at != end) {
        const auto left = static_cast<std::size_t>(end - at);
        length = left;
        if (left < 4) return nullptr;
        const std::uint16_t kind = load16(at, swapped);
        length = load16(at + 2, swapped);
        const std::size_t padded = (length + 3) & ~std::size_t{3};
        if (padded > left - 4) return nullptr;
        at += 4;
        if (kind == 0) return at;
        const std::size_t address = kind == 1 ? 4 : kind == 2 ? 16 : 0;
        if (length < address) return nullptr;
        if (address != 0 && !names_end(at + address, at + length)) return nullptr;
        at += padded;
    }
    return at;
}

}  // namespace

bool PcapngScanner::check_version(const PcapngBlock& block) noexcept {
    const std::uint16_t major = load16(block.start + 12, swapped());
    const std::uint16_t minor = load16(block.start + 14, swapped());
    if (major == 1 && (minor == 0 || minor == 2)) return true;
    return damaged(DamageKind::section_version, major, minor);
}

bool PcapngScanner::add_interface(const PcapngBlock& block) {
    if (tables_.interfaces.size() == interfaces_max)
        return damaged(DamageKind::too_many_interfaces, interfaces_max, interfaces_max);
    PcapngInterface added;
    const std::uint16_t link_type = load16(block.start + 8, swapped());
    added.link_type = static_cast<LinkType>(link_type);
    added.snap_length = load32(block.start + 12, swapped());
    added.packet_max = packet_bytes_max(link_type);
    bool resolution_known = false;
    bool offset_known = false;
    OptionWalker options(block.start + 16, block.start + block.length - 4, swapped());
    Option option{};
    while (options.next(option)) {  // of an option that is there twice, the first counts
        if (option.code == option_resolution && option.length == 1 && !resolution_known) {
            added.clock.set_resolution(option.value[0]);
            resolution_known = true;
        }
        if (option.code == option_time_offset && option.length == 8 && !offset_known) {
            added.clock.offset_seconds = static_cast<std::int64_t>(load64(option.value, swapped()));
            offset_known = true;
        }
    }
    tables_.interfaces.push_back(added);
    return true;
}

bool PcapngScanner::scan_other(const PcapngBlock& block) {
    using namespace pcapng;
    const std::uint8_t* end = block.start + block.length - 4;
    const std::uint8_t* options = nullptr;
    std::size_t least = block_least;
    switch (block.type) {
        case section_header:
            if (!check_version(block)) return false;
            least = section_least;
            options = block.start + 24;
            break;
        case interface_description:
            least = interface_least;
            options = block.start + 16;
            break;
        case interface_statistics:
            least = statistics_least;
            options = block.start + 20;
            break;
        case name_resolution:
            least = names_least;
            break;
        case decryption_secrets:
            least = secrets_least;
            break;
        case custom:
        case custom_not_copied:
            least = custom_least;
            break;
        default:
            return true;
    }
    if (block.length < least) return damaged(DamageKind::block_too_short, block.length, least);
    if (block.type == decryption_secrets) {
        const std::uint32_t secrets = load32(block.start + 12, swapped());
        if (secrets > secrets_max) return damaged(DamageKind::secrets_too_large, secrets, secrets_max);
        if (secrets > block.length - secrets_least)
            return damaged(DamageKind::option_outside_block, secrets, block.length - secrets_least);
    }
    if (block.type == name_resolution) {
        std::uint64_t length = 0;
        options = skip_names(block.start + 8, end, swapped(), length);
        if (options == nullptr) return damaged(DamageKind::name_record, length, 0);
    }
    if (options == nullptr) return true;
    const Damage wrong = check_options(options, end, swapped(), block.type);
    return wrong.any() ? damaged(wrong.kind, wrong.found, wrong.wanted) : true;
}

WalkStep PcapngScanner::next(CaptureRecord& record) {
    PcapngBlock block;
    for (;;) {
        const BlockStep step = read_block(block, record);
        if (step == BlockStep::end) return WalkStep::end;
        if (step == BlockStep::damaged) return WalkStep::damaged;
        if (step == BlockStep::packet && block.options != nullptr) {
            const Damage wrong =
                check_options(block.options, block.start + block.length - 4, swapped(), block.type);
            if (wrong.any()) {
                damaged(wrong.kind, wrong.found, wrong.wanted);
                return WalkStep::damaged;
            }
        }
        if (step == BlockStep::other && !scan_other(block)) return WalkStep::damaged;
        if (!finish_block(block)) return WalkStep::damaged;
        if (step == BlockStep::packet) return WalkStep::packet;
        if (block.type == pcapng::section_header) {
            tables_.first_interfaces.push_back(static_cast<std::uint32_t>(tables_.interfaces.size()));
            enter_section();
        }
        if (block.type == pcapng::interface_description) {
            if (!add_interface(block)) return WalkStep::damaged;
            enter_interface();
        }
    }
}

}  // namespace picket::rx
