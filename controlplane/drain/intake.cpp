#include "controlplane/drain/intake.h"

#include <algorithm>
#include <optional>

#include "controlplane/export/escape_bytes.h"

namespace picket::drain {

store::StoredFlow Intake::flow_of(const api::FlowRecord& record) const noexcept {
    store::StoredFlow flow = store::store_flow(record, utc_minus_packet_ns_, run_);
    parts_.privacy.apply(flow);
    return flow;
}

store::StoredRequest Intake::request_of(const RequestTextViews& texts) const {
    store::StoredRequest request;
    request.method = texts.method;
    request.uri = texts.uri;
    request.uri_normalized = texts.uri_normalized;
    request.host = texts.host;
    request.user_agent = texts.user_agent;
    request.referer = texts.referer;
    request.version = texts.version;
    parts_.privacy.apply(request);
    return request;
}

void Intake::set_run(std::uint64_t run, std::vector<std::string> port_names) {
    run_ = run;
    port_names_ = std::move(port_names);
    if (parts_.eve) parts_.eve->set_port_names(port_names_);
}

void Intake::see(std::uint64_t time_ns) noexcept {
    if (time_ns > latest_ns_.load(std::memory_order_relaxed)) {
        latest_ns_.store(time_ns, std::memory_order_relaxed);
    }
}

void Intake::on_flows(std::span<const api::FlowRecord* const> records) {
    parts_.summary.add_flows(records, utc_minus_packet_ns_);
    std::uint64_t latest = 0;
    std::uint64_t lost = 0;
    for (const auto* record : records) {
        latest = std::max(latest, record->part_last_ns);
        // Losses count the whole flow so far.
        if (record->final != 0) lost += record->directions[0].lost_bytes + record->directions[1].lost_bytes;
    }
    see(utc(latest));
    lost_bytes_.fetch_add(lost, std::memory_order_relaxed);
    batch_.clear();
    for (const auto* record : records) {
        batch_.push_back(flow_of(*record));
    }
    judge_contacts();
    if (parts_.flows.capacity() == 0 && !parts_.eve && !parts_.archive) return;
    parts_.flows.append(batch_);
    if (parts_.archive) parts_.archive->add_flows(batch_);
    if (!parts_.eve) return;
    for (const auto& flow : batch_) parts_.eve->flow_part(flow);
}

// Of the batch: the first part of a flow tells how it began.
void Intake::judge_contacts() {
    detect::FlowsSeen seen;
    contacts_.clear();
    for (const auto& flow : batch_) {
        if (flow.part != 1) continue;
        seen.add(flow.went_both_ways(), flow.last_ns);
        if (const auto contact = detect::contact_of(flow)) contacts_.push_back(*contact);
    }
    parts_.scans.note_flows(seen);
    parts_.scans.add(contacts_);
}

void Intake::add_scan(const detect::Scan& scan) {
    detect::Hit hit;
    hit.scan = true;
    hit.time_ns = scan.flagged_ns;
    hit.severity = detect::scan_severity;
    hit.source = scan.source;
    hit.destination = scan.destination;
    hit.destination_port = scan.port;
    hit.protocol = scan.protocol;
    hit.message = detect::describe(scan);
    hit.list = std::string(detect::name_of(scan.kind));
    add(hit, 0, {"network-scan", nullptr});
}

void Intake::on_live_flow(const api::FlowRecord& record) {
    auto flow = flow_of(record);
    flow.end_reason = api::EndReason::live;
    flow.final = 0;
    if (record.walk_id == 0) {
        parts_.scans.add_so_far(detect::attempt_of(flow));
        return;
    }
    parts_.walks.deliver_flow(record.walk_id, flow);
}

void Intake::on_request(const api::RequestEvent& event, const RequestTextViews& texts) {
    auto request = request_of(texts);
    request.flow = {event.ends.flow_id, run_};
    request.request = event.request;
    request.flags = event.flags;
    request.time_ns = utc(event.header.time_ns);
    request.ends = event.ends;
    see(request.time_ns);
    if (parts_.eve) parts_.eve->request(request);
    if (parts_.archive) parts_.archive->add_request(request);
    parts_.requests.add(std::move(request));
}

void Intake::on_response(const api::ResponseEvent& event, std::string_view content_type) {
    const store::FlowKey flow{event.ends.flow_id, run_};
    const store::Response response{event.status,         content_type,
                                   event.content_length, utc(event.header.time_ns),
                                   event.body_bytes,     (event.flags & api::response_goes_on) != 0};
    if (parts_.archive) parts_.archive->add_response(flow, event.request, response);
    if (event.request == api::request_none) {
        store::StoredRequest alone;
        alone.flow = flow;
        alone.request = event.request;
        alone.time_ns = response.time_ns;
        alone.ends = event.ends;
        alone.answer(response);
        if (parts_.eve) parts_.eve->response_alone(alone);
        return;
    }
    parts_.requests.add_response(flow, event.request, response);
    if (parts_.eve) parts_.eve->response(flow, event.request, response);
}

void Intake::on_response_end(const api::ResponseEndEvent& event) {
    const store::FlowKey flow{event.ends.flow_id, run_};
    parts_.requests.add_response_end(flow, event.request, event.body_bytes);
    if (parts_.archive) {
        parts_.archive->add_response_end(flow, event.request, event.body_bytes, utc(event.header.time_ns));
    }
    if (parts_.eve) parts_.eve->response_end(flow, event.request, event.body_bytes);
}

void Intake::on_packet(const api::PacketEvent& event, std::string_view frame) {
    store::StoredPacket packet;
    packet.flow = {event.flow_id, run_};
    packet.time_ns = utc(event.header.time_ns);
    packet.wire_length = event.wire_length;
    packet.payload_at = event.payload_at;
    packet.payload_length = event.payload_length;
    packet.tcp_sequence = event.tcp_sequence;
    packet.link_type = event.link_type;
    packet.port = event.port;
    packet.from_responder = event.from_responder != 0 ? 1 : 0;
    packet.protocol = event.protocol;
    packet.frame = frame;
    see(packet.time_ns);
    if (event.capture != 0) return parts_.capture.deliver(event.capture, std::move(packet));
    if (parts_.archive) parts_.archive->add_packet(packet);
    parts_.packets.add(std::move(packet));
}

detect::Hit Intake::hit_of(const api::EventHeader& header, const api::EventEnds& ends) const {
    detect::Hit hit;
    hit.time_ns = utc(header.time_ns);
    hit.source = ends.client;
    hit.destination = ends.server;
    hit.source_port = ends.client_port;
    hit.destination_port = ends.server_port;
    hit.vlan = ends.vlan;
    hit.protocol = ends.protocol;
    hit.flow_lost = ends.flow_lost != 0;
    hit.flow_id = ends.flow_id;
    return hit;
}

const rules::RuleInfo* Intake::name_rule(detect::Hit& hit, const store::RuleGeneration* generation,
                                         std::uint32_t rule) const {
    const auto* info = generation ? generation->rule(rule) : nullptr;
    if (info) {
        hit.gid = info->gid;
        hit.sid = info->sid;
        hit.rev = info->rev;
        hit.severity = info->severity;
        hit.message = info->message;
        hit.buffers = info->buffers;
    } else {
        // The set was compiled by a picketd that is no more.
        hit.message = "rule " + std::to_string(rule) + " of generation " + std::to_string(hit.generation) +
                      ", whose text is not known any more";
        hit.list = hit.message;
    }
    return info;
}

void Intake::add(const detect::Hit& hit, std::uint16_t port, const exporter::AlertTexts& texts) {
    see(hit.time_ns);
    if (parts_.eve) parts_.eve->alert(hit, port, texts);
    if (parts_.archive) parts_.archive->add_alert(run_, hit);
    if (parts_.samples) parts_.samples->add(hit);
    parts_.alerts.add(hit);
}

void Intake::add_rule_hit(detect::Hit hit, std::uint16_t port, const rules::RuleInfo* rule,
                          std::optional<store::StoredRequest> request, std::uint32_t request_number) {
    const std::string category = rule ? rule->class_type : "";
    if (!rule || !rule->threshold) {
        add(hit, port, {category, request ? &*request : nullptr});
        return;
    }
    see(hit.time_ns);
    held_.add({std::move(hit), *rule->threshold, port, category, request_number, std::move(request)});
    if (held_.overfull()) release_oldest_hit();
}

void Intake::release_oldest_hit() {
    HeldHit held = held_.take_oldest();
    if (!parts_.thresholds.apply(held.threshold, held.hit)) return;
    add(held.hit, held.port, {held.category, held.request ? &*held.request : nullptr});
}

void Intake::release_settled_hits() {
    while (!held_.empty() && held_.oldest_ns() <= settled_ns_) release_oldest_hit();
    settled_ns_ = latest_ns();
}

void Intake::release_hits() {
    while (!held_.empty()) release_oldest_hit();
}

// The ledger is of all hits, before thresholds.
void Intake::keep_hit(const api::HitEvent& event, const detect::Hit& hit,
                      const std::optional<store::StoredRequest>& request) {
    store::StoredHit kept;
    kept.flow = {event.ends.flow_id, run_};
    kept.request = event.request;
    kept.time_ns = hit.time_ns;
    kept.gid = hit.gid;
    kept.sid = hit.sid;
    kept.rev = hit.rev;
    kept.severity = hit.severity;
    kept.generation = hit.generation;
    kept.message = hit.message;
    kept.ends = event.ends;
    if (request) {
        kept.method = request->method;
        kept.uri = request->uri;
        kept.uri_normalized = request->uri_normalized;
        kept.host = request->host;
        kept.referer = request->referer;
    }
    if (parts_.archive) parts_.archive->add_hit(kept);
    parts_.hits.add(std::move(kept));
}

void Intake::on_hit(const api::HitEvent& event, const RequestTextViews& texts) {
    detect::Hit hit = hit_of(event.header, event.ends);
    hit.generation = event.generation;
    const auto generation = parts_.rules.generation(event.generation);
    const auto* rule = name_rule(hit, generation.get(), event.rule);
    std::optional<store::StoredRequest> request;
    if (event.request != api::request_none) {
        // A response comes without the texts of the request that it answers.
        if (texts.method.empty()) request = parts_.requests.one({event.ends.flow_id, run_}, event.request);
        if (!request) {
            request = request_of(texts);
            request->request = event.request;
            request->flags = event.request_flags;
        }
        hit.uri = request->uri;
    }
    keep_hit(event, hit, request);
    add_rule_hit(std::move(hit), event.ends.port, rule, std::move(request), event.request);
}

void Intake::on_watch(const api::WatchEvent& event) {
    const auto generation = parts_.rules.generation(event.generation);
    detect::Hit hit = hit_of(event.header, event.ends);
    hit.generation = event.generation;
    add_watch_hits(hit, event.client_lists, generation.get(), event.ends.port);
    add_watch_hits(hit, event.server_lists, generation.get(), event.ends.port);
}

void Intake::on_hit_count(const api::HitCountEvent& event) {
    if (event.count == 0) return;
    const auto generation = parts_.rules.generation(event.generation);
    detect::Hit hit = hit_of(event.header, event.ends);
    hit.generation = event.generation;
    hit.time_ns = utc(event.first_ns);
    hit.last_ns = utc(event.last_ns);
    hit.count = event.count;
    hit.lost_count = event.lost;
    hit.flow_lost = event.lost > 0;
    if (event.rule == api::hit_count_watch) {
        add_watch_hits(hit, event.client_lists, generation.get(), event.ends.port);
        add_watch_hits(hit, event.server_lists, generation.get(), event.ends.port);
        return;
    }
    const auto* rule = name_rule(hit, generation.get(), event.rule);
    add_rule_hit(std::move(hit), event.ends.port, rule, std::nullopt, api::request_none);
}

void Intake::add_watch_hits(const detect::Hit& like, std::uint64_t lists,
                            const store::RuleGeneration* generation, std::uint16_t port) {
    for (std::size_t i = 0; i < 64; ++i) {
        if ((lists >> i & 1) == 0) continue;
        detect::Hit hit = like;
        hit.severity = detect::watch_severity;
        const bool known = generation && i < generation->watch_lists.size();
        hit.list = known ? generation->watch_lists[i] : "#" + std::to_string(i);
        // One alert stands for many sources, so none of them is named here.
        hit.message = "watch list " + hit.list;
        add(hit, port, {"watch-list", nullptr});
    }
}

void Intake::on_note(const api::NoteEvent& event) {
    switch (event.header.kind) {
        case api::EventKind::walk_done:
            parts_.walks.deliver_done(event.value, event.header.worker, utc(event.header.time_ns));
            break;
        case api::EventKind::input_done:
            parts_.summary.add_input_done(event.header.worker);
            break;
        case api::EventKind::link: {
            const auto port = static_cast<std::size_t>(event.value >> 1);
            const std::string name = port < port_names_.size() ? port_names_[port] : std::to_string(port);
            parts_.events.add("link", "port " + name + ((event.value & 1) != 0 ? " is up" : " is down"));
            break;
        }
        default:
            break;
    }
}

void Intake::on_reply(const api::ReplyEvent& event, std::string_view text) {
    if (event.header.kind == api::EventKind::sensor_note) {
        parts_.events.add("sensor", exporter::escape_bytes(text));
    } else {
        parts_.mailbox.deliver(event.command_id, event.status, text);
    }
}

void Intake::on_capture(const api::CaptureEvent& event, std::string_view path, std::string_view error) {
    see(utc(event.last_ns));
    parts_.summary.add_capture({std::string(path), std::string(error), event.packets, event.bytes,
                                utc(event.first_ns), utc(event.last_ns), event.truncated != 0});
}

}  // namespace picket::drain
