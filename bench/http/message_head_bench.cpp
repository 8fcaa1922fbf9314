// What it costs to parse one head of an HTTP message, and to see that a payload is none.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "bench/pipeline_rig.h"
#include "dataplane/http/message_head.h"

namespace picket::bench {
namespace {

void request_head(benchmark::State& state, std::string_view text, http::HeadStatus expected) {
    const std::string bytes(text);
    for (auto _ : state) {
        http::RequestHead head;
        std::string_view seen = bytes;
        benchmark::DoNotOptimize(seen);
        if (http::parse_request_head(seen, head) != expected) std::abort();
        benchmark::DoNotOptimize(head);
    }
    state.SetItemsProcessed(state.iterations());
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

constexpr auto complete = http::HeadStatus::complete;
BENCHMARK_CAPTURE(request_head, browser, browser_request, complete);
BENCHMARK_CAPTURE(request_head, probe, "GET /b.cgi HTTP/1.0\r\n\r\n", complete);
BENCHMARK_CAPTURE(request_head, no_version, "GET /b.cgi\r\n", complete);
BENCHMARK_CAPTURE(request_head, split, browser_request.substr(0, 200), http::HeadStatus::incomplete);
BENCHMARK_CAPTURE(request_head, tls, std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
                  http::HeadStatus::not_a_message);

// The test that every payload gets: most are no requests.
void may_begin_request(benchmark::State& state) {
    const std::string bytes("\x17\x03\x03\x05\xdc", 5);
    for (auto _ : state) {
        std::string_view seen = bytes;
        benchmark::DoNotOptimize(seen);
        benchmark::DoNotOptimize(http::may_begin_request(seen));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(may_begin_request);

void response_head(benchmark::State& state) {
    const std::string bytes =
        "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 18:00:00 GMT\r\nServer: Apache\r\n"
        "Content-Type: text/html; charset=utf-8\r\nContent-Length: 5120\r\n\r\n<html>";
    for (auto _ : state) {
        http::ResponseHead head;
        std::string_view seen = bytes;
        benchmark::DoNotOptimize(seen);
        if (!http::parse_response_head(seen, head)) std::abort();
        benchmark::DoNotOptimize(head);
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(response_head);

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
