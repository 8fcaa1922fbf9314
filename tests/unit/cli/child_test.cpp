#include "controlplane/cli/child.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

Child shell(const std::string& script) {
    return Child({{"/bin/sh", "-c", script}, ErrorText::keep, false});
}

TEST(Child, ItsEndItsWordsAndItsTimeAreKnown) {
    Child child = shell("echo what is wrong >&2; exit 4");
    ASSERT_TRUE(child.wait(10'000));
    EXPECT_FALSE(child.succeeded());
    EXPECT_EQ(child.exit_status(), 4);
    EXPECT_EQ(child.error_text(), "what is wrong\n");
    EXPECT_EQ(child.ending(), "sh ended with status 4");
    EXPECT_GT(child.usage().ru_maxrss, 0);
}

TEST(Child, UnknownStatusesAreThree) {
    Child child = shell("exit 77");
    ASSERT_TRUE(child.wait(10'000));
    EXPECT_EQ(child.exit_status(), 3);
    Child killed = shell("kill -9 $$");
    ASSERT_TRUE(killed.wait(10'000));
    EXPECT_EQ(killed.exit_status(), 3);
    EXPECT_NE(killed.ending().find("signal 9"), std::string::npos);
}

TEST(Child, WaitingIsBounded) {
    Child child = shell("exec sleep 60");
    EXPECT_FALSE(child.wait(10));
    child.signal(SIGTERM);
    EXPECT_TRUE(child.wait(10'000));
}

TEST(Child, AProgramThatIsNotThereIsSaid) {
    EXPECT_THROW(Child({{"/nonexistent/picketd"}, ErrorText::keep, false}), SetupError);
}

TEST(RuntimeDirectory, IsPrivateAndGoesAway) {
    std::string path;
    {
        const RuntimeDirectory directory;
        path = directory.path();
        EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace picket::cli
