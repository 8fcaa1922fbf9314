// What the archive carries: rows written a second, bytes a flow, and the time of the usual questions.
//
// usage: bench_archive [FLOWS [DIRECTORY [FLOWS_PER_S]]]; 1,000,000 in a temporary directory by default.
// Flows come at 20,000 a second of their own time, or as many as FLOWS_PER_S says. Files are merged in the
// background, as they are in picketd; the questions are asked of the closed archive, by an engine that has
// just started.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/archive/flow_traffic.h"
#include "controlplane/archive/archive.h"
#include "controlplane/store/address_text.h"
#include "controlplane/store/request_store.h"
#include "controlplane/store/selection.h"
#include "controlplane/store/shapes.h"

namespace picket::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t begin_ns = 1'700'000'000'000'000'000;
constexpr double flows_per_s_usual = 20'000;
constexpr std::size_t batch = 512;
constexpr std::uint64_t flows_merged_min = 4'000'000;  // of fewer, no files are merged

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

// Made before the clock runs, so that the generator is not what is measured.
void fill(archive::Archive& archive, std::uint64_t flows, double flows_per_s) {
    FlowTraffic traffic(1, begin_ns, flows_per_s);
    constexpr std::size_t made_at_once = 200'000;
    double seconds = 0;
    double cpu = 0;
    std::vector<store::StoredFlow> made;
    for (std::uint64_t done = 0; done < flows; done += made.size()) {
        made.clear();
        while (made.size() < made_at_once && done + made.size() < flows) made.push_back(traffic.next());
        const auto begin = Clock::now();
        const double cpu_before = cpu_seconds();
        for (std::size_t at = 0; at < made.size(); at += batch)
            archive.add_flows(std::span(made).subspan(at, std::min(batch, made.size() - at)));
        seconds += seconds_since(begin);
        cpu += cpu_seconds() - cpu_before;
    }
    const auto begin = Clock::now();
    const double cpu_before = cpu_seconds();
    archive.finish();
    seconds += seconds_since(begin);
    cpu += cpu_seconds() - cpu_before;
    const auto status = archive.status();
    std::printf("written   %.0f flows/s   %.2f us of CPU a flow   %llu files\n",
                static_cast<double>(flows) / seconds, cpu * 1e6 / static_cast<double>(flows),
                static_cast<unsigned long long>(status.files));
}

// Until no files are merged any more.
void settle(const archive::Archive& archive) {
    // A merge into ranges of sources takes a minute.
    constexpr auto quiet = std::chrono::seconds(180);
    const auto begin = Clock::now();
    const double cpu_before = cpu_seconds();
    auto changed = begin;
    // A merge may make as many files as it takes.
    const auto state = [&] {
        const auto status = archive.status();
        return std::pair(status.files, status.bytes);
    };
    auto before = state();
    while (Clock::now() - changed < quiet) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (state() == before) continue;
        before = state();
        changed = Clock::now();
    }
    std::printf("merged    %.1f s, %.2f us of CPU a flow   %llu files\n",
                std::chrono::duration<double>(changed - begin).count(),
                (cpu_seconds() - cpu_before) * 1e6 / static_cast<double>(archive.status().flows),
                static_cast<unsigned long long>(before.first));
}

void print_sizes(const archive::Archive& archive) {
    const auto status = archive.status();
    std::printf("on disk   %.1f bytes a flow, indexes included\n",
                static_cast<double>(status.bytes) / static_cast<double>(status.flows));
}

store::Query twenty_addresses() {
    store::Query query;
    std::vector<store::Network> networks;
    for (unsigned i = 0; i < 20; ++i)
        networks.push_back({*store::parse_address("10.0." + std::to_string(40 + i) + ".7"), 128});
    query.hosts = std::make_shared<store::NetworkSet>(networks);
    query.shape = store::Shape::sum;
    return query;
}

void ask(const char* name, const archive::Archive& archive, const store::Query& query) {
    const store::NoRules rules;
    const store::RequestStore requests(1, 1);
    const auto begin = Clock::now();
    const auto answer = archive.ask(query, {});
    const auto selection = store::select_flows(answer.flows, {}, query, {requests, rules}, false);
    const auto sum = store::sum_flows(selection, query, {requests, rules});
    std::printf("%-9s %.3f s   %llu flows\n", name, seconds_since(begin),
                static_cast<unsigned long long>(sum.totals.flows));
}

void ask_sql(const char* name, const archive::Archive& archive, const char* sql) {
    const auto begin = Clock::now();
    const auto result = archive.query(sql, {});
    std::printf("%-9s %.3f s   %zu rows %s\n", name, seconds_since(begin), result.rows.size(),
                result.error.c_str());
}

int run(std::uint64_t flows, const std::string& directory, double flows_per_s) {
    const store::NoRules rules;
    detect::EventLog events;
    archive::ArchiveSettings settings;
    settings.directory = directory;
    settings.may_wait = true;
    {
        archive::Archive archive(settings, rules, events);
        if (!archive.has_history()) fill(archive, flows, flows_per_s);
        print_sizes(archive);
    }
    if (flows >= flows_merged_min) {
        const archive::Archive archive(settings, rules, events);
        settle(archive);
        print_sizes(archive);
    }
    settings.read_only = true;
    const archive::Archive archive(settings, rules, events);
    ask("20 hosts", archive, twenty_addresses());
    ask("again", archive, twenty_addresses());
    ask_sql("talkers", archive,
            "SELECT src_lo, count(*), sum(bytes_toserver + bytes_toclient) AS bytes FROM flows GROUP BY 1 "
            "ORDER BY 3 DESC LIMIT 10");
    return 0;
}

}  // namespace
}  // namespace picket::bench

int main(int argc, char** argv) {
    const bool tiny = std::getenv("PICKET_BENCH_TINY") != nullptr;
    const std::uint64_t flows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : tiny ? 3'000 : 1'000'000;
    const double flows_per_s = argc > 3 ? std::strtod(argv[3], nullptr) : picket::bench::flows_per_s_usual;
    if (argc > 2) return picket::bench::run(flows, argv[2], flows_per_s);
    std::string directory = (std::filesystem::temp_directory_path() / "picket-bench-XXXXXX").string();
    if (mkdtemp(directory.data()) == nullptr) return 1;
    const int status = picket::bench::run(flows, directory + "/archive", flows_per_s);
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    return status;
}
