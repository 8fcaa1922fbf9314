// What of the options reaches picketd, and which of them are refused: a server that notes every question.
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "controlplane/cli/application.h"
#include "controlplane/cli/json.h"

namespace picket::cli {
namespace {

class Asked : public testing::Test {
  protected:
    struct Question {
        std::string path;
        httplib::Params parameters;
    };

    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "picket-asked-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        const auto note = [this](const httplib::Request& request, httplib::Response& response) {
            asked_.push_back({request.path, request.params});
            response.set_content(answer_.dump(), "application/json");
        };
        server_.Get(".*", note);
        server_.Post(".*", note);
        server_.set_address_family(AF_UNIX);
        ASSERT_TRUE(server_.bind_to_port(directory_ + "/control.sock", 80));
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        while (!server_.is_running()) std::this_thread::yield();
    }
    void TearDown() override {
        server_.stop();
        thread_.join();
        std::filesystem::remove_all(directory_);
    }

    // The exit status.
    int ask(std::vector<std::string> words) {
        words.insert(words.begin(), "picket");
        words.insert(words.end(), {"-s", directory_ + "/control.sock"});
        std::vector<char*> pointers;
        for (std::string& word : words) pointers.push_back(word.data());
        asked_.clear();
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int status = run_application(static_cast<int>(pointers.size()), pointers.data());
        out_ = testing::internal::GetCapturedStdout();
        err_ = testing::internal::GetCapturedStderr();
        return status;
    }
    // A parameter of the last question, or "none".
    [[nodiscard]] std::string told(const std::string& name) const {
        if (asked_.empty()) return "nothing was asked";
        const auto found = asked_.back().parameters.find(name);
        return found == asked_.back().parameters.end() ? "none" : found->second;
    }

    std::string directory_;
    httplib::Server server_;
    std::thread thread_;
    std::vector<Question> asked_;
    Json answer_{{"rows", Json::array()}};
    std::string out_;
    std::string err_;
};

TEST_F(Asked, AlertTailSendsItsAddresses) {
    std::ofstream(directory_ + "/ips") << "10.1.7.44\n";
    answer_ = {{"rows", {{{"sid", 1}, {"source", "10.1.7.44"}}}}, {"next", 1}};
    EXPECT_EQ(ask({"alert", "tail", "-n", "1", "--ips", directory_ + "/ips"}), 0) << err_;
    EXPECT_EQ(told("ips"), "10.1.7.44\n");
}

TEST_F(Asked, AnOrderIsRefusedWhereNoRowsAreShown) {
    for (const char* command : {"ack", "tail"}) {
        for (const char* option : {"--limit", "--sort"}) {
            EXPECT_EQ(ask({"alert", command, option, option[2] == 'l' ? "1" : "last"}), 2) << command;
            EXPECT_TRUE(asked_.empty()) << command << option;
        }
    }
    EXPECT_EQ(ask({"alert", "ack", "--rule", "1"}), 0) << err_;
}

TEST_F(Asked, AnOrderThatAnAnswerDoesNotHaveIsRefused) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"scan", "show", "--sort", "-bytes"},
          {"scan", "show", "--sport", "80"},
          {"probe", "show", "--by", "rule", "--sort", "last"},
          {"probe", "show", "--timeline", "1h", "--sort", "first"}}) {
        EXPECT_EQ(ask(words), 2) << words[3];
        EXPECT_TRUE(asked_.empty()) << words[3];
    }
    EXPECT_EQ(ask({"scan", "show", "--sort", "-last"}), 0) << err_;
}

TEST_F(Asked, TablesOfFlowsNeedNoNumbersOfSourcesAndDestinations) {
    EXPECT_EQ(ask({"flow", "show"}), 0) << err_;
    EXPECT_EQ(told("count_ends"), "0");
    for (const char* other : {"-j", "--sum", "--talkers"}) {
        EXPECT_EQ(ask({"flow", "show", other}), 0) << err_;
        EXPECT_EQ(told("count_ends"), "none") << other;
    }
}

TEST_F(Asked, TablesEndSomewhereAndDocumentsDoNot) {
    for (const char* noun : {"flow", "probe", "alert", "scan"}) {
        EXPECT_EQ(ask({noun, "show"}), 0) << noun << err_;
        EXPECT_EQ(told("limit"), "1000") << noun;
        EXPECT_EQ(ask({noun, "show", "--limit", "5000"}), 0) << noun << err_;
        EXPECT_EQ(told("limit"), "5000") << noun;
        for (const char* format : {"json", "csv"}) {
            EXPECT_EQ(ask({noun, "show", "--format", format}), 0) << noun << err_;
            EXPECT_EQ(told("limit"), "none") << noun << format;
        }
    }
    for (const char* format : {"netflow", "eve"}) {
        EXPECT_EQ(ask({"flow", "show", "--format", format}), 0) << err_;
        EXPECT_EQ(told("limit"), "none") << format;
    }
    EXPECT_EQ(ask({"flow", "show", "--talkers"}), 0) << err_;
    EXPECT_EQ(told("limit"), "1000");
    EXPECT_EQ(ask({"flow", "show", "--timeline", "1h"}), 0) << err_;
    EXPECT_EQ(told("limit"), "none") << "its end would be cut off";
}

TEST_F(Asked, WatchShowOfAnInterval) {
    answer_["interval"] = {{"since", "2003-08-22T20:00:00.000000Z"}, {"until", nullptr}};
    EXPECT_EQ(ask({"watch", "show", "sobig", "--since", "20:00"}), 0) << err_;
    EXPECT_EQ(asked_.at(0).path, "/v1/watch/sobig");
    EXPECT_EQ(told("since"), "20:00");
    EXPECT_EQ(told("limit"), "1000");
    EXPECT_NE(out_.find("interval 2003-08-22 20:00:00Z → now"), std::string::npos) << out_;
    EXPECT_NE(out_.find("flow show --src @sobig --since 20:00 --sum"), std::string::npos) << out_;
}

}  // namespace
}  // namespace picket::cli
