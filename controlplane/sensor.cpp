#include "controlplane/sensor.h"

#include <fstream>
#include <sstream>
#include <thread>

#include "controlplane/store/time_text.h"
#include "dataplane/api/setup_error.h"

namespace picket {

namespace {

constexpr std::size_t alerts_max = 100'000;
constexpr std::size_t hits_kept = 200'000;
constexpr std::size_t packet_bytes_kept = std::size_t{64} << 20;
constexpr std::size_t request_bytes_max = std::size_t{128} << 20;
constexpr std::size_t walk_flows_max = 1'000'000;
constexpr std::chrono::milliseconds walk_timeout{2'000};
constexpr std::chrono::milliseconds connect_patience{60'000};
constexpr std::chrono::milliseconds recognition_patience{20'000};
constexpr std::chrono::milliseconds failure_poll_interval{50};
constexpr std::chrono::milliseconds stop_patience{10'000};
constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t stats_interval_ns = 10 * second_ns;
constexpr std::uint64_t loss_interval_ns = 10 * second_ns;

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file)
        throw SetupError(path, "cannot be read as a watch list", "check the path and its permissions", 2);
    return text.str();
}

detect::Acknowledgements::Keeper kept_beside(archive::Archive* archive) {
    if (archive == nullptr) return {};
    static constexpr const char* name = "acknowledged.json";
    return {[archive] { return archive->kept_text(name); },
            [archive](const std::string& text) { return archive->keep_text(name, text); }};
}

archive::ArchiveSettings with_lists(archive::ArchiveSettings settings, const detect::WatchLists& lists,
                                    const std::vector<SensorSettings::WatchFile>& configured) {
    settings.watch_lists = [&lists] { return lists.all(); };
    for (const auto& file : configured) settings.configured_lists.insert(file.name);
    return settings;
}

std::vector<std::string> port_names(const drain::Segments& segments) {
    std::vector<std::string> names;
    const auto counters = detect::take_counters(segments);
    if (!counters) return names;
    for (const auto& port : counters->ports) names.push_back(port.name);
    return names;
}

std::uint64_t latest_packet_ns(const drain::Segments& segments) {
    api::ClockMap clock;
    if (!segments.evidence().clock.read(clock)) return 0;
    return clock.packet_ns_now + static_cast<std::uint64_t>(clock.utc_minus_packet_ns);
}

}  // namespace

bool needs_requests(const store::Query& query) noexcept {
    return query.uri || query.status || query.shape == store::Shape::rows;
}

std::optional<std::string> horizon_note(const char* what, std::uint64_t horizon_ns,
                                        const store::Query& query) {
    if (horizon_ns == 0 || (query.since_ns && *query.since_ns >= horizon_ns)) return std::nullopt;
    return std::string(what) + " that ended before " + store::format_time(horizon_ns) + " are no longer kept";
}

double CounterPair::seconds() const noexcept {
    return static_cast<double>(now.taken_ns - before.taken_ns) / 1e9;
}

Sensor::Sensor(SensorSettings settings)
    : settings_(std::move(settings)),
      started_ns_(detect::utc_now_ns()),
      folds_(events_),
      scans_(scan_settings(), [this](const detect::Scan& scan) { suspect_scan(scan); }),
      thresholds_(settings_.rules.rules.dialect),
      alerts_(alerts_max),
      coverage_(started_ns_),
      flows_(settings_.flows_kept),
      requests_(settings_.requests_kept, request_bytes_max),
      hits_(settings_.flows_kept > 0 ? hits_kept : 0),
      packets_(settings_.flows_kept > 0 ? packet_bytes_kept : 0),
      walks_(mailbox_, walk_flows_max),
      capture_(mailbox_),
      privacy_(settings_.query_kept, drain::machine_key()),
      rules_(settings_.rules, watch_lists_, mailbox_, events_),
      archive_(settings_.archive
                   ? std::make_unique<archive::Archive>(
                         with_lists(*settings_.archive, watch_lists_, settings_.watch_files), rules_, events_)
                   : nullptr),
      acknowledgements_(kept_beside(archive_.get())),
      rule_directories_(rules_, archive_.get()),
      eve_(settings_.eve_path.empty()
               ? nullptr
               : std::make_unique<exporter::EveWriter>(settings_.eve_path, settings_.replay)),
      intake_({flows_, requests_, hits_, packets_, alerts_, summary_, events_, folds_, scans_, thresholds_,
               rules_, mailbox_, walks_, capture_, privacy_, eve_.get(), archive_.get(),
               settings_.replay ? &samples_ : nullptr}),
      loop_({settings_.dataplane_socket, settings_.replay ? connect_patience : std::chrono::milliseconds(0)},
            intake_, *this) {
    if (const auto trouble = acknowledgements_.trouble(); !trouble.empty()) events_.warn("archive", trouble);
    for (const auto& file : settings_.watch_files) {
        std::vector<store::NetworkLine> rejects;
        if (auto problem = watch_lists_.load(file.name, read_file(file.path), rejects)) {
            throw SetupError(file.path, problem->what + ": " + problem->where + ": " + problem->why,
                             problem->remedy, 2);
        }
        for (const auto& reject : rejects) {
            events_.warn("reload", file.path + ": line " + std::to_string(reject.line) + ": '" + reject.text +
                                       "' is not an address or network; the other lines were loaded");
        }
    }
    if (archive_ && !is_closed_archive()) watch_again();
}

Sensor::~Sensor() {
    stop();
}

void Sensor::start() {
    if (is_closed_archive()) return load_archived_lists();
    rules_.start();
    if (!settings_.replay) verifier_ = std::thread([this] { verify_scans(); });
    loop_.start();
}

void Sensor::stop() {
    if (stopped_.exchange(true)) return;
    if (settings_.owns_dataplane) stop_dataplane();
    alerts_.wake_all();
    wake_waiters();
    suspects_changed_.notify_all();
    if (verifier_.joinable()) verifier_.join();
    rules_.stop();
    loop_.stop();
    intake_.release_hits();
    announce_scans();
    if (eve_) eve_->finish();
    if (archive_) archive_->finish();
}

void Sensor::stop_dataplane() {
    api::Command command;
    command.kind = api::CommandKind::stop;
    if (mailbox_.post(command, std::chrono::milliseconds(1'000)) == 0) return;
    const auto deadline = std::chrono::steady_clock::now() + stop_patience;
    while (loop_.status().connected && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

std::uint64_t Sensor::now_ns() const {
    if (is_closed_archive()) return archive_->status().latest_ns + 1;
    const auto segments = loop_.status().segments;
    if (!segments || !segments->layout().replay) return detect::utc_now_ns();
    // 'now' lies just after the newest packet, so that an interval up to now contains it.
    return intake_.latest_ns() == 0 ? detect::utc_now_ns() : intake_.latest_ns() + 1;
}

std::optional<detect::CounterSnapshot> Sensor::counters() const {
    const auto segments = loop_.status().segments;
    if (!segments) return std::nullopt;
    return detect::take_counters(*segments);
}

std::optional<CounterPair> Sensor::recent_counters() const {
    const std::lock_guard lock(samples_mutex_);
    if (!sample_before_ || !sample_now_) return std::nullopt;
    return CounterPair{*sample_before_, *sample_now_};
}

Sensor::LiveFlows Sensor::walk(const store::Query& query, std::vector<std::string>& notes) {
    const auto link = loop_.status();
    // Where there is no data plane, or its input has ended, nothing goes on, and nothing waits in its rings.
    if (!link.connected || link.drained) return {{}, UINT64_MAX};
    const auto state = link.segments->state();
    const bool finished = state == api::DataplaneState::finished;  // with records in its rings
    if (state != api::DataplaneState::running && !finished) return {};
    if (query.until_ns && *query.until_ns < link.segments->layout().started_utc_ns &&
        !link.segments->layout().replay) {
        return {};
    }
    auto result = walks_.walk(
        store::walk_filter(query),
        [&](const store::StoredFlow& flow) { return store::matches_ends(query, flow); },
        link.segments->layout().workers, walk_timeout);
    if (!result.complete) {
        notes.push_back("flows that have not ended yet may be missing: " + result.why_incomplete);
    }
    return {std::move(result.flows), finished && result.complete ? UINT64_MAX : result.began_ns};
}

FlowAnswer Sensor::ask(const store::Query& query, bool limited) {
    store::Query rows = query;  // whatever its shape: who keeps rows looks at any of their fields
    rows.every_field = true;
    return answer(rows, limited, {});
}

ShapedAnswer Sensor::ask_shown(const store::Query& query) {
    store::FlowShaper shaper(query, join(nullptr));
    auto frame = answer(query, false, {{}, &shaper});
    shaper.add(frame.selection);
    return {std::move(frame), std::move(shaper)};
}

ShapedAnswer Sensor::ask_shaped(const store::Query& query) {
    store::FlowShaper shaper(query, join(nullptr));
    const auto tell = [&](const store::StoredFlow& flow) {
        if (store::matches(query, flow, join(nullptr))) shaper.add(flow);
    };
    auto frame = answer(query, false, {tell, &shaper});
    shaper.add(frame.selection);
    return {std::move(frame), std::move(shaper)};
}

FlowAnswer Sensor::answer(const store::Query& query, bool limited,
                          const archive::Archive::WholeFlows& whole) {
    FlowAnswer answer;
    answer.now_ns = now_ns();
    // First the live ones, then the ended ones: a flow that ends in between is seen ended, not missed.
    auto live = walk(query, answer.notes);
    auto ended = ended_flows(query, live.flows, whole);
    answer.known_until_ns = live.known_until_ns;
    answer.horizon_ns = ended.flows->horizon_ns();
    answer.requests = std::move(ended.requests);
    answer.selection =
        store::select_flows(std::move(ended.flows), std::move(live.flows), query, join(answer), limited);
    answer.coverage = coverage(query);
    if (auto note = horizon_note("flows", answer.horizon_ns, query)) answer.notes.push_back(*note);
    if (!answer.requests && needs_requests(query)) {
        if (auto note = horizon_note("requests", requests_.horizon_ns(), query))
            answer.notes.push_back(*note);
    }
    return answer;
}

std::string Sensor::failure() const {
    const auto link = loop_.status();
    if (link.given_up) return link.trouble;
    if (const auto rules = rules_.failure(); !rules.empty()) return rules;
    if (link.broken_rings > 0)
        return "the data plane's event rings contradict themselves; its records are incomplete";
    if (eve_ && !eve_->sink().error().empty()) return eve_->sink().error();
    if (archive_) {
        if (const auto trouble = archive_->trouble(); !trouble.empty())
            return "the archive is not complete: " + trouble;
    }
    if (link.segments && link.segments->state() == api::DataplaneState::failed) {
        return "the data plane failed; see its messages";
    }
    if (link.segments && !link.connected && !link.input_finished) {
        return "the data plane went away before it had read everything; see its messages";
    }
    return {};
}

void Sensor::on_connected(const std::shared_ptr<drain::Segments>& segments, bool same_run) {
    const auto& layout = segments->layout();
    bool untouched = true;
    for (std::uint32_t i = 0; i < segments->ring_count(); ++i) {
        untouched = untouched && segments->control().ring_read[i].value.load(std::memory_order_relaxed) == 0;
    }
    const auto now = detect::utc_now_ns();
    scans_.collect(layout.replay);
    // What nobody drained before us is still in the rings: then we know of everything since its start.
    const auto seen_since = untouched ? layout.started_utc_ns : now;
    coverage_.connected(now, seen_since, layout.replay, same_run);
    if (archive_) enter_session(layout.run_id, seen_since, layout.replay, same_run);
    if (!untouched && !same_run) {
        const auto begin = layout.replay ? latest_packet_ns(*segments) : now;
        flows_.forget_before(begin);
        alerts_.forget_before(begin);
        hits_.forget_before(begin);
        packets_.forget_before(begin);
    }
    folds_.connected(same_run);
    summary_.count_flows(layout.replay);
    if (!same_run) intake_.set_run(layout.run_id, port_names(*segments));
    mailbox_.attach(segments);
    next_sample_ns_ = 0;
    const std::string kind = loop_.status().connections > 1 && !same_run ? "restart" : "connect";
    events_.add(kind, "data plane " + std::to_string(layout.process_id) + " (" + layout.build_version + ", " +
                          std::to_string(layout.workers) + " workers) is connected");
    rules_.attach(segments);
    // Hits that wait in the rings of a data plane that had rules before us: their names come first.
    const auto adopted = segments->evidence().rules_generation.load(std::memory_order_acquire);
    if (adopted > 0 && !same_run) rules_.await_recognition(recognition_patience);
}

void Sensor::on_disconnected(const std::shared_ptr<drain::Segments>& segments) {
    if (segments->layout().replay) scans_.finish();  // of a capture that was not read to its end
    intake_.release_hits();
    announce_scans();
    sample(segments);
    mailbox_.detach();
    walks_.abandon();
    capture_.abandon();
    rules_.detach();
    coverage_.disconnected(detect::utc_now_ns());
    if (archive_) archive_->end_session(detect::utc_now_ns());
    events_.add("connect", "data plane " + std::to_string(segments->layout().process_id) + " went away");
    wake_waiters();
}

void Sensor::on_unconnected() {
    announce_scans();
}

void Sensor::on_trouble(const std::string& sentence) {
    events_.add("connect", sentence);
}

void Sensor::on_tick(const std::shared_ptr<drain::Segments>& segments) {
    if (!settings_.replay) intake_.release_settled_hits();
    announce_scans();
    alerts_.publish_climbing();
    capture_.look_for_owner();
    const auto now = detect::utc_now_ns();
    if (eve_ && !settings_.replay) eve_->flush();
    if (now < next_sample_ns_) return;
    next_sample_ns_ = now + second_ns;
    sample(segments);
    if (eve_ && !settings_.replay && now >= next_stats_ns_) {
        next_stats_ns_ = now + stats_interval_ns;
        write_stats();
    }
}

void Sensor::sample(const std::shared_ptr<drain::Segments>& segments) {
    auto counters = detect::take_counters(*segments);
    if (!counters) return;
    const auto fresh = coverage_.sample(*counters);
    note_loss(fresh.lost);
    if (archive_ && (fresh.lost > 0 || fresh.folded > 0))
        archive_->add_loss(segments->layout().run_id, counters->taken_ns - second_ns, counters->taken_ns,
                           fresh.lost, fresh.folded);
    folds_.sample(*counters);
    const std::lock_guard lock(samples_mutex_);
    sample_before_ = std::move(sample_now_);
    sample_now_ = std::move(counters);
}

void Sensor::note_loss(std::uint64_t lost) {
    loss_pending_ += lost;
    const auto now = detect::utc_now_ns();
    if (loss_pending_ == 0 || now < loss_noted_ns_ + loss_interval_ns) return;
    events_.add("loss", std::to_string(loss_pending_) +
                            " packets or records were lost since the last note; see 'picket counter show'");
    loss_noted_ns_ = now;
    loss_pending_ = 0;
}

void Sensor::write_stats() {
    const std::lock_guard lock(samples_mutex_);
    if (!sample_now_) return;
    const auto now = detect::utc_now_ns();
    eve_->stats(settings_.replay ? now_ns() : now, (now - started_ns_) / second_ns, *sample_now_,
                alerts_.alerts_total());
}

void Sensor::on_input_finished() {
    scans_.finish();
    intake_.release_hits();
    sample(loop_.status().segments);
    if (eve_) {
        write_stats();
        eve_->finish();
    }
    if (archive_ && settings_.replay) archive_->finish();
    finished_.store(true, std::memory_order_release);
    wake_waiters();
}

void Sensor::wake_waiters() {
    const std::lock_guard lock(finished_mutex_);
    finished_changed_.notify_all();
}

void Sensor::wait_until_finished() {
    std::unique_lock lock(finished_mutex_);
    while (!finished() && !stopping() && failure().empty()) {
        finished_changed_.wait_for(lock, failure_poll_interval);
    }
}

}  // namespace picket
