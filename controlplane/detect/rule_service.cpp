#include "controlplane/detect/rule_service.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "controlplane/detect/rule_costs.h"
#include "dataplane/api/setup_error.h"

namespace picket::detect {

namespace {

constexpr std::chrono::milliseconds reply_timeout{30'000};
constexpr std::chrono::milliseconds adoption_timeout{30'000};
constexpr std::chrono::milliseconds start_timeout{30'000};
// A load of a watch list makes a generation too; the flows that are kept may be of many of them.
constexpr std::size_t generations_kept = 4096;
constexpr std::size_t rule_sets_kept = 32;  // different ones, at some 100 bytes a rule
constexpr std::size_t blob_alignment = 64;

store::Problem hand_over_problem(const std::string& why) {
    return {"the data plane did not take the rules",     "data plane", why,
            "see its messages, and 'picket event show'", 503,          3};
}

// Two halves by turns, so that a data plane that still reads the former set is not disturbed.
std::span<std::byte> blob_area(const drain::Segments& segments, std::uint32_t generation) {
    const auto area = segments.rule_area();
    const std::size_t half = area.size() / 2 / blob_alignment * blob_alignment;
    return area.subspan(generation % 2 == 0 ? 0 : half, half);
}

bool same_rules(const std::vector<rules::RuleInfo>& a, const std::vector<rules::RuleInfo>& b) {
    const auto parts = [](const rules::RuleInfo& rule) {
        return std::tie(rule.gid, rule.sid, rule.rev, rule.severity, rule.message, rule.class_type,
                        rule.references, rule.text, rule.file, rule.line, rule.kind, rule.threshold);
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](const auto& x, const auto& y) { return parts(x) == parts(y); });
}

}  // namespace

RuleService::RuleService(RuleServiceSettings settings, WatchLists& watch_lists, drain::MailboxClient& mailbox,
                         EventLog& events)
    : settings_(std::move(settings)),
      watch_lists_(watch_lists),
      mailbox_(mailbox),
      events_(events),
      cache_(settings_.cache_directory),
      learned_(cache_) {}

RuleService::~RuleService() {
    stop();
}

void RuleService::start() {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::make_shared<Job>(Job{"start", true, false, {}}));
    }
    thread_ = std::thread([this] { work(); });
}

void RuleService::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        segments_.reset();
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void RuleService::attach(std::shared_ptr<drain::Segments> segments) {
    const std::lock_guard lock(mutex_);
    segments_ = std::move(segments);
    recognized_ = false;
    jobs_.push_back(std::make_shared<Job>(Job{"connect", false, false, {}}));
    changed_.notify_all();
}

void RuleService::detach() {
    const std::lock_guard lock(mutex_);
    segments_.reset();
    state_.generation = 0;
    changed_.notify_all();
}

bool RuleService::await_recognition(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return recognized_ || stopping_; });
}

std::optional<store::Problem> RuleService::reload(const std::string& reason) {
    return submit(std::make_shared<Job>(Job{reason, true, false, {}}));
}

std::optional<store::Problem> RuleService::add_file(const std::string& path) {
    const rules::ParsedRules parsed = rules::load_rule_files({path}, settings_.rules);
    for (const auto& reject : parsed.rejects) {
        if (reject.option == "file" && parsed.rules.empty()) {
            return store::Problem{"cannot load rule file",
                                  path,
                                  reject.reason,
                                  "give the absolute path of a file that picketd may read",
                                  404,
                                  2};
        }
    }
    {
        const std::lock_guard lock(mutex_);
        bool known = false;
        for (const auto& file : settings_.files) known = known || file == path;
        if (!known) settings_.files.push_back(path);
    }
    return reload("load of " + path);
}

std::optional<store::Problem> RuleService::submit(const std::shared_ptr<Job>& job) {
    std::unique_lock lock(mutex_);
    jobs_.push_back(job);
    changed_.notify_all();
    changed_.wait(lock, [&] { return job->done || stopping_; });
    if (!job->done) return hand_over_problem("picketd is leaving");
    return job->problem;
}

void RuleService::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
        if (stopping_) return;
        const auto job = jobs_.front();
        jobs_.pop_front();
        lock.unlock();
        auto problem = perform(*job);
        if (problem) events_.add("reload", problem->what + ": " + problem->why);
        lock.lock();
        recognized_ = true;  // if the set could not be compiled, nothing ever will be
        if (problem && state_.generation == 0) failure_ = problem->what + ": " + problem->why;
        job->problem = std::move(problem);
        job->done = true;
        changed_.notify_all();
    }
}

std::optional<store::Problem> RuleService::perform(const Job& job) {
    if (job.compile || !is_compiled_) {
        if (auto problem = compile()) return problem;
        handed_to_.reset();
    }
    return hand_over();
}

// From what the data plane's filter has found since the newest set was handed over.
void RuleService::learn() {
    if (!handed_to_ || !filters_ || !is_current(handed_to_)) return;
    const auto costs = read_rule_costs(*handed_to_);
    if (!costs || costs->generation != state().generation) return;
    std::size_t news = 0;
    for (std::size_t rule = 0; rule < std::min(filters_->size(), costs->rules.size()); ++rule) {
        const auto& element = (*filters_)[rule];
        if (!element) continue;
        const std::uint64_t scanned = costs->scanned[static_cast<std::size_t>(element->group)];
        if (learned_.take(*element, costs->rules[rule].found, scanned)) ++news;
    }
    if (news == 0) return;
    learned_.keep(cache_);
    events_.add("filter", std::to_string(news) + " elements of the filter are more common than was expected");
}

std::optional<store::Problem> RuleService::compile() {
    RuleServiceSettings settings;
    {
        const std::lock_guard lock(mutex_);
        settings = settings_;
    }
    rules::ParsedRules parsed = rules::load_rule_files(settings.files, settings.rules);
    learn();
    try {
        compiled_ = rules::compile_rules(parsed.rules, settings.rules, watch_lists_.sources(), &cache_,
                                         learned_.statistics());
    } catch (const SetupError& error) {
        return store::Problem{"cannot compile the rules", "rule set", error.what(),
                              "correct the rule files",   409,        2};
    }
    for (const std::string& note : cache_.take_notes()) events_.add("cache", note);
    is_compiled_ = true;
    filters_ =
        std::make_shared<const std::vector<std::optional<rules::FilterChoice>>>(std::move(compiled_.filters));
    const std::lock_guard lock(mutex_);
    state_.loaded = compiled_.rules.size();
    state_.rejects = std::move(parsed.rejects);
    state_.always_judged = compiled_.always_judged;
    // Generations that differ in watch lists alone share their rules.
    auto rules = newest_ && same_rules(*newest_->rules, compiled_.rules)
                     ? newest_->rules
                     : std::make_shared<const std::vector<rules::RuleInfo>>(compiled_.rules);
    newest_ = std::make_shared<store::RuleGeneration>(
        store::RuleGeneration{0, std::move(rules), compiled_.watch_lists, filters_});
    return {};
}

std::optional<store::Problem> RuleService::hand_over() {
    std::shared_ptr<drain::Segments> segments;
    {
        const std::lock_guard lock(mutex_);
        segments = segments_;
    }
    // A data plane that connects while the first set is compiled gets it once.
    if (!segments || segments == handed_to_) return {};
    const bool known = recognize(segments);
    {
        const std::lock_guard lock(mutex_);
        recognized_ = true;
        changed_.notify_all();
    }
    if (known) {
        start_workers(segments);
        return {};
    }
    // Generations go on from what the data plane has, which an earlier picketd may have given to it.
    const auto adopted = segments->evidence().rules_generation.load(std::memory_order_acquire);
    std::uint32_t generation = adopted + 1;
    {
        const std::lock_guard lock(mutex_);
        if (!generations_.empty()) generation = std::max(generation, generations_.rbegin()->first + 1);
    }
    // Hits may come before the reply does: the directory has to know the generation first.
    remember(generation);
    if (auto problem = post_blob(segments, generation)) return problem;
    if (auto problem = await_adoption(segments, generation)) return problem;
    handed_to_ = segments;
    {
        const std::lock_guard lock(mutex_);
        state_.generation = generation;
        failure_.clear();
    }
    events_.add("reload", "generation " + std::to_string(generation) + " with " +
                              std::to_string(compiled_.rules.size()) + " rules and " +
                              std::to_string(compiled_.watch_lists.size()) +
                              " watch lists adopted by every worker");
    start_workers(segments);
    return {};
}

// Is the newest set the one that the data plane has already, from a picketd before us? Then its generation
// stays, and the hits that were not drained yet have a name.
bool RuleService::recognize(const std::shared_ptr<drain::Segments>& segments) {
    const auto adopted = segments->evidence().rules_generation.load(std::memory_order_acquire);
    const auto& blob = compiled_.blob;
    {
        const std::lock_guard lock(mutex_);
        if (adopted == 0 || !generations_.empty()) return false;
    }
    const auto area = blob_area(*segments, adopted);
    if (blob.size() > area.size() || std::memcmp(area.data(), blob.data(), blob.size()) != 0) return false;
    remember(adopted);
    handed_to_ = segments;
    {
        const std::lock_guard lock(mutex_);
        state_.generation = adopted;
    }
    events_.add("reload",
                "generation " + std::to_string(adopted) + " of the data plane is the configured one");
    return true;
}

std::optional<store::Problem> RuleService::post_blob(const std::shared_ptr<drain::Segments>& segments,
                                                     std::uint32_t generation) {
    const auto area = blob_area(*segments, generation);
    if (compiled_.blob.size() > area.size()) {
        return hand_over_problem("the compiled set takes " + std::to_string(compiled_.blob.size()) +
                                 " bytes, its area has " + std::to_string(area.size()));
    }
    const auto deadline = std::chrono::steady_clock::now() + reply_timeout;
    while (!mailbox_.idle() && is_current(segments) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::memcpy(area.data(), compiled_.blob.data(), compiled_.blob.size());
    api::Command command;
    command.kind = api::CommandKind::load_rules;
    command.generation = generation;
    command.offset = segments->layout().rule_area_offset +
                     static_cast<std::uint64_t>(area.data() - segments->rule_area().data());
    command.size = compiled_.blob.size();
    const auto reply = mailbox_.run(command, reply_timeout);
    if (reply.status == 0) return {};
    return hand_over_problem(reply.text.empty() ? std::strerror(reply.status) : reply.text);
}

std::optional<store::Problem> RuleService::await_adoption(const std::shared_ptr<drain::Segments>& segments,
                                                          std::uint32_t generation) {
    const auto deadline = std::chrono::steady_clock::now() + adoption_timeout;
    while (segments->evidence().rules_generation.load(std::memory_order_acquire) < generation) {
        if (!is_current(segments)) return hand_over_problem("it went away");
        if (std::chrono::steady_clock::now() >= deadline) {
            return hand_over_problem("not every worker adopted generation " + std::to_string(generation) +
                                     " within " + std::to_string(adoption_timeout.count() / 1000) + " s");
        }
        std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    return {};
}

void RuleService::start_workers(const std::shared_ptr<drain::Segments>& segments) {
    if (segments->state() > api::DataplaneState::held) return;
    api::Command command;
    command.kind = api::CommandKind::start;
    const auto reply = mailbox_.run(command, start_timeout);
    if (reply.status == 0) return;
    const std::lock_guard lock(mutex_);
    failure_ =
        "the data plane did not start: " + (reply.text.empty() ? std::strerror(reply.status) : reply.text);
}

void RuleService::remember(std::uint32_t generation) {
    const std::lock_guard lock(mutex_);
    const bool shared = !generations_.empty() && generations_.rbegin()->second->rules == newest_->rules;
    if (!shared) ++rule_sets_;
    newest_ = std::make_shared<store::RuleGeneration>(
        store::RuleGeneration{generation, newest_->rules, compiled_.watch_lists, filters_});
    generations_[generation] = newest_;
    while (generations_.size() > generations_kept || rule_sets_ > rule_sets_kept) {
        const auto oldest = generations_.begin()->second->rules;
        generations_.erase(generations_.begin());
        if (generations_.begin()->second->rules != oldest) --rule_sets_;
    }
}

bool RuleService::is_current(const std::shared_ptr<drain::Segments>& segments) const {
    const std::lock_guard lock(mutex_);
    return segments_ == segments && !stopping_;
}

RuleSetState RuleService::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

std::shared_ptr<const store::RuleGeneration> RuleService::newest() const {
    const std::lock_guard lock(mutex_);
    return newest_;
}

std::shared_ptr<const store::RuleGeneration> RuleService::generation(std::uint32_t number) const {
    const std::lock_guard lock(mutex_);
    const auto found = generations_.find(number);
    return found == generations_.end() ? nullptr : found->second;
}

std::string RuleService::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

}  // namespace picket::detect
