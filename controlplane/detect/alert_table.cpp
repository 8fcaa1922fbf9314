#include "controlplane/detect/alert_table.h"

#include <algorithm>
#include <tuple>

#include "dataplane/api/rule_blob.h"

namespace picket::detect {

namespace {

constexpr std::uint64_t hour_ns = 3'600'000'000'000;
constexpr std::size_t feed_max = 20'000;
constexpr std::chrono::seconds climb_interval{1};
constexpr std::size_t recent_max = 100'000;

}  // namespace

void AlertTable::add(const Hit& hit) {
    const std::lock_guard lock(mutex_);
    hits_total_ += hit.count;
    const std::uint64_t rule = std::uint64_t{hit.gid} << 32 | hit.sid;
    if (hit.list.empty()) hits_by_rule_[rule] += hit.count;
    Key key{rule, hit.list.empty() ? 0 : api::text_hash(hit.list), hit.destination, hit.destination_port,
            hit.time_ns / hour_ns};
    if (hit.scan) {  // by source and kind; no watch list's name begins so
        key.list = api::text_hash("scan " + hit.list);
        key.destination = hit.source;
        key.port = 0;
    }
    if (const std::uint64_t* id = ids_.find(key)) {
        climb(entries_[*id - first_id_], hit);
    } else {
        create(hit, key);
    }
}

void AlertTable::create(const Hit& hit, const Key& key) {
    Entry entry;
    entry.key = key;
    entry.alert.hit = hit;
    entry.alert.id = first_id_ + entries_.size();
    entry.alert.count = hit.count;
    entry.alert.lost = hit.lost();
    entry.alert.first_ns = hit.time_ns;
    entry.alert.last_ns = std::max(hit.time_ns, hit.last_ns);
    entry.alert.generation = hit.generation;
    entry.alert.sources = {hit.source};
    ids_[key] = entry.alert.id;
    ++alerts_total_;
    ++by_severity_[std::clamp<std::uint32_t>(hit.severity, 1, 4) - 1];
    recent_.push_back(Clock::now());
    while (recent_.size() > recent_max) recent_.pop_front();
    entries_.push_back(std::move(entry));
    publish(entries_.back());
    if (entries_.size() > alerts_max_) {
        horizon_ns_ = std::max(horizon_ns_, entries_.front().alert.last_ns);
        ids_.erase(entries_.front().key);
        entries_.pop_front();
        ++first_id_;
    }
}

void AlertTable::climb(Entry& entry, const Hit& hit) {
    Alert& alert = entry.alert;
    if (alert.count == entry.count_published) climbing_.push_back(alert.id);
    alert.count += hit.count;
    alert.lost += hit.lost();
    // Hits of several workers come in no common order.
    alert.first_ns = std::min(alert.first_ns, hit.time_ns);
    alert.last_ns = std::max({alert.last_ns, hit.time_ns, hit.last_ns});
    alert.generation = std::max(alert.generation, hit.generation);
    const auto place = [](const Hit& of) {
        return std::tie(of.time_ns, of.source.bytes, of.source_port, of.flow_id);
    };
    if (place(hit) < place(alert.hit)) alert.hit = hit;
    if (alert.sources.size() < alert_sources_max &&
        std::find(alert.sources.begin(), alert.sources.end(), hit.source) == alert.sources.end()) {
        alert.sources.push_back(hit.source);
    }
}

void AlertTable::publish(Entry& entry) {
    entry.count_published = entry.alert.count;
    entry.published = Clock::now();
    feed_.push_back(entry.alert.id);
    if (feed_.size() > feed_max) {
        feed_.pop_front();
        ++feed_first_;
    }
    changed_.notify_all();
}

void AlertTable::publish_climbing() {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    std::erase_if(climbing_, [&](std::uint64_t id) {
        if (id < first_id_) return true;
        Entry& entry = entries_[id - first_id_];
        if (now - entry.published < climb_interval) return false;
        publish(entry);
        return true;
    });
}

void AlertTable::forget_before(std::uint64_t utc_ns) {
    const std::lock_guard lock(mutex_);
    horizon_ns_ = std::max(horizon_ns_, utc_ns);
}

std::uint64_t AlertTable::horizon_ns() const {
    const std::lock_guard lock(mutex_);
    return horizon_ns_;
}

std::vector<Alert> AlertTable::all() const {
    const std::lock_guard lock(mutex_);
    std::vector<Alert> alerts;
    alerts.reserve(entries_.size());
    for (const auto& entry : entries_) alerts.push_back(entry.alert);
    return alerts;
}

std::uint64_t AlertTable::alerts_total() const {
    const std::lock_guard lock(mutex_);
    return alerts_total_;
}

std::uint64_t AlertTable::hits_total() const {
    const std::lock_guard lock(mutex_);
    return hits_total_;
}

std::uint64_t AlertTable::new_alerts_in_last_minute() const {
    const std::lock_guard lock(mutex_);
    const auto since = Clock::now() - std::chrono::minutes(1);
    return static_cast<std::uint64_t>(recent_.end() -
                                      std::lower_bound(recent_.begin(), recent_.end(), since));
}

std::array<std::uint64_t, 4> AlertTable::by_severity() const {
    const std::lock_guard lock(mutex_);
    return by_severity_;
}

store::FlatMap<std::uint64_t, std::uint64_t> AlertTable::hits_by_rule() const {
    const std::lock_guard lock(mutex_);
    return hits_by_rule_;
}

AlertFeed AlertTable::feed_after(std::uint64_t after) const {
    AlertFeed feed;
    feed.next = feed_first_ + feed_.size() - 1;
    const std::uint64_t from = std::max(after + 1, feed_first_);
    for (std::uint64_t sequence = from; sequence <= feed.next; ++sequence) {
        const std::uint64_t id = feed_[sequence - feed_first_];
        if (id < first_id_) continue;
        // An alert that changed twice meanwhile is told once, with its present count.
        const bool told = std::any_of(feed.alerts.begin(), feed.alerts.end(),
                                      [&](const Alert& alert) { return alert.id == id; });
        if (!told) feed.alerts.push_back(entries_[id - first_id_].alert);
    }
    return feed;
}

AlertFeed AlertTable::tail(std::uint64_t after, std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [&] { return woken_ || feed_first_ + feed_.size() - 1 > after; });
    return feed_after(after);
}

std::uint64_t AlertTable::feed_position() const {
    const std::lock_guard lock(mutex_);
    return feed_first_ + feed_.size() - 1;
}

void AlertTable::wake_all() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
}

}  // namespace picket::detect
