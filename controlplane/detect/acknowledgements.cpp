#include "controlplane/detect/acknowledgements.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "controlplane/store/address_text.h"

namespace picket::detect {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t hour_ns = 3'600'000'000'000;

// What makes an alert one: as in AlertTable. The hour comes first, so that the oldest are the first.
std::string key_of(const Alert& alert) {
    const Hit& hit = alert.hit;
    char hour[24];
    std::snprintf(hour, sizeof hour, "%012llu", static_cast<unsigned long long>(alert.first_ns / hour_ns));
    const std::string what = hit.scan           ? "scan " + hit.list
                             : hit.list.empty() ? std::to_string(hit.gid) + ":" + std::to_string(hit.sid)
                                                : "list " + hit.list;
    const std::string whom =
        hit.scan ? store::format_address(hit.source)
                 : store::format_address(hit.destination) + " " + std::to_string(hit.destination_port);
    return std::string(hour) + " " + what + " " + whom;
}

}  // namespace

Acknowledgements::Acknowledgements(Keeper keeper) : keeper_(std::move(keeper)) {
    take_kept();
}

void Acknowledgements::take_kept() {
    const auto text = keeper_.read ? keeper_.read() : std::nullopt;
    if (!text) return;
    const Json document = Json::parse(*text, nullptr, false);
    const auto rows = document.is_object() ? document.find("alerts") : document.end();
    if (!document.is_object() || rows == document.end() || !rows->is_object()) {
        trouble_ = "what was kept of them is damaged: alerts that were acknowledged before are not known";
        return;
    }
    for (const auto& [key, value] : rows->items()) {
        if (!value.is_array() || value.size() != 2 || !value[0].is_number_unsigned() ||
            !value[1].is_number_unsigned())
            continue;
        Acknowledgement& one = known_[key];
        if (const auto count = value[1].get<std::uint64_t>(); count >= one.count)
            one = {value[0].get<std::uint64_t>(), count};
    }
}

void Acknowledgements::keep() {
    if (!keeper_.keep) return;
    Json rows = Json::object();
    for (const auto& [key, one] : known_) rows[key] = {one.time_ns, one.count};
    trouble_ = keeper_.keep(Json{{"alerts", std::move(rows)}}.dump()).value_or("");
}

std::size_t Acknowledgements::add(std::span<const Alert> alerts, std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    take_kept();
    std::size_t news = 0;
    for (const Alert& alert : alerts) {
        Acknowledgement& one = known_[key_of(alert)];
        if (one.count >= alert.count) continue;
        one = {now_ns, alert.count};
        ++news;
    }
    while (known_.size() > kept_max) known_.erase(known_.begin());
    if (news > 0) keep();
    return news;
}

std::optional<Acknowledgement> Acknowledgements::find(const Alert& alert) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key_of(alert));
    return found == known_.end() ? std::nullopt : std::optional(found->second);
}

std::string Acknowledgements::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

}  // namespace picket::detect
