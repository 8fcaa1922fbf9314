// Flows for tests of the store.
#pragma once

#include <map>
#include <memory>
#include <string_view>

#include "controlplane/store/address_text.h"
#include "controlplane/store/flow_store.h"
#include "controlplane/store/query.h"
#include "controlplane/store/request_store.h"

namespace picket::tests {

inline constexpr std::uint64_t second_ns = 1'000'000'000;

inline store::StoredFlow flow(std::uint64_t id, std::string_view source = "10.0.0.1",
                              std::string_view destination = "192.0.2.7", std::uint64_t start_s = 100) {
    store::StoredFlow flow;
    flow.id = id;
    flow.run = 1;
    flow.part = 1;
    flow.final = 1;
    flow.start_ns = flow.part_first_ns = start_s * second_ns;
    flow.last_ns = flow.start_ns + second_ns;
    flow.source = *store::parse_address(source);
    flow.destination = *store::parse_address(destination);
    flow.source_port = 1234;
    flow.destination_port = 80;
    flow.protocol = 6;
    flow.state = api::ConnState::sf;
    flow.end_reason = api::EndReason::end_of_flow;
    flow.directions[0].packets = 2;
    flow.directions[0].bytes = 100;
    flow.directions[1].packets = 1;
    flow.directions[1].bytes = 50;
    return flow;
}

inline store::StoredFlow part(store::StoredFlow flow, std::uint32_t number, bool final) {
    flow.part = number;
    flow.final = final ? 1 : 0;
    flow.end_reason = final ? api::EndReason::end_of_flow : api::EndReason::active_timeout;
    flow.part_first_ns = flow.start_ns + (number - 1) * 120 * second_ns;
    flow.last_ns = flow.part_first_ns + 60 * second_ns;
    return flow;
}

inline store::StoredFlow live(store::StoredFlow flow) {
    flow.final = 0;
    flow.end_reason = api::EndReason::live;
    return flow;
}

// Generation 1 has one rule, sid 4711.
class FixedRules final : public store::RuleDirectory {
  public:
    FixedRules() {
        rules::RuleInfo rule;
        rule.sid = 4711;
        rule.message = "probe";
        generation_->number = 1;
        generation_->rules = std::make_shared<std::vector<rules::RuleInfo>>(1, rule);
    }
    [[nodiscard]] std::shared_ptr<const store::RuleGeneration> generation(
        std::uint32_t number) const override {
        return number == 1 ? generation_ : nullptr;
    }

  private:
    std::shared_ptr<store::RuleGeneration> generation_ = std::make_shared<store::RuleGeneration>();
};

}  // namespace picket::tests
