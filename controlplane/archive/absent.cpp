// Of a build without DuckDB: there is no archive, and whoever wants one is told so.
#include "controlplane/archive/archive.h"
#include "dataplane/api/setup_error.h"

namespace picket::archive {

struct Archive::Parts {};

Archive::Archive(ArchiveSettings settings, const store::RuleDirectory&, detect::EventLog&) {
    throw SetupError(settings.directory, "cannot be used as an archive: this picketd was built without one",
                     "run controlplane/archive/duckdb/fetch.sh and build with -Darchive=enabled", 2);
}

Archive::~Archive() = default;
void Archive::begin_session(std::uint64_t, std::uint64_t, bool) {}
void Archive::end_session(std::uint64_t) {}
void Archive::add_flows(std::span<const store::StoredFlow>) {}
std::optional<std::string> Archive::finish() {
    return {};
}
void Archive::add_request(const store::StoredRequest&) {}
void Archive::add_response(const store::FlowKey&, std::uint32_t, const store::Response&) {}
void Archive::add_response_end(const store::FlowKey&, std::uint32_t, std::int64_t, std::uint64_t) {}
void Archive::add_hit(const store::StoredHit&) {}
void Archive::add_packet(const store::StoredPacket&) {}
store::Packets Archive::packets(const store::ChosenFlows&) const {
    return {};
}
void Archive::add_alert(std::uint64_t, const detect::Hit&) {}
void Archive::add_loss(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) {}
detect::CoverageAnswer Archive::losses_of(std::uint64_t) const {
    return {};
}
FlowAnswer Archive::ask(const store::Query&, std::span<const store::StoredFlow>, const WholeFlows&) const {
    return {};
}
void Archive::each_hit(const store::Query&, const VisitHit&) const {}
AlertAnswer Archive::alerts(std::optional<std::uint64_t>, std::optional<std::uint64_t>) const {
    return {};
}
detect::CoverageAnswer Archive::coverage(std::optional<std::uint64_t>, std::uint64_t, std::uint64_t) const {
    return {};
}
std::optional<std::string> Archive::keep_text(const std::string&, std::string_view) {
    return {};
}
std::optional<std::string> Archive::kept_text(const std::string&) const {
    return {};
}
std::map<std::string, std::string> Archive::watch_lists() const {
    return {};
}
std::map<std::string, std::string> Archive::watch_lists_by_hand() const {
    return {};
}
SqlResult Archive::query(const std::string&, const SqlLimits&) const {
    return {};
}
ArchiveStatus Archive::status() const {
    return {};
}
std::string Archive::trouble() const {
    return {};
}
bool Archive::has_history() const {
    return false;
}
std::shared_ptr<const store::RuleGeneration> Archive::generation(std::uint32_t) const {
    return nullptr;
}

}  // namespace picket::archive
