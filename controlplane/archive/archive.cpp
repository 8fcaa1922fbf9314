#include "controlplane/archive/archive.h"

#include <algorithm>

#include "controlplane/archive/archive_writer.h"
#include "controlplane/archive/catalog.h"
#include "controlplane/archive/compactor.h"
#include "controlplane/archive/coverage_history.h"
#include "controlplane/archive/flow_reader.h"
#include "controlplane/archive/hit_reader.h"
#include "controlplane/archive/packet_reader.h"
#include "controlplane/archive/read_pool.h"
#include "controlplane/archive/rule_sets.h"
#include "controlplane/archive/user_query.h"
#include "controlplane/archive/watch_texts.h"
#include "dataplane/api/setup_error.h"

namespace picket::archive {

namespace {

void add_file(TableStatus& table, const FileEntry& file) {
    ++table.files;
    table.rows += file.rows;
    table.bytes += file.bytes;
    table.first_ns = table.first_ns == 0 ? file.first_ns : std::min(table.first_ns, file.first_ns);
    table.last_ns = std::max(table.last_ns, file.last_ns);
}

}  // namespace

struct Archive::Parts {
    Parts(ArchiveSettings given, const store::RuleDirectory& rules, detect::EventLog& events)
        : settings(std::move(given)),
          rule_sets(rules),
          watch_texts(settings.watch_lists, settings.configured_lists),
          catalog({settings.directory, settings.sensor, settings.replay, settings.read_only}),
          compactor(settings, catalog, events),
          writer(settings, catalog, rule_sets, watch_texts, events) {}

    ArchiveSettings settings;
    RuleSets rule_sets;
    WatchTexts watch_texts;
    Catalog catalog;
    mutable ReadPool pool;
    Compactor compactor;
    ArchiveWriter writer;  // last: its thread uses what is above
    bool has_history = false;
};

Archive::Archive(ArchiveSettings settings, const store::RuleDirectory& rules, detect::EventLog& events)
    : parts_(std::make_unique<Parts>(std::move(settings), rules, events)) {
    const auto& given = parts_->settings;
    const Failure failure = parts_->writer.open();
    if (failure && (given.read_only || given.replay)) {
        throw SetupError(given.directory, "cannot be used as an archive: " + *failure,
                         given.read_only ? "name the directory of an archive" : "name another directory");
    }
    parts_->has_history = failure || !parts_->catalog.manifest().files.empty();
    if (given.replay && parts_->has_history) {
        throw SetupError(given.directory, "holds an archive already, whose flows would count twice",
                         "name another directory, or remove this one", 2);
    }
    if (given.read_only) return;
    parts_->writer.start(failure);
    parts_->compactor.start();
}

Archive::~Archive() = default;

void Archive::begin_session(std::uint64_t run, std::uint64_t begin_ns, bool captures) {
    parts_->writer.begin_session(run, begin_ns, captures);
}

void Archive::end_session(std::uint64_t end_ns) {
    parts_->writer.end_session(end_ns);
}

void Archive::add_flows(std::span<const store::StoredFlow> parts) {
    parts_->writer.add(parts);
}

void Archive::add_request(const store::StoredRequest& request) {
    parts_->writer.add(request);
}

void Archive::add_response(const store::FlowKey& flow, std::uint32_t request,
                           const store::Response& response) {
    parts_->writer.add(ResponseRow{flow, request, response.time_ns, response.status,
                                   std::string(response.content_type), response.content_length,
                                   response.body_bytes});
}

void Archive::add_response_end(const store::FlowKey& flow, std::uint32_t request, std::int64_t body_bytes,
                               std::uint64_t time_ns) {
    parts_->writer.add(ResponseRow{flow, request, time_ns, 0, {}, -1, body_bytes});
}

void Archive::add_hit(const store::StoredHit& hit) {
    parts_->writer.add(hit);
}

void Archive::add_packet(const store::StoredPacket& packet) {
    parts_->writer.add(packet);
}

void Archive::add_alert(std::uint64_t run, const detect::Hit& hit) {
    parts_->writer.add(alert_row(run, hit));
}

void Archive::add_loss(std::uint64_t run, std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t lost,
                       std::uint64_t folded) {
    parts_->writer.add(LossRow{run, begin_ns, end_ns, lost, folded, 0});
}

detect::CoverageAnswer Archive::losses_of(std::uint64_t run) const {
    detect::CoverageAnswer answer;
    const auto losses = parts_->pool.run(
        [&](Connection& connection) { return read_losses(connection, parts_->writer.view(), {}, {}); });
    for (const auto& loss : losses) {
        if (loss.run != run) continue;
        answer.lost += loss.lost;
        answer.folded += loss.folded;
    }
    return answer;
}

std::optional<std::string> Archive::finish() {
    parts_->compactor.stop();
    return parts_->writer.finish();
}

FlowAnswer Archive::ask(const store::Query& query, std::span<const store::StoredFlow> live,
                        const WholeFlows& whole) const {
    return parts_->pool.run([&](Connection& connection) {
        const auto horizon_ns = parts_->catalog.manifest().horizon_ns;
        return read_flows(connection, parts_->writer.view(), query, live, whole, horizon_ns);
    });
}

void Archive::each_hit(const store::Query& query, const VisitHit& visit) const {
    parts_->pool.run(
        [&](Connection& connection) { read_hits(connection, parts_->writer.view(), query, visit); });
}

store::Packets Archive::packets(const store::ChosenFlows& flows) const {
    return parts_->pool.run(
        [&](Connection& connection) { return read_packets(connection, parts_->writer.view(), flows); });
}

AlertAnswer Archive::alerts(std::optional<std::uint64_t> since_ns,
                            std::optional<std::uint64_t> until_ns) const {
    return parts_->pool.run([&](Connection& connection) {
        return read_alerts(connection, parts_->writer.view(), since_ns, until_ns);
    });
}

detect::CoverageAnswer Archive::coverage(std::optional<std::uint64_t> since_ns, std::uint64_t until_ns,
                                         std::uint64_t live_since_ns) const {
    const Manifest manifest = parts_->catalog.manifest();
    const auto losses = parts_->pool.run([&](Connection& connection) {
        const ArchiveView view = parts_->writer.view();
        if (manifest.replay) return read_losses(connection, view, {}, {});
        return read_losses(connection, view, since_ns, until_ns);
    });
    detect::CoverageAnswer answer;
    for (const auto& loss : losses) {
        answer.lost += loss.unarchived;
        // Of its own time the live coverage knows already.
        if (loss.end_ns > live_since_ns) continue;
        answer.lost += loss.lost;
        answer.folded += loss.folded;
    }
    if (manifest.replay) return answer;
    const std::uint64_t oldest_ns = manifest.sessions.empty() ? live_since_ns : manifest.sessions[0].begin_ns;
    const std::uint64_t blind =
        blind_ns(manifest.sessions, since_ns.value_or(oldest_ns), std::min(until_ns, live_since_ns));
    answer.seconds_blind = static_cast<double>(blind / 1'000'000) / 1e3;
    return answer;
}

SqlResult Archive::query(const std::string& sql, const SqlLimits& limits) const {
    return run_sql(parts_->catalog.files(), sql, limits);
}

std::optional<std::string> Archive::keep_text(const std::string& name, std::string_view text) {
    return parts_->catalog.keep_text(name, text);
}

std::optional<std::string> Archive::kept_text(const std::string& name) const {
    std::string text;
    if (read_text(parts_->catalog.directory().path_of(name), text)) return std::nullopt;
    return text;
}

std::map<std::string, std::string> Archive::watch_lists() const {
    return parts_->watch_texts.texts();
}

std::map<std::string, std::string> Archive::watch_lists_by_hand() const {
    return parts_->watch_texts.by_hand();
}

ArchiveStatus Archive::status() const {
    ArchiveStatus status;
    status.directory = parts_->settings.directory;
    parts_->writer.report(status);
    const Manifest manifest = parts_->catalog.manifest();
    status.retain_ns = parts_->settings.retain_ns;
    status.bytes_max = parts_->settings.bytes_max;
    status.tables.resize(table_count);
    for (std::size_t i = 0; i < table_count; ++i) status.tables[i].name = table_names[i];
    for (const auto& file : manifest.files) {
        ++status.files;
        status.bytes += file.bytes;
        add_file(status.tables[static_cast<std::size_t>(file.table)], file);
        if (file.table != Table::flows) continue;
        status.flows += file.rows;
        if (status.since_ns == 0 || file.first_ns < status.since_ns) status.since_ns = file.first_ns;
    }
    status.latest_ns = manifest.latest_ns;
    status.horizon_ns = manifest.horizon_ns;
    for (std::size_t i = 0; i + 1 < manifest.sessions.size(); ++i) {
        const auto& session = manifest.sessions[i];
        if (!session.closed) status.gap = Gap{session.end_ns, manifest.sessions[i + 1].begin_ns};
    }
    return status;
}

std::string Archive::trouble() const {
    ArchiveStatus status;
    parts_->writer.report(status);
    return status.trouble;
}

bool Archive::has_history() const {
    return parts_->has_history;
}

std::shared_ptr<const store::RuleGeneration> Archive::generation(std::uint32_t number) const {
    return parts_->rule_sets.find(number);
}

}  // namespace picket::archive
