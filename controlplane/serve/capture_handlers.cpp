#include "controlplane/serve/capture_handlers.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "controlplane/export/pcapng_file.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/serve/packet_handlers.h"
#include "version.h"

namespace picket::serve {

namespace {

constexpr std::uint64_t wait_ms_max = 5'000;
constexpr std::uint64_t frame_bytes_default = 262'144;

// The file of the newest capture, as far as it was fetched.
struct Stream {
    std::mutex mutex;
    std::uint32_t capture = 0;
    std::optional<exporter::PcapngWriter> writer;
    std::uint64_t dropped_before = 0;  // packets that found no room in the rings
};

std::uint64_t dropped_packets(const Sensor& sensor) {
    const auto counters = sensor.counters();
    return counters ? counters->events_dropped(api::EventKind::packet) : 0;
}

std::uint32_t number_of_capture(const httplib::Request& request) {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(number_parameter(request, "id", 0), UINT32_MAX));
}

void begin(const httplib::Request& request, httplib::Response& response, Sensor& sensor, Stream& stream) {
    const std::string filter = parameter(request, "filter").value_or("");
    drain::LiveCapture::Order order;
    std::string error;
    if (!drain::compile_filter(filter, order.program, error)) {
        return send_problem(response, {"the filter cannot be used", "'" + filter.substr(0, 200) + "'", error,
                                       "see pcap-filter(7), such as 'host 192.0.2.7 and tcp port 80'"});
    }
    order.packets_max = number_parameter(request, "packets", 0);
    order.frame_bytes = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(number_parameter(request, "bytes", frame_bytes_default), 1, UINT32_MAX));
    const std::lock_guard lock(stream.mutex);
    const std::uint64_t dropped = dropped_packets(sensor);
    const std::uint32_t capture = sensor.capture().start(order, error);
    if (capture == 0) {
        return send_problem(response, {"no capture was begun", "/v1/capture", error,
                                       "see 'picket status', or wait until the other one is over", 409, 3});
    }
    stream.capture = capture;
    stream.dropped_before = dropped;
    stream.writer.emplace("picket " PICKET_VERSION,
                          [&sensor](std::uint16_t port) { return name_of_port(sensor, port); });
    send_json(response, {{"capture", capture}});
}

void fetch(const httplib::Request& request, httplib::Response& response, Sensor& sensor, Stream& stream,
           Waiters& waiters) {
    const std::uint32_t capture = number_of_capture(request);
    const Waiters::Place place(waiters);
    const auto wait = place.taken() ? std::min(number_parameter(request, "wait_ms", 0), wait_ms_max) : 0;
    const auto taken = sensor.capture().take(capture, std::chrono::milliseconds(wait));
    const std::lock_guard lock(stream.mutex);
    if (stream.capture != capture || !stream.writer) return send_json(response, {{"over", true}});
    for (const auto& packet : taken.packets) stream.writer->add(*packet);
    const std::string blocks = stream.writer->take();
    if (blocks.empty() && taken.over) return send_json(response, {{"over", true}});
    response.set_content(blocks, "application/x-pcapng");
}

void end(const httplib::Request& request, httplib::Response& response, Sensor& sensor, Stream& stream) {
    const std::uint32_t capture = number_of_capture(request);
    const auto counts = sensor.capture().stop(capture);
    const std::lock_guard lock(stream.mutex);
    const std::uint64_t dropped = dropped_packets(sensor);
    const bool known = stream.capture == capture && dropped >= stream.dropped_before;
    send_json(response, {{"packets", counts.packets},
                         {"lost", counts.lost + (known ? dropped - stream.dropped_before : 0)}});
}

}  // namespace

void add_capture_handlers(httplib::Server& server, Sensor& sensor, Waiters& waiters) {
    const auto stream = std::make_shared<Stream>();
    server.Post("/v1/capture",
                [&sensor, stream](const httplib::Request& request, httplib::Response& response) {
                    begin(request, response, sensor, *stream);
                });
    server.Get("/v1/capture",
               [&sensor, &waiters, stream](const httplib::Request& request, httplib::Response& response) {
                   fetch(request, response, sensor, *stream, waiters);
               });
    server.Delete("/v1/capture",
                  [&sensor, stream](const httplib::Request& request, httplib::Response& response) {
                      end(request, response, sensor, *stream);
                  });
}

}  // namespace picket::serve
