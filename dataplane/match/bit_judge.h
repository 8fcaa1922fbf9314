// Hits of rules with flowbits, which count only once the flow's bits have been asked.
//
// Requests and payloads of a burst are matched in batches and in no order of rules; the bits of a flow change
// from packet to packet. So such hits wait here until everything up to a packet has been matched, and are
// then judged packet by packet, payloads before requests, and rules in the order of the rule set.
//
// Owned by one Matcher, used by its worker. Memory is reserved in the constructor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/match/flow_bits.h"
#include "dataplane/match/rule_set.h"

namespace picket::match {

// Of a batch; the same limit holds for requests and for payloads.
inline constexpr std::size_t waiting_texts_max = 64;

class WaitingHit {
  public:
    enum class Kind : std::uint8_t { payload = 0, request = 1 };  // in the order of judgement

    // packet: its place in the burst, below 256. index: in the batch of its kind. order: index of the rule's
    // BitRule.
    WaitingHit(std::uint32_t packet, Kind kind, std::uint32_t index, std::uint32_t order) noexcept
        : key_(std::uint64_t{packet} << 56 | std::uint64_t(kind) << 48 | std::uint64_t{index} << 32 | order) {
    }
    [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(key_ >> 48 & 0xff); }
    [[nodiscard]] std::uint32_t index() const noexcept { return key_ >> 32 & 0xffff; }
    [[nodiscard]] std::uint32_t order() const noexcept { return static_cast<std::uint32_t>(key_); }
    auto operator<=>(const WaitingHit&) const = default;

  private:
    std::uint64_t key_;
};

enum class BitVerdict : std::uint8_t {
    fails,     // a test does not hold
    silent,    // the rule holds, and does not alert
    hits,      // the rule holds
    unjudged,  // it tests bits, and the flow has lost some: nothing is known
};

class BitJudge {
  public:
    // Throws std::bad_alloc.
    explicit BitJudge(const RuleSet::Tables& tables);

    // Whether the rule's hits have to wait.
    [[nodiscard]] bool concerns(std::uint32_t rule) const noexcept;
    // REQUIRES: concerns(rule), and that no rule waits twice for one text.
    void wait(std::uint32_t packet, WaitingHit::Kind kind, std::uint32_t index, std::uint32_t rule) noexcept;
    // Everything that waits, in the order in which it is to be judged; valid until clear().
    [[nodiscard]] std::span<const WaitingHit> waiting() noexcept;
    void clear() noexcept { waiting_.clear(); }

    // Judges a hit by its flow's bits and changes them. bits_lost: whether a bit of the flow could not be
    // kept; becomes true if one of these cannot.
    [[nodiscard]] BitVerdict judge(const WaitingHit& hit, FlowBits& bits, std::uint32_t flow,
                                   bool& bits_lost) const noexcept;
    [[nodiscard]] std::uint32_t rule_of(const WaitingHit& hit) const noexcept;

  private:
    const RuleSet::Tables& tables_;
    std::vector<WaitingHit> waiting_;
};

}  // namespace picket::match
