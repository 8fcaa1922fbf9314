// Busy hosts over minutes: what the detector suspects of what it is told, and what their flows say.
#include "controlplane/detect/scan_verifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/store/store_fixtures.h"

namespace picket::detect {
namespace {

using tests::second_ns;

constexpr std::uint64_t begin_ns = 1'000 * second_ns;
constexpr std::uint64_t step_ns = 10'000'000;
constexpr std::uint64_t answer_ns = 100'000'000;
constexpr std::uint64_t third_syn_ns = 9 * second_ns;
constexpr std::uint64_t closed_linger_ns = 15 * second_ns;
constexpr std::uint64_t syn_timeout_ns = 75 * second_ns;
constexpr unsigned seeds = 3;

enum class Comes : std::uint8_t { answer, refusal, nothing };

struct Connection {
    std::uint64_t start_ns;
    std::uint64_t end_ns;  // of its flow
    unsigned host;
    Comes comes;
};

struct Phase {
    double seconds;
    double rate;  // connections a second
    double refused;
    double silent;
    double life_s;  // of those that are answered, at most
};

std::vector<Connection> connections_of(const std::vector<Phase>& phases, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> dice(0, 1);
    std::vector<Connection> connections;
    double at_s = 0;
    double phase_end_s = 0;
    for (const Phase& phase : phases) {
        phase_end_s += phase.seconds;
        for (; at_s < phase_end_s; at_s += std::exponential_distribution<double>(phase.rate)(random)) {
            const auto start_ns = begin_ns + static_cast<std::uint64_t>(at_s * 1e9);
            const double outcome = dice(random);
            const auto comes = outcome < phase.refused                  ? Comes::refusal
                               : outcome < phase.refused + phase.silent ? Comes::nothing
                                                                        : Comes::answer;
            std::uint64_t end_ns = start_ns + closed_linger_ns;
            if (comes == Comes::nothing) end_ns = start_ns + third_syn_ns + syn_timeout_ns;
            if (comes == Comes::answer)
                end_ns += static_cast<std::uint64_t>(dice(random) * phase.life_s * 1e9);
            connections.push_back({start_ns, end_ns, static_cast<unsigned>(connections.size()), comes});
        }
    }
    return connections;
}

// A sensor at one moment after the other.
class Simulation : public SuspectFlows {
  public:
    // memory_ns: how long flows that have ended are kept.
    explicit Simulation(std::vector<Connection> connections, std::uint64_t memory_ns = UINT64_MAX)
        : connections_(std::move(connections)), memory_ns_(memory_ns) {
        for (const Connection& connection : connections_) {
            told_.push_back({connection.end_ns, &connection, false});
            if (connection.comes == Comes::nothing)
                told_.push_back({connection.start_ns + third_syn_ns, &connection, true});
        }
        std::ranges::sort(told_, {}, &Told::at_ns);
    }

    // The scans that are told of within so many seconds.
    std::vector<Scan> run(double seconds) {
        std::vector<Scan> scans;
        std::uint64_t next_look_ns = 0;
        const auto end_ns = begin_ns + static_cast<std::uint64_t>(seconds * 1e9);
        for (now_ns_ = begin_ns; now_ns_ < end_ns; now_ns_ += step_ns) {
            for (; next_ < told_.size() && told_[next_].at_ns <= now_ns_; ++next_) tell(told_[next_]);
            for (const Scan& suspicion : suspected_) verifier_.add(suspicion, clock());
            suspected_.clear();
            if (verifier_.empty() || now_ns_ < next_look_ns || now_ns_ < verifier_.due_ns()) continue;
            ++looks;
            for (const Scan& scan : verifier_.look(clock())) scans.push_back(scan);
            next_look_ns = now_ns_ + second_ns;
        }
        return scans;
    }

    Known each_flow(const store::Query& query, const Visit& visit) override {
        const std::uint64_t horizon_ns = memory_ns_ < now_ns_ ? now_ns_ - memory_ns_ : 0;
        each([&](const Connection& connection) {
            const std::uint64_t last_ns = std::min(connection.end_ns, now_ns_);
            if (connection.end_ns <= now_ns_ && connection.end_ns < horizon_ns) return;
            if (query.since_ns && last_ns < *query.since_ns) return;
            if (query.until_ns && connection.start_ns >= *query.until_ns) return;
            visit(flow_of(connection));
        });
        return {now_ns_, horizon_ns};
    }
    Known each_live_flow(const store::Query&, const Visit& visit) override {
        each([&](const Connection& connection) {
            if (connection.end_ns > now_ns_) visit(flow_of(connection));
        });
        return {now_ns_, 0};
    }

    unsigned looks = 0;

  private:
    struct Told {
        std::uint64_t at_ns;
        const Connection* connection;
        bool attempt;
    };

    [[nodiscard]] ScanVerifier::Clock::time_point clock() const {
        return ScanVerifier::Clock::time_point(std::chrono::nanoseconds(now_ns_));
    }
    template <typename Visit>
    void each(Visit&& visit) const {
        for (const Connection& connection : connections_) {
            if (connection.start_ns <= now_ns_) visit(connection);
        }
    }
    [[nodiscard]] store::StoredFlow flow_of(const Connection& connection) const {
        const std::string host = "203." + std::to_string(connection.host / 62'500) + "." +
                                 std::to_string(connection.host / 250 % 250) + "." +
                                 std::to_string(connection.host % 250);
        auto flow = tests::flow(connection.host + 1, "10.1.0.5", host, 1);
        flow.start_ns = flow.part_first_ns = flow.last_ns = connection.start_ns;
        flow.destination_port = 80;
        flow.state = api::ConnState::s0;
        flow.history = {'S'};
        flow.directions[0].packets = 1;
        flow.directions[1] = {};
        const std::uint64_t age_ns = now_ns_ - connection.start_ns;
        if (connection.comes == Comes::nothing && age_ns >= third_syn_ns) flow.directions[0].packets = 3;
        if (connection.comes != Comes::nothing && age_ns >= answer_ns) {
            const bool refused = connection.comes == Comes::refusal;
            flow.state = refused ? api::ConnState::rej : api::ConnState::sf;
            flow.directions[1].packets = 1;
        }
        const bool live = connection.end_ns > now_ns_;
        flow.end_reason = live ? api::EndReason::live : api::EndReason::idle_timeout;
        flow.final = live ? 0 : 1;
        return flow;
    }
    void tell(const Told& told) {
        const auto flow = flow_of(*told.connection);
        if (told.attempt) return detector_.add_so_far(attempt_of(flow));
        if (const auto contact = contact_of(flow)) detector_.add(*contact);
    }

    std::vector<Connection> connections_;
    std::uint64_t memory_ns_;
    std::vector<Told> told_;
    std::size_t next_ = 0;
    std::uint64_t now_ns_ = 0;
    std::vector<Scan> suspected_;
    ScanDetector detector_{{}, [this](const Scan& scan) { suspected_.push_back(scan); }};
    ScanVerifier verifier_{detector_, *this};
};

TEST(ScanVerifier, BusyHostsThatAreAnsweredAreNone) {
    const std::vector<std::vector<Phase>> hosts{
        {{60, 100, 0.05, 0.05, 0.3}},                    // short connections from the first second on
        {{310, 2, 0.1, 0, 240}, {90, 20, 0.1, 0, 240}},  // long ones, more and more
        {{310, 2, 0.1, 0, 240}, {90, 100, 0.05, 0, 240}},
        {{310, 10, 0.05, 0.05, 240}, {90, 50, 0.05, 0.05, 240}},
        {{310, 2, 0.1, 0, 60}, {90, 100, 0.1, 0, 60}},
        {{400, 50, 0, 0.1, 30}},
    };
    unsigned looks = 0;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        for (unsigned seed = 1; seed <= seeds; ++seed) {
            Simulation simulation(connections_of(hosts[i], seed));
            const auto scans = simulation.run(500);
            EXPECT_TRUE(scans.empty()) << "host " << i << ", seed " << seed << ": " << describe(scans[0]);
            EXPECT_LT(simulation.looks, 60U) << "host " << i << ", seed " << seed;
            looks += simulation.looks;
        }
    }
    EXPECT_GT(looks, 10U) << "they are suspected";
}

TEST(ScanVerifier, WhatMemoryHasForgottenConvictsNobody) {
    for (const std::uint64_t memory_s : {15, 60}) {
        for (unsigned seed = 1; seed <= seeds; ++seed) {
            Simulation simulation(connections_of({{300, 50, 0.05, 0.05, 20}}, seed), memory_s * second_ns);
            EXPECT_TRUE(simulation.run(400).empty()) << memory_s << " s, seed " << seed;
        }
    }
}

TEST(ScanVerifier, ScannersAreFoundOnce) {
    const std::vector<std::vector<Phase>> scanners{
        {{10, 100, 0.04, 0.95, 1}},
        {{600, 0.06, 0.3, 0.7, 1}},
        {{310, 20, 0.05, 0.05, 60}, {20, 50, 0.1, 0.85, 60}},  // one that was benign for five minutes
        {{300, 20, 0.2, 0.7, 60}},
    };
    for (std::size_t i = 0; i < scanners.size(); ++i) {
        for (unsigned seed = 1; seed <= seeds; ++seed) {
            for (const std::uint64_t memory_ns : {UINT64_MAX, 30 * second_ns}) {
                Simulation simulation(connections_of(scanners[i], seed), memory_ns);
                const auto scans = simulation.run(700);
                ASSERT_EQ(scans.size(), 1U) << "scanner " << i << ", seed " << seed;
                EXPECT_EQ(scans[0].kind, ScanKind::sweep);
                EXPECT_LT(simulation.looks, 30U);
            }
        }
    }
}

}  // namespace
}  // namespace picket::detect
