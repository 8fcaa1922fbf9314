#include "dataplane/rx/capture_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "dataplane/api/setup_error.h"
#include "tests/unit/rx/capture_builder.h"
#include "tests/unit/rx/gzip_builder.h"

namespace picket::rx::test {
namespace {

struct Refusal {
    int exit_status = 0;
    std::string text;
};

Refusal refusal_of(const std::string& path) {
    try {
        (void)CaptureFile::open(path);
    } catch (const SetupError& error) {
        return {error.exit_status(), error.what()};
    }
    return {};
}

Bytes three_packets() {
    return PcapBuilder().packet(1, 0, 60).packet(2, 0, 60).packet(3, 0, 60).bytes();
}

TEST(CaptureFile, RefusesWhatCannotBeRead) {
    EXPECT_EQ(refusal_of("/nonexistent/file.pcap").exit_status, 2);
    EXPECT_NE(refusal_of("/nonexistent/file.pcap").text.find("No such file"), std::string::npos);
    EXPECT_EQ(refusal_of("/tmp").exit_status, 2);
    EXPECT_NE(refusal_of("/tmp").text.find("is a folder"), std::string::npos);
}

TEST(CaptureFile, RefusesWhatIsNoCapture) {
    EXPECT_EQ(refusal_of(TemporaryFile({}).path()).exit_status, 4);
    EXPECT_NE(refusal_of(TemporaryFile({}).path()).text.find("is empty"), std::string::npos);
    for (const Bytes& bytes : {Bytes{0xd4}, Bytes{0xd4, 0xc3, 0xb2}, Bytes(1000, 'x'), gzip({}),
                               gzip(Bytes(1000, 'x')), gzip(Bytes{'h', 'i'})}) {
        EXPECT_EQ(refusal_of(TemporaryFile(bytes).path()).exit_status, 4);
    }
    EXPECT_EQ(refusal_of("/dev/null").exit_status, 4);
    EXPECT_EQ(refusal_of("/dev/zero").exit_status, 4);  // endless
}

TEST(CaptureFile, ReadsGzip) {
    const auto file = open_bytes(gzip(three_packets()));
    EXPECT_EQ(file->summary().packets, 3U);
    EXPECT_EQ(file->summary().error, "");
    EXPECT_EQ(frames_of(file).size(), 3U);
}

TEST(CaptureFile, NamesDamagedGzip) {
    Bytes packed = gzip(three_packets());
    const auto cut = open_bytes(without_last(packed, 1));
    EXPECT_EQ(cut->summary().packets, 3U);
    EXPECT_TRUE(cut->summary().truncated);
    EXPECT_NE(cut->summary().error.find("gzip data ends early"), std::string::npos);
    packed[packed.size() - 5] ^= 1;
    const auto corrupt = open_bytes(packed);
    EXPECT_EQ(corrupt->summary().packets, 3U);
    EXPECT_FALSE(corrupt->summary().truncated);
    EXPECT_NE(corrupt->summary().error.find("corrupt"), std::string::npos);
    const auto stump = open_bytes({0x1f, 0x8b});
    EXPECT_EQ(stump->summary().packets, 0U);
    EXPECT_FALSE(stump->summary().error.empty());
    EXPECT_TRUE(frames_of(stump).empty());
}

TEST(CaptureFile, UnpackingIsBounded) {
    PcapBuilder builder;
    for (std::uint32_t i = 0; i < 100; ++i) builder.packet(i, 0, 1000);
    const TemporaryFile packed(gzip(builder.bytes()));
    const auto file = CaptureFile::open(packed.path(), {.unpacked_bytes_max = 24 + 10 * 1016 + 5});
    EXPECT_EQ(file->summary().packets, 10U);
    EXPECT_TRUE(file->summary().truncated);
    EXPECT_NE(file->summary().error.find("limit"), std::string::npos);
}

TEST(CaptureFile, ReadsPipes) {
    for (const bool packed : {false, true}) {
        const TemporaryFile name({});
        std::filesystem::remove(name.path());
        ASSERT_EQ(mkfifo(name.path().c_str(), 0600), 0);
        std::thread writer([&] { name.write(packed ? gzip(three_packets()) : three_packets()); });
        const auto file = CaptureFile::open(name.path());
        writer.join();
        EXPECT_EQ(file->summary().packets, 3U);
        EXPECT_EQ(file->summary().error, "");
        EXPECT_EQ(frames_of(file).size(), 3U);
    }
}

TEST(CaptureFile, ReadsStandardInput) {
    const TemporaryFile input(three_packets());
    const int saved = dup(STDIN_FILENO);
    const int fd = open(input.path().c_str(), O_RDONLY);
    ASSERT_GE(dup2(fd, STDIN_FILENO), 0);
    close(fd);
    EXPECT_EQ(CaptureFile::open("-")->summary().packets, 3U);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

TEST(CaptureFile, UnpacksWithoutAWritableFolder) {
    setenv("TMPDIR", "/nonexistent", 1);
    const auto file = open_bytes(gzip(three_packets()));
    unsetenv("TMPDIR");
    EXPECT_EQ(file->summary().packets, 3U);
}

TEST(CaptureFile, ACaptureWithoutPacketsIsSound) {
    const auto file = open_bytes(PcapBuilder().bytes());
    EXPECT_EQ(file->summary().packets, 0U);
    EXPECT_EQ(file->summary().error, "");
    EXPECT_EQ(file->summary().first_ns, 0U);
    EXPECT_TRUE(frames_of(file).empty());
    EXPECT_EQ(CaptureCursor(file).future_min_time_ns(), UINT64_MAX);
}

// The file may be overwritten while it is read: no crash, and what is gone is counted.
TEST(CaptureFile, CountsWhatVanishesAfterOpening) {
    PcapBuilder builder;
    for (std::uint32_t i = 0; i < 10; ++i) builder.packet(i, 0, 60);
    const TemporaryFile name(builder.bytes());
    CaptureCursor cursor(CaptureFile::open(name.path()));
    Frame frame;
    ASSERT_TRUE(cursor.next(frame));
    const int fd = open(name.path().c_str(), O_WRONLY);
    const Bytes ones(200, 0xff);
    ASSERT_EQ(pwrite(fd, ones.data(), ones.size(), 24 + 76), 200);
    close(fd);
    EXPECT_FALSE(cursor.next(frame));
    EXPECT_EQ(cursor.lost(), 9U);
    EXPECT_FALSE(cursor.next(frame));
    EXPECT_EQ(cursor.lost(), 9U);
}

}  // namespace
}  // namespace picket::rx::test
