#include "controlplane/serve/metrics.h"

#include <prometheus/text_serializer.h>

#include <initializer_list>

#include "version.h"

namespace picket::serve {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

// One family under construction. Found by its index, because families move when further ones are added.
class Family {
  public:
    Family(std::vector<MetricFamily>& families, const char* name, const char* help, MetricType type)
        : families_(families), index_(families.size()) {
        MetricFamily& family = families.emplace_back();
        family.name = name;
        family.help = help;
        family.type = type;
    }
    Family& add(const Labels& labels, double value) {
        MetricFamily& family = families_[index_];
        ClientMetric metric;
        for (const auto& [name, text] : labels) metric.label.push_back({name, text});
        (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
        family.metric.push_back(std::move(metric));
        return *this;
    }
    Family& add(const Labels& labels, std::uint64_t value) { return add(labels, static_cast<double>(value)); }

  private:
    std::vector<MetricFamily>& families_;
    std::size_t index_;
};

class Collector {
  public:
    Family counter(const char* name, const char* help) {
        return {families_, name, help, MetricType::Counter};
    }
    Family gauge(const char* name, const char* help) { return {families_, name, help, MetricType::Gauge}; }
    std::vector<MetricFamily> take() { return std::move(families_); }

  private:
    std::vector<MetricFamily> families_;
};

void add_ports(Collector& out, const detect::CounterSnapshot& counters) {
    auto packets = out.counter("picket_port_rx_packets_total", "Frames taken from a queue of a port");
    for (std::size_t port = 0; port < counters.ports.size(); ++port) {
        for (std::size_t queue = 0; queue < counters.workers.size(); ++queue) {
            packets.add({{"port", counters.ports[port].name}, {"queue", std::to_string(queue)}},
                        counters.workers[queue].ports[port].received);
        }
    }
    auto bytes = out.counter("picket_port_rx_bytes_total", "Their bytes, without preamble, gap and FCS");
    for (std::size_t port = 0; port < counters.ports.size(); ++port) {
        for (std::size_t queue = 0; queue < counters.workers.size(); ++queue) {
            bytes.add({{"port", counters.ports[port].name}, {"queue", std::to_string(queue)}},
                      counters.workers[queue].ports[port].received_bytes);
        }
    }
    const auto each = [&](const char* name, const char* help, std::uint64_t api::PortCounters::*value) {
        auto family = out.counter(name, help);
        for (const auto& port : counters.ports) family.add({{"port", port.name}}, port.counters.*value);
    };
    each("picket_port_rx_missed_total", "Frames that the device had no descriptor for",
         &api::PortCounters::missed);
    each("picket_port_rx_errors_total", "Frames that the device found damaged", &api::PortCounters::errors);
    each("picket_port_rx_nombuf_total", "Frames that found no buffer", &api::PortCounters::no_mbuf);
    const auto seen = [&](const char* name, const char* help, std::uint64_t detect::Audit::*value) {
        auto family = out.counter(name, help);
        for (std::size_t port = 0; port < counters.ports.size(); ++port) {
            const detect::Audit audit = counters.port_audit(port);
            family.add({{"port", counters.ports[port].name}}, audit.*value);
        }
    };
    seen("picket_port_duplicates_total", "Packets that are copies of others", &detect::Audit::duplicates);
    seen("picket_port_recorded_packets_total", "Packets of flow records", &detect::Audit::recorded);
    seen("picket_port_one_way_packets_total", "Packets of flow records with one direction",
         &detect::Audit::recorded_one_way);
    seen("picket_port_swapped_packets_total",
         "Packets of flow records with both directions on one of a link's ports",
         &detect::Audit::recorded_swapped);
    auto link = out.gauge("picket_port_up", "1 while the link is up");
    for (const auto& port : counters.ports) link.add({{"port", port.name}}, port.counters.link_up);
    auto xdp = out.counter("picket_port_xdp_packets_total", "Frames that our XDP program saw in the kernel");
    for (const auto& port : counters.ports) {
        if (!port.counters.has_xdp) continue;
        const auto queues = std::min<std::uint64_t>(port.counters.queues, api::xdp_queues_max);
        for (std::size_t queue = 0; queue < queues; ++queue) {
            xdp.add({{"port", port.name}, {"queue", std::to_string(queue)}},
                    port.counters.xdp_packets[queue]);
        }
    }
}

void add_packets(Collector& out, const detect::CounterSnapshot& counters) {
    const auto audit = counters.audit();
    auto packets = out.counter("picket_packets_total", "Where every received packet ended up");
    packets.add({{"outcome", "in_flows"}}, audit.in_flows);
    for (std::size_t i = 0; i < api::outcome_count; ++i) {
        packets.add({{"outcome", std::string(api::outcome_names[i])}}, audit.outcomes[i]);
    }
    out.gauge("picket_fragments_held", "Fragments that wait for the one with their ports")
        .add({}, static_cast<double>(audit.held));
    const double explained = static_cast<double>(audit.in_flows) + static_cast<double>(audit.held) +
                             static_cast<double>(audit.outcomes_total()) +
                             static_cast<double>(audit.handed_out) - static_cast<double>(audit.taken_in);
    out.gauge("picket_audit_imbalance", "Received packets that are in no flow and no outcome")
        .add({}, static_cast<double>(audit.received) - explained);
    using Counters = api::WorkerCounters;
    auto kinds = out.counter("picket_packets_by_kind_total", "Packets by kind, in addition to the audit");
    kinds.add({{"kind", "ipv4"}}, counters.sum(&Counters::packets_ipv4))
        .add({{"kind", "ipv6"}}, counters.sum(&Counters::packets_ipv6))
        .add({{"kind", "tcp"}}, counters.sum(&Counters::packets_tcp))
        .add({{"kind", "udp"}}, counters.sum(&Counters::packets_udp))
        .add({{"kind", "icmp"}}, counters.sum(&Counters::packets_icmp))
        .add({{"kind", "other_ip"}}, counters.sum(&Counters::packets_other_ip))
        .add({{"kind", "vlan"}}, counters.sum(&Counters::packets_vlan))
        .add({{"kind", "fragment"}}, counters.sum(&Counters::packets_fragment));
    out.counter("picket_fragment_datagrams_total", "Fragmented datagrams that became whole")
        .add({}, counters.sum(&Counters::fragment_datagrams));
    out.counter("picket_duplicates_displaced_total",
                "Packets forgotten so soon that copies of them would not be recognised")
        .add({}, counters.sum(&Counters::duplicates_displaced));
    auto lost = out.counter("picket_fragments_incomplete_total",
                            "Fragments whose datagram was given up: not whole in time, or no room for it");
    lost.add({{"reason", "timed_out"}}, counters.sum(&Counters::fragments_timed_out))
        .add({{"reason", "evicted"}}, counters.sum(&Counters::fragments_evicted));
    out.counter("picket_fragments_contradicting_total", "Fragments that overlap others or cannot be")
        .add({}, counters.sum(&Counters::fragments_contradicting));
}

void add_flows(Collector& out, const detect::CounterSnapshot& counters) {
    using Counters = api::WorkerCounters;
    out.gauge("picket_flows", "Flows in the tables").add({}, counters.sum(&Counters::flows_active));
    out.gauge("picket_flow_capacity", "Flows that the tables can hold")
        .add({}, counters.sum(&Counters::flow_capacity));
    out.counter("picket_flows_created_total", "Distinct flows")
        .add({}, counters.sum(&Counters::flows_created));
    out.counter("picket_flows_ended_total", "Flows that have ended")
        .add({}, counters.sum(&Counters::flows_ended));
    out.counter("picket_flow_parts_total", "Records cut by the active timeout")
        .add({}, counters.sum(&Counters::flow_parts_cut));
    out.counter("picket_flows_folded_total",
                "New flows' packets that were only counted, because the tables were under pressure")
        .add({}, counters.audit().outcome(api::Outcome::folded));
    out.counter("picket_flows_folded_bytes_total", "Their IP bytes")
        .add({}, counters.sum(&Counters::folded_bytes));
    out.counter("picket_flows_begun_late_total", "Flows whose first packets were folded")
        .add({}, counters.sum(&Counters::flows_begun_late));
    out.counter("picket_flow_records_folded_total",
                "Flows of one packet that were only counted, because a ring was nearly full")
        .add({}, counters.sum(&Counters::folded_records));
    out.counter("picket_hits_folded_total", "Hits told as counts, because a ring was nearly full")
        .add({}, counters.sum(&Counters::hits_folded));
    out.counter("picket_http_requests_total", "HTTP requests")
        .add({}, counters.sum(&Counters::http_requests));
    out.counter("picket_http_responses_total", "HTTP responses")
        .add({}, counters.sum(&Counters::http_responses));
    out.counter("picket_http_states_exhausted_total",
                "Flows whose streams gave way to others for want of state")
        .add({}, counters.sum(&Counters::http_states_exhausted));
    out.counter("picket_http_segments_held_total", "Segments of HTTP flows that came before their turn")
        .add({}, counters.sum(&Counters::http_segments_held));
    out.counter("picket_http_gaps_total", "Gaps in HTTP flows that were not filled")
        .add({}, counters.sum(&Counters::http_gaps));
    out.gauge("picket_flowbit_records", "Records of flows' bits in use")
        .add({}, counters.sum(&Counters::flowbit_records_active));
    out.counter("picket_flows_bits_lost_total", "Flows of which a flowbit could not be kept")
        .add({}, counters.sum(&Counters::flows_bits_lost));
    out.counter("picket_flowbit_hits_unjudged_total", "Hits of rules that test bits, on such flows: not told")
        .add({}, counters.sum(&Counters::flowbit_hits_unjudged));
    out.counter("picket_rule_hits_total", "Hits of rules").add({}, counters.sum(&Counters::rule_hits));
    out.counter("picket_watch_hits_total", "New flows of watched addresses")
        .add({}, counters.sum(&Counters::watch_hits));
    out.counter("picket_texts_scanned_total", "Texts given to the filter")
        .add({}, counters.sum(&Counters::texts_scanned));
    out.counter("picket_texts_passed_total", "Texts that the filter let through to exact judgement")
        .add({}, counters.sum(&Counters::texts_passed));
}

void add_workers(Collector& out, const detect::CounterSnapshot& counters) {
    auto cycles = out.counter("picket_worker_cycles_total", "TSC cycles of a worker");
    std::array<std::uint64_t, api::stage_count> stages{};
    for (std::size_t i = 0; i < counters.workers.size(); ++i) {
        const auto& worker = counters.workers[i].counters;
        cycles.add({{"worker", std::to_string(i)}, {"state", "busy"}}, worker.cycles_busy)
            .add({{"worker", std::to_string(i)}, {"state", "idle"}}, worker.cycles_idle);
        for (std::size_t stage = 0; stage < stages.size(); ++stage)
            stages[stage] += worker.cycles_stage[stage];
    }
    auto by_stage = out.counter("picket_stage_cycles_total", "TSC cycles of a stage, all workers");
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
        by_stage.add({{"stage", std::string(api::stage_names[stage])}}, stages[stage]);
    }
    auto dropped = out.counter("picket_events_dropped_total", "Events that found no room in a ring");
    auto add_kinds = [&](Family& family, const auto& value) {
        for (std::size_t kind = 1; kind < api::event_kind_count; ++kind) {
            if (api::event_kind_names[kind].empty()) continue;
            family.add({{"kind", std::string(api::event_kind_names[kind])}}, value(kind));
        }
    };
    add_kinds(dropped,
              [&](std::size_t kind) { return counters.events_dropped(static_cast<api::EventKind>(kind)); });
    auto written = out.counter("picket_events_written_total", "Events written to a ring");
    add_kinds(written, [&](std::size_t kind) {
        std::uint64_t sum = 0;
        for (const auto& worker : counters.workers) sum += worker.counters.events_written[kind];
        return sum;
    });
    out.gauge("picket_event_queue_bytes", "Bytes in the event rings that were not drained yet")
        .add({}, counters.ring_used_bytes);
}

void add_control_plane(Collector& out, const Sensor& sensor) {
    const auto severities = sensor.alerts().by_severity();
    auto alerts = out.counter("picket_alerts_total", "Deduplicated alerts");
    for (std::size_t i = 0; i < severities.size(); ++i) {
        alerts.add({{"severity", std::to_string(i + 1)}}, severities[i]);
    }
    out.counter("picket_hits_below_threshold_total", "Hits that their rule's threshold kept from alerting")
        .add({}, sensor.thresholds().suppressed());
    out.counter("picket_threshold_states_evicted_total",
                "Sources and destinations whose hits were forgotten before their threshold's time was over")
        .add({}, sensor.thresholds().evicted());
    const auto rules = sensor.rules().state();
    out.gauge("picket_rules", "Rules by state")
        .add({{"state", "loaded"}}, std::uint64_t{rules.loaded})
        .add({{"state", "rejected"}}, std::uint64_t{rules.rejects.size()});
    out.gauge("picket_rules_generation", "Generation that every worker has adopted")
        .add({}, std::uint64_t{rules.generation});
    if (const auto* eve = sensor.eve_sink()) {
        out.counter("picket_export_records_total", "Records written by a sink")
            .add({{"sink", "eve"}}, eve->written());
        out.counter("picket_export_dropped_total", "Records that a sink dropped")
            .add({{"sink", "eve"}}, eve->dropped());
    }
    const auto link = sensor.link();
    out.gauge("picket_dataplane_up", "1 while a data plane is connected")
        .add({}, std::uint64_t{link.connected ? 1U : 0U});
    out.counter("picket_malformed_events_total", "Events that made no sense").add({}, link.malformed_events);
    out.gauge("picket_flows_kept", "Parts of ended flows in memory")
        .add({}, std::uint64_t{sensor.flows().size()});
    out.gauge("picket_build_info", "1").add({{"version", PICKET_VERSION}}, std::uint64_t{1});
}

}  // namespace

std::vector<MetricFamily> collect_metrics(const Sensor& sensor) {
    Collector out;
    if (const auto counters = sensor.counters()) {
        add_ports(out, *counters);
        add_packets(out, *counters);
        add_flows(out, *counters);
        add_workers(out, *counters);
    }
    add_control_plane(out, sensor);
    return out.take();
}

std::string metrics_text(const Sensor& sensor) {
    return prometheus::TextSerializer().Serialize(collect_metrics(sensor));
}

}  // namespace picket::serve
