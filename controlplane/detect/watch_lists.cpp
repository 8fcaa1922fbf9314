#include "controlplane/detect/watch_lists.h"

#include <algorithm>

#include "dataplane/api/rule_blob.h"

namespace picket::detect {

namespace {

bool is_name(const std::string& name) {
    if (name.empty() || name.size() >= api::name_length_max) return false;
    return std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    });
}

}  // namespace

void WatchEntry::add(const store::StoredFlow& flow) noexcept {
    ++flows;
    if ((flow.flags & api::flow_watched) == 0) ++retrospective;
    packets += flow.packets();
    bytes += flow.bytes();
    first_ns = first_ns == 0 ? flow.start_ns : std::min(first_ns, flow.start_ns);
    last_ns = std::max(last_ns, flow.last_ns);
}

WatchCount::WatchCount(store::Networks networks) : networks_(std::move(networks)) {
    for (const auto& network : networks_->entries()) entries_.push_back({.network = network});
}

void WatchCount::add(const store::StoredFlow& flow) {
    networks_->for_each_match(flow.source, [&](std::uint32_t index) { entries_[index].add(flow); });
    networks_->for_each_match(flow.destination, [&](std::uint32_t index) {
        if (!entries_[index].network.contains(flow.source)) entries_[index].add(flow);
    });
}

std::optional<store::Problem> WatchLists::load(const std::string& name, std::string_view text,
                                               std::vector<store::NetworkLine>& rejects) {
    const std::string what = "cannot load watch list '" + name.substr(0, 100) + "'";
    if (!is_name(name)) {
        return store::Problem{what, "its name", "a name has 1 to 63 letters, digits, '-', '_' or '.'",
                              "choose another name"};
    }
    const auto networks = store::parse_network_lines(text, rejects);
    if (networks.empty()) {
        const std::string where =
            rejects.empty() ? "its text" : "line " + std::to_string(rejects.front().line);
        const std::string why = rejects.empty()
                                    ? "it names no address"
                                    : "'" + rejects.front().text + "' is not an address or network";
        return store::Problem{what, where, why, "write one address or network a line, # begins a comment"};
    }
    auto list = std::make_shared<store::NetworkSet>(networks);
    const std::lock_guard lock(mutex_);
    if (!lists_.contains(name) && lists_.size() >= api::watch_lists_max) {
        return store::Problem{what,
                              "the set of lists",
                              "there are " + std::to_string(api::watch_lists_max) + " lists already",
                              "remove one with 'picket watch remove NAME'",
                              409,
                              2};
    }
    lists_[name] = std::move(list);
    return {};
}

bool WatchLists::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return lists_.erase(name) > 0;
}

store::Networks WatchLists::find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto list = lists_.find(name);
    return list == lists_.end() ? nullptr : list->second;
}

std::map<std::string, store::Networks> WatchLists::all() const {
    const std::lock_guard lock(mutex_);
    return lists_;
}

std::vector<rules::WatchListSource> WatchLists::sources() const {
    std::vector<rules::WatchListSource> sources;
    for (const auto& [name, networks] : all()) {
        rules::WatchListSource source{name, {}};
        for (const auto& network : networks->entries()) {
            source.ranges.push_back({network.address, network.last()});
        }
        sources.push_back(std::move(source));
    }
    return sources;
}

}  // namespace picket::detect
