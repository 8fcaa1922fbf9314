// The process ends at every step that changes the disk, and at random moments: what was committed stays, in
// order and once, and the next picketd goes on from there.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include "tests/unit/archive/archive_fixtures.h"

namespace picket::archive {
namespace {

constexpr std::uint64_t flows_all = 600;
constexpr std::size_t flush_rows = 128;

ArchiveSettings settings_in(const std::string& directory) {
    auto settings = tests::archive_settings(directory);
    settings.flush_rows = flush_rows;
    settings.open_rows_max = flush_rows;
    settings.may_wait = true;
    return settings;
}

store::StoredFlow hit_flow(std::uint64_t id) {
    auto flow = tests::flow(id);
    flow.rule_count = 1;
    flow.rule_generation = 1;
    return flow;
}

// Adds flows 1, 2, ... and tells the pipe how many are committed. Never returns.
[[noreturn]] void be_picketd(const std::string& directory, std::uint64_t first, int step_fatal, int pipe) {
    tests::FixedRules rules;
    detect::EventLog events;
    auto settings = settings_in(directory);
    std::atomic<int> steps{0};
    settings.before_step = [&](const char*) {
        if (++steps == step_fatal) kill(getpid(), SIGKILL);
    };
    {
        Archive archive(settings, rules, events);
        archive.begin_session(9, 1, false);
        const auto tell = [&] {
            const std::uint64_t committed = archive.status().flows;
            if (write(pipe, &committed, sizeof committed) != sizeof committed) _exit(3);
        };
        for (std::uint64_t id = first; id <= flows_all; ++id) {
            const auto flow = hit_flow(id);
            archive.add_flows({&flow, 1});
            if (id % 16 == 0) tell();
        }
        if (archive.finish()) _exit(2);
        tell();
    }
    _exit(0);
}

struct Ending {
    bool killed = false;
    std::uint64_t committed = 0;  // as the last word of the process says
};

// after: kill it so much later; 0: it ends by itself, or at its step.
Ending run_picketd(const std::string& directory, std::uint64_t first, int step_fatal,
                   std::chrono::microseconds after = {}) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        be_picketd(directory, first, step_fatal, ends[1]);
    }
    close(ends[1]);
    std::thread killer;
    if (after.count() > 0) {
        killer = std::thread([&] {
            std::this_thread::sleep_for(after);
            kill(child, SIGKILL);
        });
    }
    Ending ending;
    std::uint64_t committed = 0;
    while (read(ends[0], &committed, sizeof committed) == sizeof committed) ending.committed = committed;
    close(ends[0]);
    if (killer.joinable()) killer.join();
    int status = 0;
    waitpid(child, &status, 0);
    ending.killed = WIFSIGNALED(status);
    EXPECT_TRUE(ending.killed || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
    return ending;
}

// The ids that the archive holds are 1 to what is returned, each once.
std::uint64_t flows_kept(const Archive& archive) {
    std::set<std::uint64_t> ids;
    archive.ask({}, {}).flows->for_each_part([&](const store::StoredFlow& flow) {
        EXPECT_TRUE(ids.insert(flow.id).second) << "flow " << flow.id << " came twice";
        const auto generation = archive.generation(flow.rule_generation);
        EXPECT_TRUE(generation && generation->rule(0)) << "its rule is not known";
    });
    if (!ids.empty()) {
        EXPECT_EQ(*ids.rbegin(), ids.size()) << "flows are missing in between";
    }
    return ids.size();
}

void expect_recovery(const std::string& directory, const Ending& ending, const std::string& where) {
    SCOPED_TRACE(where);
    tests::FixedRules rules;
    detect::EventLog events;
    std::uint64_t kept = 0;
    {
        Archive archive(settings_in(directory), rules, events);
        ASSERT_TRUE(archive.status().open) << archive.status().trouble;
        kept = flows_kept(archive);
        EXPECT_GE(kept, ending.committed);
        archive.begin_session(10, 2, false);
        for (std::uint64_t id = kept + 1; id <= flows_all; ++id) {
            const auto flow = hit_flow(id);
            archive.add_flows({&flow, 1});
        }
        ASSERT_EQ(archive.finish(), std::nullopt);
    }
    const Archive archive(tests::closed_archive(directory), rules, events);
    EXPECT_EQ(flows_kept(archive), flows_all);
    // If flushes were completed, but not the last one, the time after them is a gap.
    if (ending.killed && kept > 0 && kept < flows_all) {
        EXPECT_TRUE(archive.status().gap);
    }
    if (!ending.killed) {
        EXPECT_FALSE(archive.status().gap);
    }
}

TEST(ArchiveCrash, AtEveryStep) {
    int step = 1;
    for (bool killed = true; killed; ++step) {
        const tests::TemporaryDirectory directory;
        const Ending ending = run_picketd(directory.archive(), 1, step);
        killed = ending.killed;
        if (killed) expect_recovery(directory.archive(), ending, "step " + std::to_string(step));
        if (::testing::Test::HasFatalFailure()) return;
    }
    EXPECT_GT(step, 40) << "that many steps change the disk";
}

TEST(ArchiveCrash, AtRandomMoments) {
    std::mt19937 random(4);
    for (unsigned i = 0; i < 40; ++i) {
        const tests::TemporaryDirectory directory;
        const std::chrono::microseconds after{5'000 + random() % 150'000};
        const Ending ending = run_picketd(directory.archive(), 1, 0, after);
        expect_recovery(directory.archive(), ending, std::to_string(after.count()) + " us");
        if (::testing::Test::HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace picket::archive
