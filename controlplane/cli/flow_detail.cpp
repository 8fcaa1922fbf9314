// One flow in full.
#include <iostream>

#include "controlplane/cli/flow_shapes.h"
#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

void print_field(const std::string& name, const std::string& value) {
    if (value.empty()) return;
    std::cout << "  " << name << std::string(name.size() < 13 ? 13 - name.size() : 1, ' ') << value << '\n';
}

// "ffffffff696e666f00  ....info.": the bytes, and what of them is text.
std::string payload_text(const std::string& hex) {
    std::string text;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        const int byte = std::stoi(hex.substr(i, 2), nullptr, 16);
        text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
    }
    return hex.empty() ? "" : hex + "  " + text;
}

void print_direction(const Json& row, const std::string& name, const char* suffix) {
    const std::string side = suffix;
    const Json& more = member(row, side == "ts" ? "to_server" : "to_client");
    const std::string to = side == "ts" ? "server" : "client";
    const std::uint64_t packets = count_at(row, ("pkts_to" + to).c_str());
    std::string text = grouped(packets) + (packets == 1 ? " packet, " : " packets, ") +
                       grouped(count_at(row, ("bytes_to" + to).c_str())) + " bytes";
    if (packets > 0 && member(more, "ttl_min").is_number()) {
        const std::string ttl_min = plain_text(member(more, "ttl_min"));
        const std::string ttl_max = plain_text(member(more, "ttl_max"));
        text += ", TTL " + ttl_min + (ttl_min == ttl_max ? "" : "–" + ttl_max) + ", TOS " +
                plain_text(member(more, "tos")) + ", IP ID " + plain_text(member(more, "ip_id"));
        const std::string flags = plain_text(member(row, ("flags_" + side).c_str()));
        if (flags != "00" && !flags.empty()) text += ", TCP flags " + flags;
    }
    print_field(name, text);
    const auto trouble = [&](const char* key, const char* what) {
        return count_at(more, key) == 0 ? std::string() : ", " + grouped(count_at(more, key)) + " " + what;
    };
    const std::string troubles = trouble("retransmitted", "retransmitted") +
                                 trouble("out_of_order", "out of order") +
                                 trouble("lost_bytes", "bytes acknowledged, never seen");
    if (!troubles.empty()) print_field("", troubles.substr(2));
    const std::string kind = text_at(more, "payload_name");
    print_field(
        "", payload_text(text_at(more, "payload")) + (kind.empty() || kind == "other" ? "" : "  " + kind));
}

// "vxlan 10.0.0.1 > 10.0.0.2, id 100, depth 1"; of a link encapsulation its kind and id.
std::string tunnel_text(const Json& tunnel) {
    if (!tunnel.is_object()) return "";
    std::string text = text_at(tunnel, "kind");
    if (count_at(tunnel, "depth") > 0) {
        text += " " + text_at(tunnel, "src_ip") + " > " + text_at(tunnel, "dest_ip");
    }
    text += ", id " + plain_text(member(tunnel, "id"));
    if (count_at(tunnel, "depth") > 0) text += ", depth " + plain_text(member(tunnel, "depth"));
    return text;
}

void print_requests(const Printer& printer, const Json& row) {
    for (const Json& request : member(row, "requests")) {
        const std::string status = plain_text(member(request, "status"));
        std::cout << "\n  " << printer.moment(member(request, "time")) << "  " << text_at(request, "method")
                  << " " << text_at(request, "uri") << " → " << (status.empty() ? "no status seen" : status)
                  << '\n';
        if (text_at(request, "uri_normalized") != text_at(request, "uri")) {
            print_field("normalised", text_at(request, "uri_normalized"));
        }
        print_field("host", text_at(request, "host"));
        print_field("user agent", text_at(request, "user_agent"));
        const Json& referer = member(request, "referer");
        print_field("referer", referer.is_null() ? "none" : plain_text(referer));
        std::string length = plain_text(member(request, "body_bytes"));
        if (length.empty()) length = plain_text(member(request, "content_length"));
        print_field("answer",
                    text_at(request, "content_type") + (length.empty() ? "" : " " + length + " bytes"));
    }
}

void print_parts(const Printer& printer, const Json& row) {
    const Json& parts = member(row, "parts");
    if (!parts.is_array() || parts.size() < 2) return;
    Table table(
        {{"PART"}, {"FIRST", Give::cut, 1, 19}, {"LAST", Give::cut, 2, 19}, {"PKTS"}, {"BYTES"}, {"END"}});
    const auto both = [](const Json& part, const char* there, const char* back) {
        return grouped(count_at(part, there)) + "/" + grouped(count_at(part, back));
    };
    for (const Json& part : parts) {
        table.add({plain_text(member(part, "part")), printer.moment(member(part, "first")),
                   printer.moment(member(part, "last")), both(part, "pkts_toserver", "pkts_toclient"),
                   both(part, "bytes_toserver", "bytes_toclient"), text_at(part, "end_reason")});
    }
    std::cout << '\n';
    printer.print(table);
}

}  // namespace

void print_flow_detail(const Printer& printer, const Json& answer) {
    for (const Json& row : rows_of(answer)) {
        std::cout << "flow " << plain_text(member(row, "id")) << "   " << text_at(row, "proto") << "   "
                  << text_at(row, "outcome") << "   " << text_at(row, "state") << " "
                  << text_at(row, "history") << '\n';
        const auto end = [&](const char* address, const char* port, const char* labels) {
            const std::string label = label_of(row, labels);
            return text_at(row, address) + " port " + plain_text(member(row, port)) +
                   (label.empty() ? "" : "  " + label);
        };
        print_field("source", end("src_ip", "src_port", "src"));
        print_field("destination", end("dest_ip", "dest_port", "dest"));
        print_field("first", printer.moment(member(row, "first")));
        print_field("last", printer.moment(member(row, "last")));
        print_field("ended by", text_at(row, "end_reason"));
        print_direction(row, "to server", "ts");
        print_direction(row, "to client", "tc");
        const Json& rtt = member(row, "handshake_rtt_us");
        if (rtt.is_number()) print_field("handshake", fixed(rtt.get<double>() / 1000.0, 3) + " ms");
        if (count_at(row, "vlan") > 0) {
            print_field("VLAN",
                        plain_text(member(row, "vlan")) + " " + plain_text(member(row, "vlan_inner")));
        }
        if (count_at(row, "duplicates") > 0) print_field("copies", grouped(count_at(row, "duplicates")));
        print_field("tunnel", tunnel_text(member(row, "tunnel")));
        const Json& error = member(row, "icmp_error");
        if (error.is_object()) {
            print_field("ICMP error", "type " + plain_text(member(error, "type")) + " code " +
                                          plain_text(member(error, "code")));
        }
        if (member(member(row, "to_server"), "ttl_min").is_number())  // no foreign log's flow
            print_field("seen at", plain_text(member(row, "port")));
        print_field("marks", plain_text(member(row, "flags")));
        for (const Json& alert : member(row, "alerts")) {
            print_field("rule " + plain_text(member(alert, "sid")), text_at(alert, "msg"));
        }
        print_requests(printer, row);
        print_parts(printer, row);
    }
}

}  // namespace picket::cli
