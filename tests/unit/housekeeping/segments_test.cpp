#include "dataplane/housekeeping/segments.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dataplane/api/setup_error.h"
#include "dataplane/housekeeping/listener.h"

namespace picket::housekeeping {
namespace {

constexpr std::size_t ring_bytes = 1 << 20;

Segments make_segments() {
    return {2, {{"tap-a", "uplink", "af_xdp:eth1"}}, ring_bytes, false};
}

// picketd gets both descriptors; the kernel, not good manners, keeps it from writing evidence.
TEST(Segments, EvidenceCanOnlyBeReadByOthers) {
    Segments segments = make_segments();
    void* writable = mmap(nullptr, segments.evidence_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED,
                          segments.evidence_fd(), 0);
    EXPECT_EQ(writable, MAP_FAILED);
    EXPECT_EQ(errno, EPERM);
    void* readable =
        mmap(nullptr, segments.evidence_bytes(), PROT_READ, MAP_SHARED, segments.evidence_fd(), 0);
    ASSERT_NE(readable, MAP_FAILED);
    EXPECT_EQ(static_cast<const api::EvidenceHeader*>(readable)->magic, api::evidence_magic);
    segments.evidence().commands_taken.value.store(7);  // the data plane's own mapping stays writable
    EXPECT_EQ(static_cast<const api::EvidenceHeader*>(readable)->commands_taken.value.load(), 7u);
    EXPECT_NE(mprotect(readable, 4096, PROT_READ | PROT_WRITE), 0);
    EXPECT_NE(pwrite(segments.evidence_fd(), "x", 1, 0), 1);
    EXPECT_NE(ftruncate(segments.control_fd(), 0), 0);
    munmap(readable, segments.evidence_bytes());
}

TEST(Segments, RuleBytesStayWithinTheArea) {
    Segments segments = make_segments();
    const std::uint64_t begin = segments.control().rule_area_offset;
    const std::uint64_t size = segments.control().rule_area_size;
    EXPECT_NE(segments.rule_bytes(begin, size), nullptr);
    EXPECT_EQ(segments.rule_bytes(begin, size + 1), nullptr);
    EXPECT_EQ(segments.rule_bytes(begin - 1, 1), nullptr);
    EXPECT_EQ(segments.rule_bytes(~std::uint64_t{0} - 4, 8), nullptr);
    EXPECT_EQ(segments.rule_bytes(begin + 8, ~std::uint64_t{0}), nullptr);
}

int connect_to(const std::string& path) {
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
}

TEST(Listener, OnePicketdAtATime) {
    Segments segments = make_segments();
    const std::string path = ::testing::TempDir() + "picket-listener-" + std::to_string(getpid());
    Listener listener(path, segments);
    EXPECT_THROW(Listener(path, segments), SetupError);
    // The second one's probe of the path has come and gone.
    while (listener.poll() != Listener::Change::none || listener.connected()) {
    }
    const int first = connect_to(path);
    EXPECT_EQ(listener.poll(), Listener::Change::connected);
    api::Hello hello;
    EXPECT_EQ(recv(first, &hello, sizeof hello, 0), static_cast<ssize_t>(sizeof hello));
    EXPECT_EQ(hello.status, 0);
    EXPECT_EQ(hello.evidence_size, segments.evidence_bytes());
    const int second = connect_to(path);
    EXPECT_EQ(listener.poll(), Listener::Change::none);
    EXPECT_EQ(recv(second, &hello, sizeof hello, 0), static_cast<ssize_t>(sizeof hello));
    EXPECT_EQ(hello.status, EBUSY);
    close(second);
    close(first);
    EXPECT_EQ(listener.poll(), Listener::Change::disconnected);
    const int third = connect_to(path);
    EXPECT_EQ(listener.poll(), Listener::Change::connected);
    close(third);
}

}  // namespace
}  // namespace picket::housekeeping
