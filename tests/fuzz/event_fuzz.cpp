// What a broken or hostile data plane may write to its ring: reader, decoder and everything that picketd does
// with an event. Nothing is read beyond the ring, and a ring that contradicts itself is broken for good.
//
// Input: settings (bit 0: exported too), position of the ring's beginning in words of eight bytes, the
// clock's difference (64 bits), the bytes of the ring.
#include <spdlog/spdlog.h>

#include <bit>

#include "controlplane/drain/decode_event.h"
#include "controlplane/drain/intake.h"
#include "controlplane/store/answer_bytes.h"
#include "tests/fuzz/fuzz_input.h"

namespace picket {
namespace {

using fuzz::require;

class TwoRules final : public store::RuleDirectory {
  public:
    [[nodiscard]] std::shared_ptr<const store::RuleGeneration> generation(
        std::uint32_t number) const override {
        if (number != 1) return nullptr;
        store::RuleGeneration known;
        known.number = 1;
        std::vector<rules::RuleInfo> rules(2);
        rules[1].threshold = rules::Threshold{rules::ThresholdType::threshold, {}, 2, 1};
        known.rules = std::make_shared<const std::vector<rules::RuleInfo>>(std::move(rules));
        known.watch_lists = {"one"};
        return std::make_shared<const store::RuleGeneration>(known);
    }
};

// picketd's stores, small.
struct Stores {
    store::FlowStore flows{2000};
    store::RequestStore requests{16, 1 << 16};
    store::HitStore hits{16};
    store::PacketStore packets{1 << 16};
    detect::AlertTable alerts{16};
    detect::ReplaySummary summary;
    detect::EventLog events;
    detect::FoldLog folds{events};
    std::size_t suspected = 0;
    detect::ScanDetector scans{{nullptr, 64, false}, [this](const detect::Scan&) { ++suspected; }};
    detect::Thresholds thresholds{api::Dialect::suricata, 4};
    TwoRules rules;
    drain::MailboxClient mailbox;
    drain::WalkCollector walks{mailbox, 16};
    drain::LiveCapture capture{mailbox};
    drain::QueryPrivacy privacy;
    std::unique_ptr<exporter::EveWriter> eve;
    drain::Intake intake;

    explicit Stores(bool exports)
        : privacy(exports ? drain::QueryKept::hash : drain::QueryKept::nothing, "key"),
          eve(exports ? std::make_unique<exporter::EveWriter>("/dev/null", true) : nullptr),
          intake({flows, requests, hits, packets, alerts, summary, events, folds, scans, thresholds, rules,
                  mailbox, walks, capture, privacy, eve.get()}) {
        intake.set_run(1, {"left", "right"});
    }

    // What the answers of picketd are made of.
    void ask() const {
        static_cast<void>(flows.snapshot());
        static_cast<void>(requests.last(16));
        static_cast<void>(hits.all());
        store::ChosenFlows chosen;
        for (std::uint64_t id = 0; id < 8; ++id) chosen.keys[{id, 1}] = 1;
        static_cast<void>(store::answer_after(packets.of(chosen), 0));
        static_cast<void>(scans.scans());
        static_cast<void>(alerts.all());
        static_cast<void>(summary.talkers(10));
        static_cast<void>(summary.protocols());
        static_cast<void>(summary.captures());
        static_cast<void>(folds.latest(4));
        require(summary.workers_done() <= 1 << 16, "workers are counted once");
    }
};

class Ring {
  public:
    Ring(std::span<const std::uint8_t> bytes, std::uint64_t start)
        : words_(std::bit_ceil(std::max<std::size_t>(bytes.size(), 64)) / 8) {
        for (std::size_t i = 0; i < bytes.size(); ++i)
            memory()[(start + i) % capacity()] = std::byte{bytes[i]};
        written_.value = start + bytes.size() / 8 * 8;
        read_.value = start;
    }
    [[nodiscard]] std::byte* memory() noexcept { return reinterpret_cast<std::byte*>(words_.data()); }
    [[nodiscard]] std::size_t capacity() const noexcept { return words_.size() * 8; }
    [[nodiscard]] api::EventRingReader reader() noexcept { return {memory(), capacity(), written_, read_}; }

  private:
    std::vector<std::uint64_t> words_;
    api::RingPosition written_;
    api::RingPosition read_;
};

void read_all(Ring& ring, drain::EventSink& sink) {
    auto reader = ring.reader();
    std::vector<const api::FlowRecord*> records;
    while (const api::EventHeader* header = reader.next()) {
        const auto* bytes = reinterpret_cast<const std::byte*>(header);
        const auto room = static_cast<std::size_t>(ring.memory() + ring.capacity() - bytes);
        if (drain::decode_event(bytes, room, sink) == drain::DecodeResult::flow) {
            records.push_back(reinterpret_cast<const api::FlowRecord*>(header));
        }
    }
    if (!records.empty()) sink.on_flows(records);
    reader.release();
    if (reader.broken()) require(reader.next() == nullptr, "a broken ring stays broken");
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    spdlog::set_level(spdlog::level::off);  // what the event log says goes to the operator too
    fuzz::Input input(data, size);
    const std::uint8_t bits = input.u8();
    const std::uint64_t start = input.u8() * std::uint64_t{8};
    Stores stores((bits & 1) != 0);
    stores.intake.set_clock(static_cast<std::int64_t>(input.u64()));
    Ring ring(input.rest(), start);
    read_all(ring, stores.intake);
    stores.ask();
    return 0;
}
