#include "tests/unit/archive/crash_writer.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "controlplane/archive/compactor.h"
#include "controlplane/archive/durable.h"
#include "controlplane/archive/fault.h"
#include "controlplane/archive/manifest.h"
#include "tests/unit/archive/archive_fixtures.h"

namespace picket::tests {

namespace {

using archive::Archive;
using archive::Table;

constexpr std::uint64_t run_first = 9;

std::uint64_t time_of(std::uint64_t number) {
    return (100 + number) * second_ns;
}

store::StoredFlow flow_of(std::uint64_t number) {
    auto made = flow(number, "10.0.0." + std::to_string(number % 200), "192.0.2.7", 100 + number);
    made.run = run_first;
    made.rule_count = 1;
    made.rule_generation = 1;
    return made;
}

store::StoredRequest request_of(std::uint64_t number) {
    store::StoredRequest request;
    request.flow = flow_of(number).key();
    request.time_ns = time_of(number);
    request.ends.flow_id = number;
    request.method = "GET";
    request.uri = "/" + std::to_string(number);
    return request;
}

store::StoredHit hit_of(std::uint64_t number) {
    store::StoredHit hit;
    hit.flow = flow_of(number).key();
    hit.time_ns = time_of(number);
    hit.sid = 4711;
    return hit;
}

detect::Hit alert_of(std::uint64_t number) {
    detect::Hit hit;
    hit.time_ns = time_of(number);
    hit.sid = 4711;
    hit.flow_id = number;
    return hit;
}

store::StoredPacket packet_of(std::uint64_t number) {
    store::StoredPacket packet;
    packet.flow = flow_of(number).key();
    packet.time_ns = time_of(number);
    packet.frame = std::string(60, 'x');
    return packet;
}

void add_row(Archive& archive, Table table, std::uint64_t number) {
    switch (table) {
        case Table::flows: {
            const auto flow = flow_of(number);
            return archive.add_flows({&flow, 1});
        }
        case Table::requests:
            return archive.add_request(request_of(number));
        case Table::responses:
            return archive.add_response_end(flow_of(number).key(), 0, 1, time_of(number));
        case Table::hits:
            return archive.add_hit(hit_of(number));
        case Table::alerts:
            return archive.add_alert(run_first, alert_of(number));
        case Table::coverage:
            return archive.add_loss(run_first, time_of(number), time_of(number) + 1, number, 0);
        case Table::packets:
            return archive.add_packet(packet_of(number));
    }
}

RowCounts committed_rows(const Archive& archive) {
    RowCounts rows{};
    const auto status = archive.status();
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = status.tables[i].rows;
    return rows;
}

bool are_files_to_merge(const std::string& directory) {
    std::string text;
    archive::Manifest manifest;
    if (archive::read_text(directory + "/" + archive::manifest_name, text) ||
        !parse_manifest(text, manifest).empty())
        _exit(5);
    std::map<std::pair<Table, unsigned>, std::size_t> files;
    for (const auto& file : manifest.files) {
        if (archive::may_be_merged(file)) ++files[{file.table, file.level}];
    }
    return std::any_of(files.begin(), files.end(),
                       [](const auto& group) { return group.second >= archive::files_a_merge; });
}

[[noreturn]] void write_rows(const std::string& directory, const Life& life, int pipe) {
    if (!life.fault.empty()) archive::arm_fault(life.fault);
    FixedRules rules;
    detect::EventLog events;
    {
        Archive archive(crash_settings(directory, life), rules, events);
        if (!archive.trouble().empty()) _exit(4);
        archive.begin_session(getpid(), detect::utc_now_ns(), false);
        const auto tell = [&] {
            const RowCounts rows = committed_rows(archive);
            if (write(pipe, &rows, sizeof rows) != sizeof rows) _exit(3);
        };
        for (std::uint64_t number = 1; number <= life.rows; ++number) {
            Life one = life;
            one.rows = number;
            for (auto& kept : one.kept) kept = std::max(kept, number - 1);
            add_rows(archive, one);
            if (number % 8 == 0) tell();
        }
        while (are_files_to_merge(directory)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        if (archive.finish()) _exit(2);
        tell();
    }
    _exit(0);
}

}  // namespace

archive::ArchiveSettings crash_settings(const std::string& directory, const Life& life) {
    auto settings = archive_settings(directory);
    settings.flush_rows = life.rows_a_flush;
    settings.open_rows_max = life.rows_a_flush;
    settings.may_wait = true;
    settings.upkeep_interval = std::chrono::milliseconds(2);
    settings.bytes_max = life.bytes_max;
    settings.sorted_rows_max = life.sorted_rows_max;
    return settings;
}

void add_rows(Archive& archive, const Life& life) {
    for (std::size_t table = 0; table < life.kept.size(); ++table) {
        for (std::uint64_t number = life.kept[table] + 1; number <= life.rows; ++number)
            add_row(archive, static_cast<Table>(table), number);
    }
}

Death live(const std::string& directory, const Life& life) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        write_rows(directory, life, ends[1]);
    }
    close(ends[1]);
    std::thread killer;
    if (life.after.count() > 0) {
        killer = std::thread([&] {
            std::this_thread::sleep_for(life.after);
            if (life.before_kill) life.before_kill();
            kill(child, SIGKILL);
        });
    }
    Death death;
    RowCounts told{};
    while (read(ends[0], &told, sizeof told) == sizeof told) death.acknowledged = told;
    close(ends[0]);
    if (killer.joinable()) killer.join();
    int status = 0;
    waitpid(child, &status, 0);
    const bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    // Without a disk it may have seen that it fails before it was killed.
    death.killed = (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (life.before_kill && !ended);
    EXPECT_TRUE(death.killed || ended) << "it ended with status " << status;
    return death;
}

}  // namespace picket::tests
