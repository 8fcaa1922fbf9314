// Keeps the data plane's rules: compiles files and watch lists, hands generations over, remembers what the
// indices of older generations meant.
//
// A thread of its own does one job after the other, since compiling takes seconds and the drain thread must
// not wait; any thread may ask for a job and wait for its end. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "controlplane/detect/event_log.h"
#include "controlplane/detect/watch_lists.h"
#include "controlplane/drain/mailbox_client.h"
#include "controlplane/rules/learned_shares.h"
#include "controlplane/rules/rule_files.h"
#include "controlplane/store/problem.h"
#include "controlplane/store/rule_directory.h"

namespace picket::detect {

struct RuleServiceSettings {
    std::vector<std::string> files;  // paths and patterns
    rules::RuleSettings rules;
    std::string cache_directory;  // of compiled patterns; empty: none is kept
};

struct RuleSetState {
    std::uint32_t generation = 0;  // newest that the data plane has adopted, 0: none
    std::size_t loaded = 0;        // rules of the newest compiled set
    std::vector<rules::Reject> rejects;
    std::size_t always_judged = 0;
};

class RuleService final : public store::RuleDirectory {
  public:
    RuleService(RuleServiceSettings settings, WatchLists& watch_lists, drain::MailboxClient& mailbox,
                EventLog& events);
    ~RuleService() override;

    void start();  // compiles at once; hands over when attached
    void stop();

    // Called by the drain thread.
    void attach(std::shared_ptr<drain::Segments> segments);
    void detach();
    // Waits until it is known what the rules of a data plane that had some before us mean, so that its first
    // events can be named. False: not within the timeout.
    bool await_recognition(std::chrono::milliseconds timeout);

    // Compiles anew and hands over; waits until every worker has adopted. Without a data plane the set is
    // compiled and handed over later.
    std::optional<store::Problem> reload(const std::string& reason);
    // Adds a file to the set first; takes it out again if nothing can be read from it.
    std::optional<store::Problem> add_file(const std::string& path);

    [[nodiscard]] RuleSetState state() const;
    [[nodiscard]] std::shared_ptr<const store::RuleGeneration> newest() const;
    [[nodiscard]] std::shared_ptr<const store::RuleGeneration> generation(
        std::uint32_t number) const override;
    // Why the data plane could not be given any rules; empty while all is well.
    [[nodiscard]] std::string failure() const;

  private:
    struct Job {
        std::string reason;
        bool compile = true;  // false: hand the compiled set to a data plane that has just come
        bool done = false;
        std::optional<store::Problem> problem;
    };

    void work();
    std::optional<store::Problem> submit(const std::shared_ptr<Job>& job);
    std::optional<store::Problem> perform(const Job& job);
    std::optional<store::Problem> compile();
    void learn();
    std::optional<store::Problem> hand_over();
    bool recognize(const std::shared_ptr<drain::Segments>& segments);
    std::optional<store::Problem> post_blob(const std::shared_ptr<drain::Segments>& segments,
                                            std::uint32_t generation);
    std::optional<store::Problem> await_adoption(const std::shared_ptr<drain::Segments>& segments,
                                                 std::uint32_t generation);
    void start_workers(const std::shared_ptr<drain::Segments>& segments);
    void remember(std::uint32_t generation);
    [[nodiscard]] bool is_current(const std::shared_ptr<drain::Segments>& segments) const;

    RuleServiceSettings settings_;
    WatchLists& watch_lists_;
    drain::MailboxClient& mailbox_;
    EventLog& events_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Job>> jobs_;
    bool stopping_ = false;
    std::shared_ptr<drain::Segments> segments_;
    std::map<std::uint32_t, std::shared_ptr<const store::RuleGeneration>> generations_;
    std::size_t rule_sets_ = 0;  // different sets of rules among generations_
    std::shared_ptr<const store::RuleGeneration> newest_;
    RuleSetState state_;
    std::string failure_;
    bool recognized_ = false;  // recognize() has been tried on segments_

    rules::PatternCache cache_;  // of the worker thread alone, as the next ones
    rules::LearnedShares learned_;
    rules::CompiledRules compiled_;
    std::shared_ptr<const std::vector<std::optional<rules::FilterChoice>>> filters_;  // of compiled_
    bool is_compiled_ = false;
    std::shared_ptr<drain::Segments> handed_to_;  // has the newest compiled set
    std::thread thread_;
};

}  // namespace picket::detect
