// Sends bench_archive's flows as NetFlow version 5 to a collector on this machine, so that other programs can
// be measured on the same records. UDP loses what the collector cannot take: compare its counts.
//
// usage: netflow_sender FLOWS PORT [FLOWS-A-SECOND]; 400,000 a second by default. Both directions of a flow
// are records of their own, as a router tells them; flows without an answer are one.
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "bench/archive/flow_traffic.h"

namespace picket::bench {
namespace {

constexpr std::uint64_t begin_ns = 1'700'000'000'000'000'000;
constexpr double flows_per_s = 20'000;
constexpr std::size_t records_a_datagram = 30;

// Cisco's NetFlow export datagram, version 5.
struct [[gnu::packed]] Header {
    std::uint16_t version = htobe16(5);
    std::uint16_t count = 0;
    std::uint32_t uptime_ms = 0;
    std::uint32_t unix_s = 0;
    std::uint32_t unix_ns = 0;
    std::uint32_t sequence = 0;
    std::uint8_t engine_type = 0;
    std::uint8_t engine_id = 0;
    std::uint16_t sampling = 0;
};
struct [[gnu::packed]] Record {
    std::uint32_t source = 0;
    std::uint32_t destination = 0;
    std::uint32_t next_hop = 0;
    std::uint16_t input = 0;
    std::uint16_t output = 0;
    std::uint32_t packets = 0;
    std::uint32_t bytes = 0;
    std::uint32_t first_ms = 0;
    std::uint32_t last_ms = 0;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t pad = 0;
    std::uint8_t flags = 0;
    std::uint8_t protocol = 0;
    std::uint8_t tos = 0;
    std::uint16_t source_as = 0;
    std::uint16_t destination_as = 0;
    std::uint8_t source_mask = 0;
    std::uint8_t destination_mask = 0;
    std::uint16_t pad_end = 0;
};
static_assert(sizeof(Header) == 24 && sizeof(Record) == 48);

std::uint32_t ipv4_of(const api::Address& address) {
    std::uint32_t value = 0;
    std::memcpy(&value, address.bytes.data() + 12, sizeof value);
    return value;
}

class Sender {
  public:
    explicit Sender(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htobe16(port);
        to.sin_addr.s_addr = htobe32(INADDR_LOOPBACK);
        if (connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) std::abort();
    }
    ~Sender() { close(socket_); }

    void add(const store::StoredFlow& flow, std::size_t side) {
        const api::FlowDirection& direction = flow.directions[side];
        Record& record = records_[count_++];
        record = {};
        record.source = ipv4_of(side == 0 ? flow.source : flow.destination);
        record.destination = ipv4_of(side == 0 ? flow.destination : flow.source);
        record.packets = htobe32(static_cast<std::uint32_t>(direction.packets));
        record.bytes = htobe32(static_cast<std::uint32_t>(direction.bytes));
        record.first_ms = htobe32(uptime_ms(flow.start_ns));
        record.last_ms = htobe32(uptime_ms(flow.last_ns));
        record.source_port = htobe16(side == 0 ? flow.source_port : flow.destination_port);
        record.destination_port = htobe16(side == 0 ? flow.destination_port : flow.source_port);
        record.flags = direction.tcp_flags_union;
        record.protocol = flow.protocol;
        record.tos = direction.tos_first;
        latest_ns_ = std::max(latest_ns_, flow.last_ns);
        if (count_ == records_a_datagram) flush();
    }
    void flush() {
        if (count_ == 0) return;
        Header header;
        header.count = htobe16(static_cast<std::uint16_t>(count_));
        header.uptime_ms = htobe32(uptime_ms(latest_ns_));
        header.unix_s = htobe32(static_cast<std::uint32_t>(latest_ns_ / 1'000'000'000));
        header.unix_ns = htobe32(static_cast<std::uint32_t>(latest_ns_ % 1'000'000'000));
        header.sequence = htobe32(static_cast<std::uint32_t>(sent_));
        std::array<std::uint8_t, sizeof(Header) + records_a_datagram * sizeof(Record)> datagram;
        std::memcpy(datagram.data(), &header, sizeof header);
        std::memcpy(datagram.data() + sizeof header, records_.data(), count_ * sizeof(Record));
        if (send(socket_, datagram.data(), sizeof header + count_ * sizeof(Record), 0) < 0)
            std::perror("send");
        sent_ += count_;
        count_ = 0;
    }
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }

  private:
    static std::uint32_t uptime_ms(std::uint64_t time_ns) {
        return static_cast<std::uint32_t>((time_ns - begin_ns) / 1'000'000);
    }

    int socket_;
    std::array<Record, records_a_datagram> records_{};
    std::size_t count_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t latest_ns_ = begin_ns;
};

int run(std::uint64_t flows, std::uint16_t port, double a_second) {
    FlowTraffic traffic(1, begin_ns, flows_per_s);
    Sender sender(port);
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < flows; ++i) {
        const store::StoredFlow flow = traffic.next();
        sender.add(flow, 0);
        if (flow.directions[1].packets > 0) sender.add(flow, 1);
        if (i % 1024 == 0) {
            std::this_thread::sleep_until(
                begin + std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::duration<double>(static_cast<double>(i) / a_second)));
        }
    }
    sender.flush();
    std::printf("%llu\n", static_cast<unsigned long long>(sender.sent()));
    return 0;
}

}  // namespace
}  // namespace picket::bench

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s FLOWS PORT [FLOWS-A-SECOND]\n", argv[0]);
        return 2;
    }
    const double a_second = argc > 3 ? std::strtod(argv[3], nullptr) : 400'000;
    return picket::bench::run(std::strtoull(argv[1], nullptr, 10),
                              static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10)), a_second);
}
