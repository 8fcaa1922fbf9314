#include "controlplane/archive/flow_conditions.h"

#include <algorithm>

#include "controlplane/archive/column.h"
#include "controlplane/store/protocol_text.h"

namespace picket::archive {

namespace {

constexpr std::size_t hosts_max = 4096;     // addresses in one condition
constexpr std::size_t entries_listed = 64;  // of which a list is searched one by one
constexpr std::size_t networks_max = 64;    // ranges in one condition

std::string time_literal(std::uint64_t time_ns) {
    return "make_timestamp_ns(" + std::to_string(time_ns) + ")";
}

std::string half(const api::Address& address, bool low) {
    return std::to_string(address_half(address, low));
}

std::string range(const std::string& end, const api::Address& first, const api::Address& last) {
    const std::string high = end + "_hi";
    const std::string low = end + "_lo";
    if (address_half(first, false) != address_half(last, false)) {
        return high + " BETWEEN " + half(first, false) + " AND " + half(last, false);
    }
    return "(" + high + " = " + half(first, false) + " AND " + low + " BETWEEN " + half(first, true) +
           " AND " + half(last, true) + ")";
}

std::string lows_of_hosts(const store::NetworkSet& set) {
    std::string lows;
    for (const auto& entry : set.entries()) {
        if (entry.is_host()) lows += (lows.empty() ? "" : ", ") + half(entry.address, true);
    }
    return lows;
}

bool are_hosts(const store::NetworkSet& set) {
    const auto& entries = set.entries();
    return std::all_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.is_host(); });
}

// Of all entries of the set; nothing if they differ.
std::optional<std::uint64_t> high_of(const store::NetworkSet& set) {
    const auto& entries = set.entries();
    const std::uint64_t high = address_half(entries.front().address, false);
    const bool one = std::all_of(entries.begin(), entries.end(), [&](const auto& entry) {
        return address_half(entry.address, false) == high && address_half(entry.last(), false) == high;
    });
    return one ? std::optional(high) : std::nullopt;
}

bool are_few(const store::NetworkSet& set) {
    return set.entries().size() <= entries_listed;
}

// Addresses of other networks may have the lower half of one of these.
std::string pairs_of_hosts(const std::string& name, const store::NetworkSet& set) {
    std::string pairs;
    for (const auto& entry : set.entries()) {
        if (!entry.is_host()) continue;
        pairs += (pairs.empty() ? "(" : ", (") + half(entry.address, false) + "::UBIGINT, " +
                 half(entry.address, true) + "::UBIGINT)";
    }
    return "(" + name + "_hi, " + name + "_lo) IN (" + pairs + ")";
}

// PERF: IN is judged for each row of its column, though it prunes row groups too; list_contains() takes half
// as long, and leaves little for the pairs. It is judged before other columns are decoded.
std::string scan_condition(const std::string& name, const store::NetworkSet& set) {
    if (set.empty() || !are_hosts(set) || !are_few(set)) return one_end_condition(name, set);
    return "list_contains([" + lows_of_hosts(set) + "]::UBIGINT[], " + name + "_lo) AND " +
           pairs_of_hosts(name, set);
}

class Conditions {
  public:
    void add(const std::string& condition) { text_ += (text_.empty() ? "" : " AND ") + condition; }
    // For parts that are no flow by themselves either end may be meant.
    void add_end(const std::string& end, const std::string& other) {
        add("(" + end + " OR (NOT " + whole_flow + " AND " + other + "))");
    }
    [[nodiscard]] std::string text() const { return text_.empty() ? "true" : text_; }

  private:
    std::string text_;
};

void add_ends(const store::Query& query, const store::NetworkSet* judged, Conditions& conditions) {
    if (query.flow_id) conditions.add("id = " + std::to_string(*query.flow_id));
    if (query.protocol) conditions.add("proto = " + std::to_string(*query.protocol));
    if (query.vlan) conditions.add("vlan = " + std::to_string(*query.vlan));
    for (const auto& networks : {query.hosts, query.watch}) {
        if (networks && networks.get() != judged)
            conditions.add("(" + one_end_condition("src", *networks) + " OR " +
                           one_end_condition("dest", *networks) + ")");
    }
    if (query.source && query.source.get() != judged)
        conditions.add_end(one_end_condition("src", *query.source), one_end_condition("dest", *query.source));
    if (query.destination && query.destination.get() != judged)
        conditions.add_end(one_end_condition("dest", *query.destination),
                           one_end_condition("src", *query.destination));
    const auto port = [](const char* column, std::uint16_t number) {
        return std::string(column) + " = " + std::to_string(number);
    };
    // ICMP keeps its identifier and type where others have ports.
    if (query.port || query.source_port || query.destination_port) {
        conditions.add("proto IN (" + std::to_string(store::protocol_tcp) + ", " +
                       std::to_string(store::protocol_udp) + ", " + std::to_string(store::protocol_sctp) +
                       ")");
    }
    if (query.port) {
        conditions.add("(" + port("src_port", *query.port) + " OR " + port("dest_port", *query.port) + ")");
    }
    if (query.source_port)
        conditions.add_end(port("src_port", *query.source_port), port("dest_port", *query.source_port));
    if (query.destination_port) {
        conditions.add_end(port("dest_port", *query.destination_port),
                           port("src_port", *query.destination_port));
    }
}

// What is judged on the whole flow, as far as it is known to be one.
void add_amounts(const store::Query& query, Conditions& conditions) {
    const auto at_least = [&](const std::string& sum, std::uint64_t least) {
        conditions.add("(" + sum + " >= " + std::to_string(least) + " OR NOT " + whole_flow + ")");
    };
    if (query.packets_min > 0) at_least("pkts_toserver + pkts_toclient", query.packets_min);
    if (query.bytes_min > 0) at_least("bytes_toserver + bytes_toclient", query.bytes_min);
    if (query.unanswered) {
        // Nothing came back, or TCP without payload: the rest is the caller's to judge.
        conditions.add("(pkts_toclient = 0 OR proto = " + std::to_string(store::protocol_tcp) + " OR NOT " +
                       whole_flow + ")");
    }
    if (query.rule) conditions.add("(rule_count > 0 OR NOT " + std::string(whole_flow) + ")");
}

}  // namespace

bool is_exact(const store::NetworkSet& set) {
    const auto& entries = set.entries();
    const auto hosts = static_cast<std::size_t>(
        std::count_if(entries.begin(), entries.end(), [](const auto& entry) { return entry.is_host(); }));
    return hosts <= hosts_max && entries.size() - hosts <= networks_max;
}

bool is_strict(const store::NetworkSet& set) {
    return is_exact(set) && (are_few(set) || (are_hosts(set) && high_of(set)));
}

bool reaches(const store::NetworkSet& set, const AddressRange& range) {
    const auto& entries = set.entries();
    return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
        return entry.address <= range.last && entry.last() >= range.first;
    });
}

std::string one_end_condition(const std::string& name, const store::NetworkSet& set) {
    const auto& entries = set.entries();
    if (entries.empty()) return "false";
    if (!is_exact(set)) {
        api::Address first = entries.front().address;
        api::Address last = entries.front().last();
        for (const auto& entry : entries) {
            first = std::min(first, entry.address);
            last = std::max(last, entry.last());
        }
        return range(name, first, last);
    }
    std::string condition;
    const auto add = [&](const std::string& alternative) {
        condition += (condition.empty() ? "" : " OR ") + alternative;
    };
    // PERF: pairs of thousands take a second to plan; without them more may be let through, never less.
    if (const std::string lows = lows_of_hosts(set); !lows.empty()) {
        const std::string low = name + "_lo IN (" + lows + ")";
        if (are_few(set)) {
            add("(" + low + " AND " + pairs_of_hosts(name, set) + ")");
        } else if (const auto high = high_of(set); high && are_hosts(set)) {
            add("(" + name + "_hi = " + std::to_string(*high) + " AND " + low + ")");
        } else {
            add(low);
        }
    }
    for (const auto& entry : entries) {
        if (!entry.is_host()) add(range(name, entry.address, entry.last()));
    }
    return "(" + condition + ")";
}

std::string span_condition(const std::string& name, const store::NetworkSet& set) {
    if (set.entries().empty()) return "";
    api::Address first = set.entries().front().address;
    api::Address last = set.entries().front().last();
    for (const auto& entry : set.entries()) {
        first = std::min(first, entry.address);
        last = std::max(last, entry.last());
    }
    if (address_half(first, false) != address_half(last, false)) return "";
    return name + "_lo BETWEEN " + half(first, true) + " AND " + half(last, true) + " AND ";
}

std::string started_between(std::uint64_t first_ns, std::uint64_t last_ns) {
    return "start BETWEEN " + time_literal(first_ns) + " AND " + time_literal(last_ns);
}

EndConditions end_conditions(const store::Query& query, const store::NetworkSet& set) {
    const std::string source = span_condition("src", set) + scan_condition("src", set);
    const std::string destination = span_condition("dest", set) + scan_condition("dest", set);
    const std::string part = "NOT " + std::string(whole_flow);  // of which the ends may turn
    const std::string not_source = " AND NOT (" + source + ")";
    if (&set == query.source.get()) {
        const std::string turned = destination + " AND " + part;
        return {source, turned + not_source, turned};
    }
    if (&set == query.destination.get())
        return {source + " AND " + part, destination + " AND NOT (" + source + " AND " + part + ")",
                destination};
    return {source, destination + not_source, destination};
}

std::string flow_conditions(const store::Query& query, const store::NetworkSet* judged) {
    Conditions conditions;
    // A part begins with its flow here: flows are selected as a whole, and parts of one overlap if it does.
    if (query.until_ns) conditions.add("start < " + time_literal(*query.until_ns));
    if (query.since_ns) conditions.add("epoch_ns(start) + last >= " + std::to_string(*query.since_ns));
    add_ends(query, judged, conditions);
    add_amounts(query, conditions);
    return conditions.text();
}

std::string earlier_part_conditions(const store::Query& query, std::uint64_t start_ns_min,
                                    const store::NetworkSet* judged) {
    Conditions conditions;
    conditions.add("NOT " + std::string(whole_flow));
    conditions.add("start >= " + time_literal(start_ns_min));
    conditions.add("epoch_ns(start) + last < " + std::to_string(*query.since_ns));
    add_ends(query, judged, conditions);
    return conditions.text();
}

}  // namespace picket::archive
