// Hits, the attempts around them, and what became of both.
#include "controlplane/detect/probe_ledger.h"

#include <gtest/gtest.h>

#include <deque>

#include "controlplane/store/address_text.h"

namespace picket::detect {
namespace {

using store::FlowOutcome;

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr const char* prober = "10.1.7.44";

// A source, its connections to port 80, and its hits.
class ProbeLedger : public testing::Test {
  protected:
    // A connection of one SYN to a silent host.
    store::StoredFlow& attempt(const char* destination, std::uint64_t at_s, const char* source = prober,
                               std::uint16_t port = 80) {
        store::StoredFlow& flow = flows_.emplace_back();
        flow.id = flows_.size();
        flow.source = *store::parse_address(source);
        flow.destination = *store::parse_address(destination);
        flow.source_port = 1024;
        flow.destination_port = port;
        flow.protocol = 6;
        flow.start_ns = flow.last_ns = at_s * second_ns;
        flow.state = api::ConnState::s0;
        flow.end_reason = api::EndReason::idle_timeout;
        flow.directions[0].packets = 1;
        return flow;
    }

    // A request that hit, in a connection of its own; status 0: no response.
    store::StoredFlow& hit(const char* destination, std::uint64_t at_s, std::uint16_t status,
                           std::uint32_t sid = 1, const char* source = prober) {
        store::StoredFlow& flow = attempt(destination, at_s, source);
        flow.state = api::ConnState::s1;
        flow.requests = 1;
        flow.directions[0].payload_first_length = 16;
        flow.directions[1].packets = 1;
        if (status != 0) flow.directions[1].payload_first_length = 16;
        auto one = std::make_shared<store::StoredHit>();
        one->flow = flow.key();
        one->request = 0;
        one->time_ns = at_s * second_ns;
        one->sid = sid;
        one->uri = "/b.cgi";
        one->method = "GET";
        one->ends.client = flow.source;
        one->ends.server = flow.destination;
        one->ends.server_port = 80;
        one->ends.protocol = 6;
        hits_.push_back(one);
        store::StoredRequest request;
        request.flow = flow.key();
        request.status = status;
        request.body_bytes = 4096;
        requests_.push_back(request);
        return flow;
    }

    std::vector<Probe> ledger() {
        std::vector<const store::StoredFlow*> rows;
        for (const auto& flow : flows_) rows.push_back(&flow);
        return make_ledger(hits_, rows, [this](const store::FlowKey& flow) {
            std::vector<store::StoredRequest> found;
            for (const auto& request : requests_) {
                if (request.flow == flow) found.push_back(request);
            }
            return found;
        });
    }

    std::deque<store::StoredFlow> flows_;
    store::Hits hits_;
    std::vector<store::StoredRequest> requests_;
};

TEST_F(ProbeLedger, attempts_around_a_hit_are_inferred) {
    attempt("192.0.2.1", 100);
    attempt("192.0.2.2", 120).last_ns = 165 * second_ns;  // its SYNs outlast the next attempt
    attempt("192.0.2.3", 130).state = api::ConnState::rej;
    hit("192.0.2.4", 150, 404);
    attempt("192.0.2.5", 170);
    const auto probes = ledger();
    ASSERT_EQ(probes.size(), 5U);
    EXPECT_TRUE(probes[0].inferred);
    EXPECT_EQ(probes[0].sid, 1U);
    EXPECT_EQ(probes[0].outcome, FlowOutcome::no_reply);
    EXPECT_EQ(probes[2].outcome, FlowOutcome::refused);
    EXPECT_FALSE(probes[3].inferred);
    EXPECT_EQ(probes[3].outcome, FlowOutcome::answered);
    EXPECT_EQ(probes[3].status, 404);
    EXPECT_EQ(probes[3].bytes_back, 4096U);
    const auto sources = group_by_source(probes, 200 * second_ns);
    ASSERT_EQ(sources.size(), 1U);
    EXPECT_EQ(sources[0].seen, 1U);
    EXPECT_EQ(sources[0].inferred, 4U);
    EXPECT_EQ(sources[0].destinations, 5U);
    EXPECT_FALSE(sources[0].stopped);
}

TEST_F(ProbeLedger, others_and_other_ports_are_no_probes) {
    hit("192.0.2.4", 150, 404);
    attempt("192.0.2.1", 151, "10.0.0.1");
    attempt("192.0.2.1", 152, prober, 443);
    auto& spoken = attempt("192.0.2.1", 153);  // another protocol than HTTP
    spoken.directions[0].payload_first_length = 16;
    auto& browsed = attempt("192.0.2.1", 154);  // a request that hit nothing
    browsed.requests = 1;
    EXPECT_EQ(ledger().size(), 1U);
}

TEST_F(ProbeLedger, a_long_pause_ends_a_campaign) {
    hit("192.0.2.1", 1000, 0);
    attempt("192.0.2.2", 1599);
    attempt("192.0.2.3", 2300);  // 701 s later, and no hit is near
    hit("192.0.2.4", 9000, 200);
    const auto probes = ledger();
    ASSERT_EQ(probes.size(), 3U);
    const auto sources = group_by_source(probes, 9001 * second_ns);
    ASSERT_EQ(sources.size(), 1U);
    EXPECT_EQ(sources[0].campaigns, 2U);
}

TEST_F(ProbeLedger, an_attempt_counts_for_the_nearest_hit) {
    hit("192.0.2.1", 100, 404, 1);
    hit("192.0.2.2", 200, 404, 2);
    attempt("192.0.2.3", 140);
    attempt("192.0.2.4", 160);
    attempt("192.0.2.5", 300);
    const auto probes = ledger();
    std::vector<std::uint32_t> sids;
    for (const Probe& probe : probes) {
        if (probe.inferred) sids.push_back(probe.sid);
    }
    EXPECT_EQ(sids, (std::vector<std::uint32_t>{1, 2, 2}));
}

TEST_F(ProbeLedger, who_is_silent_for_long_has_stopped) {
    for (std::uint64_t i = 0; i < 5; ++i) attempt("192.0.2.9", 100 + 17 * i);
    hit("192.0.2.4", 190, 404);
    const auto probes = ledger();
    EXPECT_FALSE(group_by_source(probes, 480 * second_ns)[0].stopped);
    const auto late = group_by_source(probes, 500 * second_ns)[0];
    EXPECT_TRUE(late.stopped);
    EXPECT_TRUE(late.stopped_after_first_answer);
}

TEST_F(ProbeLedger, an_earlier_answer_is_no_first_one) {
    hit("192.0.2.3", 100, 200);
    hit("192.0.2.4", 190, 404);
    const auto source = group_by_source(ledger(), 9000 * second_ns)[0];
    EXPECT_TRUE(source.stopped);
    EXPECT_FALSE(source.stopped_after_first_answer);
}

TEST_F(ProbeLedger, a_request_without_its_response_has_its_own_outcome) {
    auto& reset = hit("192.0.2.1", 100, 0);
    reset.state = api::ConnState::rstr;
    hit("192.0.2.2", 200, 0);
    auto& lost = hit("192.0.2.3", 300, 0);
    lost.directions[1].lost_bytes = 100;
    auto& other = hit("192.0.2.4", 400, 0);  // an earlier request of the flow was answered
    other.directions[1].payload_first_length = 16;
    other.state = api::ConnState::sf;
    std::vector<FlowOutcome> outcomes;
    for (const Probe& probe : ledger()) outcomes.push_back(probe.outcome);
    EXPECT_EQ(outcomes, (std::vector{FlowOutcome::reset, FlowOutcome::connected, FlowOutcome::unknown,
                                     FlowOutcome::connected}));
}

TEST_F(ProbeLedger, a_hit_whose_flow_is_gone_is_kept) {
    hit("192.0.2.1", 100, 404);
    flows_.clear();
    const auto probes = ledger();
    ASSERT_EQ(probes.size(), 1U);
    EXPECT_EQ(probes[0].status, 404);
}

}  // namespace
}  // namespace picket::detect
