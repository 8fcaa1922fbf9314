#include "controlplane/archive/archive_writer.h"

#include <algorithm>
#include <set>

#include "controlplane/archive/event_columns.h"
#include "controlplane/archive/fault.h"
#include "controlplane/archive/flow_columns.h"
#include "controlplane/archive/flush_files.h"

namespace picket::archive {

namespace {

constexpr std::chrono::milliseconds patience_first{250};
constexpr std::chrono::milliseconds patience_max{5'000};
constexpr std::chrono::milliseconds look_interval{100};
constexpr std::uint64_t event_bytes_max = std::uint64_t{128} << 20;  // of requests and packets that wait
constexpr std::uint64_t packet_bytes_max = event_bytes_max / 4 * 3;  // no packet makes them more

std::size_t bytes_of(const store::StoredRequest& row) {
    return sizeof row + row.method.size() + row.uri.size() + row.uri_normalized.size() + row.host.size() +
           row.user_agent.size() + row.referer.size() + row.version.size();
}

// Packets are kept as far as there is room, and coverage is no row of an answer.
bool may_be_lost(Table table) {
    return table != Table::coverage && table != Table::packets;
}

// What was closed in a directory that another one has taken the place of is in no answer any more.
void add_left_behind(const std::vector<FileEntry>& before, const std::vector<FileEntry>& now,
                     Findings& findings) {
    std::set<std::string> known;
    for (const auto& file : now) known.insert(file.name);
    for (const auto& file : findings.lost) known.insert(file.name);
    std::uint64_t rows = 0;
    for (const auto& file : before) {
        if (known.contains(file.name)) continue;
        findings.lost.push_back(file);
        if (may_be_lost(file.table)) rows += file.rows;
    }
    if (rows == 0) return;
    findings.notes.push_back("the directory is another one than before, and " + std::to_string(rows) +
                             " rows that were archived are not in it");
}

}  // namespace

ArchiveWriter::ArchiveWriter(const ArchiveSettings& settings, Catalog& catalog, RuleSets& rule_sets,
                             WatchTexts& watch_texts, detect::EventLog& events)
    : settings_(settings),
      catalog_(catalog),
      rule_sets_(rule_sets),
      watch_texts_(watch_texts),
      events_(events) {}

ArchiveWriter::~ArchiveWriter() {
    finish();
}

void ArchiveWriter::start(const Failure& opening) {
    if (opening) note_failure(*opening);
    flushed_ = Clock::now();
    lost_since_ns_ = detect::utc_now_ns();
    thread_ = std::thread([this] { work(); });
}

void ArchiveWriter::begin_session(std::uint64_t run, std::uint64_t begin_ns, bool captures) {
    const std::lock_guard lock(mutex_);
    sessions_.begin(run, begin_ns);
    captures_ = captures_ || captures;
    changed_.notify_all();
}

void ArchiveWriter::end_session(std::uint64_t end_ns) {
    const std::lock_guard lock(mutex_);
    sessions_.end(end_ns);
}

void ArchiveWriter::add(std::span<const store::StoredFlow> flows) {
    // Most flows have no hit: nothing of them is to be changed.
    if (std::all_of(flows.begin(), flows.end(), [](const auto& flow) { return flow.rule_generation == 0; })) {
        append(open_.flows, flows, settings_.open_rows_max);
        return;
    }
    batch_.assign(flows.begin(), flows.end());
    for (auto& flow : batch_) {
        if (flow.rule_generation != 0) flow.rule_generation = rule_sets_.archived(flow.rule_generation);
    }
    append<store::StoredFlow>(open_.flows, batch_, settings_.open_rows_max);
}

void ArchiveWriter::add(const store::StoredRequest& request) {
    const std::size_t bytes = bytes_of(request);
    while (event_bytes_.load(std::memory_order_relaxed) + bytes > event_bytes_max) {
        if (!waits()) return lose(1);
    }
    event_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (!append<store::StoredRequest>(open_.requests, {&request, 1}, settings_.open_rows_max))
        event_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void ArchiveWriter::add(const ResponseRow& response) {
    append<ResponseRow>(open_.responses, {&response, 1}, settings_.open_rows_max);
}

void ArchiveWriter::add(const store::StoredHit& hit) {
    store::StoredHit kept = hit;
    if (kept.generation != 0) kept.generation = rule_sets_.archived(kept.generation);
    append<store::StoredHit>(open_.hits, {&kept, 1}, settings_.open_rows_max);
}

void ArchiveWriter::add(const AlertRow& alert) {
    append<AlertRow>(open_.alerts, {&alert, 1}, settings_.open_rows_max);
}

void ArchiveWriter::add(const LossRow& loss) {
    append<LossRow>(open_.losses, {&loss, 1}, settings_.open_rows_max);
}

// What a packet shows is in its flow's row too: it gives way to requests, and is not counted as a lost row.
void ArchiveWriter::add(const store::StoredPacket& packet) {
    while (event_bytes_.load(std::memory_order_relaxed) + packet.bytes() > packet_bytes_max) {
        if (!waits()) {
            packets_lost_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
    }
    event_bytes_.fetch_add(packet.bytes(), std::memory_order_relaxed);
    if (!append<store::StoredPacket>(open_.packets, {&packet, 1}, settings_.open_rows_max))
        event_bytes_.fetch_sub(packet.bytes(), std::memory_order_relaxed);
}

template <typename Row>
bool ArchiveWriter::append(RowChunks<Row>& chunks, std::span<const Row> rows, std::size_t rows_max) {
    while (true) {
        rows = rows.subspan(chunks.append(rows, rows_max));
        if (rows.empty()) break;
        if (waits()) continue;
        lose(rows.size());
        return false;
    }
    if (chunks.rows() >= settings_.flush_rows) changed_.notify_all();
    return true;
}

// Waits a moment for room, if that is what is to be done.
bool ArchiveWriter::waits() {
    std::unique_lock lock(mutex_);
    changed_.notify_all();
    if (!settings_.may_wait || given_up_) return false;
    changed_.wait_for(lock, look_interval);
    return true;
}

void ArchiveWriter::lose(std::size_t rows) {
    lost_.fetch_add(rows, std::memory_order_relaxed);
}

// Is there something to do, and is it time to try?
bool ArchiveWriter::is_due() const {
    if (Clock::now() < try_after_ && !finishing_) return false;
    return sessions_.are_to_be_entered() || is_flush_due();
}

bool ArchiveWriter::is_flush_due() const {
    bool full = event_bytes_.load(std::memory_order_relaxed) > event_bytes_max / 2;
    open_.for_each([&](const auto& chunks) { full = full || chunks.rows() >= settings_.flush_rows; });
    return finishing_ || full || Clock::now() >= flushed_ + settings_.flush_interval;
}

void ArchiveWriter::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait_for(lock, look_interval, [this] { return is_due(); });
        if (!is_due()) continue;
        const bool last = finishing_;
        lock.unlock();
        attempt();
        lock.lock();
        // Whoever ends this picketd cannot wait for a disk that does not work.
        given_up_ = given_up_ || (last && !trouble_.empty());
        changed_.notify_all();
        if (last && (given_up_ || open_.rows() == 0)) return;
    }
}

void ArchiveWriter::attempt() {
    Failure failure = open();
    if (!failure) failure = announce();
    if (!failure) failure = flush_if_due();
    if (failure) {
        note_failure(*failure);
    } else {
        note_success();
    }
    tell_losses();
}

// What found no room becomes a row itself, so that later answers for its time know of it.
void ArchiveWriter::tell_losses() {
    const std::uint64_t now_ns = detect::utc_now_ns();
    const std::uint64_t lost = lost_.load(std::memory_order_relaxed) - lost_told_;
    if (lost > 0) {
        events_.add("archive", std::to_string(lost) + " rows found no room and are not archived");
        const LossRow row{0, lost_since_ns_, now_ns, 0, 0, lost};
        // One more row always finds room: losses are few.
        open_.losses.append({&row, 1}, SIZE_MAX);
        lost_told_ += lost;
    }
    lost_since_ns_ = now_ns;
}

Failure ArchiveWriter::open() {
    if (opened_) return {};
    Findings findings;
    // Until it has succeeded: an attempt that fails may have left the catalog without files.
    if (auto files = catalog_.manifest().files; !files.empty()) files_before_ = std::move(files);
    if (auto failure = catalog_.open(findings)) return failure;
    auto& notes = findings.notes;
    const Manifest manifest = catalog_.manifest();
    add_left_behind(files_before_, manifest.files, findings);
    files_before_.clear();
    rule_sets_.load(catalog_.directory(), manifest.rule_sets, notes);
    watch_texts_.load(catalog_.directory(), manifest.watch_lists, notes);
    for (const auto& note : notes) events_.add("archive", note);
    // Later answers for their time know of it.
    for (const auto& file : findings.lost) {
        const LossRow row{0, file.first_ns, file.last_ns, 0, 0, file.rows};
        if (may_be_lost(file.table)) open_.losses.append({&row, 1}, SIZE_MAX);
    }
    const std::lock_guard lock(mutex_);
    sessions_.join(manifest.sessions);
    opened_ = true;
    return {};
}

// That a session has begun is entered at once: were it killed before its first flush, nothing would tell of
// it.
Failure ArchiveWriter::announce() {
    {
        const std::lock_guard lock(mutex_);
        if (!sessions_.are_to_be_entered()) return {};
    }
    return commit({}, {}, 0, false);
}

Failure ArchiveWriter::flush_if_due() {
    {
        const std::lock_guard lock(mutex_);
        if (!is_flush_due()) return {};
    }
    return flush();
}

Failure ArchiveWriter::flush() {
    if (auto gone = catalog_.gone()) return gone;
    // Nothing is added any more once the end has begun.
    const bool finishing = is_finishing();
    const std::uint64_t now_ns = detect::utc_now_ns();
    const std::size_t rows = open_.rows();
    const auto sealed = open_.seal(settings_.flush_rows);
    const bool all = sealed.rows() >= rows;  // of what came before now
    fault_point(FaultPoint::flush_begun);
    if (!engine_) engine_ = std::make_unique<WriteEngine>();
    FlushFiles files(catalog_, *engine_);
    files.write(Table::flows, flow_columns(), sealed.flows);
    files.write(Table::requests, request_columns(), sealed.requests);
    files.write(Table::responses, response_columns(), sealed.responses);
    files.write(Table::hits, hit_columns(), sealed.hits);
    files.write(Table::alerts, alert_columns(), sealed.alerts);
    files.write(Table::coverage, loss_columns(), sealed.losses);
    files.write(Table::packets, packet_columns(), sealed.packets);
    Failure failure = files.failure();
    if (!failure) failure = commit(sealed, files.files(), all ? now_ns : 0, all && finishing);
    if (failure) {
        files.discard();
        return failure;
    }
    std::size_t bytes = 0;
    sealed.requests.for_each([&](const auto& request) { bytes += bytes_of(request); });
    sealed.packets.for_each([&](const auto& packet) { bytes += packet.bytes(); });
    event_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return {};
}

Failure ArchiveWriter::commit(const OpenView& sealed, const std::vector<FileEntry>& written,
                              std::uint64_t end_ns, bool closing) {
    std::vector<RuleSet> sets;
    fault_point(FaultPoint::flush_files);
    if (auto failure = rule_sets_.write(catalog_.directory(), sets)) return failure;
    std::vector<WatchFile> lists = catalog_.manifest().watch_lists;
    if (auto failure = watch_texts_.write(catalog_.directory(), lists)) return failure;
    std::vector<Session> entered;
    std::size_t begun = 0;
    bool captures = false;
    {
        const std::lock_guard lock(mutex_);
        begun = sessions_.begun();
        entered = sessions_.all(end_ns, closing);
        captures = captures_;
    }
    const auto change = [&](Manifest& manifest) {
        for (const auto& entry : written) {
            if (entry.table != Table::coverage)
                manifest.latest_ns = std::max(manifest.latest_ns, entry.last_ns);
        }
        manifest.files.insert(manifest.files.end(), written.begin(), written.end());
        manifest.rule_sets.insert(manifest.rule_sets.end(), sets.begin(), sets.end());
        manifest.sessions = entered;
        manifest.watch_lists = lists;
        manifest.replay = manifest.replay || captures;
    };
    if (auto failure = catalog_.commit(change, [&] { open_.drop(sealed); })) return failure;
    rule_sets_.entered(sets);
    const std::lock_guard lock(mutex_);
    sessions_.note_entered(entered, begun);
    return {};
}

bool ArchiveWriter::is_finishing() const {
    const std::lock_guard lock(mutex_);
    return finishing_;
}

void ArchiveWriter::note_success() {
    const std::lock_guard lock(mutex_);
    if (!trouble_.empty()) events_.add("archive", "the archive is written again");
    trouble_.clear();
    flushed_ = Clock::now();
    flushed_ns_ = detect::utc_now_ns();
    patience_ = {};
    try_after_ = {};
}

void ArchiveWriter::note_failure(const std::string& why) {
    const std::lock_guard lock(mutex_);
    opened_ = opened_ && !catalog_.is_gone();
    // A replay has to be whole: whoever waits for room hears of it.
    given_up_ = given_up_ || settings_.may_wait;
    if (trouble_ != why) {
        events_.warn("archive",
                     "the archive cannot be written: " + why +
                         "; what comes waits in memory, and is lost to the archive if it is too much");
    }
    trouble_ = why;
    patience_ = patience_.count() == 0 ? patience_first : std::min(patience_ * 2, patience_max);
    try_after_ = Clock::now() + patience_;
}

Failure ArchiveWriter::finish() {
    {
        const std::lock_guard lock(mutex_);
        finishing_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    const std::lock_guard lock(mutex_);
    return trouble_.empty() ? Failure() : Failure(trouble_);
}

ArchiveView ArchiveWriter::view() const {
    ArchiveView view;
    view.files = catalog_.files([&] { view.open = open_.view(); });
    return view;
}

void ArchiveWriter::report(ArchiveStatus& status) const {
    status.open_flows = open_.flows.rows();
    status.open_rows = open_.rows();
    status.unarchived = lost_.load(std::memory_order_relaxed);
    status.unarchived_packets = packets_lost_.load(std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    status.open = opened_;
    status.trouble = trouble_;
    status.flushed_ns = flushed_ns_;
}

}  // namespace picket::archive
