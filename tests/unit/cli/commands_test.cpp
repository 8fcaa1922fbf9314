// The thin client against a small server of its own: what is asked, what is printed, how it ends.
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "controlplane/cli/application.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/table.h"

namespace picket::cli {
namespace {

struct Result {
    int status = 0;
    std::string out;
    std::string err;
};

Result run(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{"picket"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Result result;
    result.status = run_application(static_cast<int>(pointers.size()), pointers.data());
    result.out = testing::internal::GetCapturedStdout();
    result.err = testing::internal::GetCapturedStderr();
    return result;
}

Json flow_row(int port) {
    return {{"id", 1000 + port},
            {"part", 1},
            {"final", true},
            {"first", "2003-08-22T19:09:54.218437Z"},
            {"last", "2003-08-22T19:09:54.218437Z"},
            {"src_ip", "67.73.21.6"},
            {"src_port", port},
            {"dest_ip", "192.0.2.7"},
            {"dest_port", 27015},
            {"proto", "UDP"},
            {"pkts_toserver", 1},
            {"pkts_toclient", 0},
            {"bytes_toserver", 37},
            {"bytes_toclient", 0},
            {"state", "S0"},
            {"outcome", "no-reply"},
            {"rules", Json::array()}};
}

Json coverage() {
    return {{"lost", 0}, {"seconds_blind", 0}, {"folded", 0}};
}

class Commands : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "picket-cli-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        socket_ = directory_ + "/control.sock";
        serve_flows();
        serve_others();
        server_.set_address_family(AF_UNIX);
        ASSERT_TRUE(server_.bind_to_port(socket_, 80));
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        while (!server_.is_running()) std::this_thread::yield();
    }

    void serve_flows() {
        server_.Get("/v1/flows", [this](const httplib::Request& request, httplib::Response& response) {
            asked_.push_back(request.target);
            const std::string shape = request.get_param_value("shape");
            Json rows = Json::array();
            if (shape == "rows") {
                rows.push_back(flow_row(50416));
                rows.push_back(flow_row(50417));
            } else if (shape == "talkers") {
                rows.push_back({{"ip", "67.73.21.6"},
                                {"flows", 162},
                                {"packets", 162},
                                {"bytes", 5994},
                                {"first", "2003-08-22T19:09:54.218437Z"},
                                {"last", "2003-08-22T22:14:09.604112Z"}});
            } else if (shape == "timeline") {
                rows.push_back(
                    {{"time", "2003-08-22T19:00:00.000000Z"}, {"flows", 3}, {"packets", 3}, {"bytes", 111}});
            } else if (shape == "by") {
                rows.push_back({{"destination", "192.0.2.7"}, {"port", 27015}, {"proto", "UDP"}});
            }
            const bool answered = request.get_param_value("outcome") == "answered";
            Json sum{{"flows", answered ? 50 : 1751},
                     {"unanswered", answered ? 0 : 1751},
                     {"packets", 1751},
                     {"bytes", 64787},
                     {"sources", answered ? 50 : 10},
                     {"destinations", 1},
                     {"first", "2003-08-22T19:09:54.218437Z"},
                     {"last", "2003-08-22T22:14:09.604112Z"}};
            reply(response, {{"rows", rows},
                             {"sum", sum},
                             {"coverage", coverage()},
                             {"truncated", request.get_param_value("limit") == "2"},
                             {"interval", {{"since", "2003-08-22T15:00:00.000000Z"}, {"until", nullptr}}}});
        });
        server_.Post("/v1/flows", [this](const httplib::Request& request, httplib::Response& response) {
            posted_ = request.has_param("ips") ? request.get_param_value("ips") : request.body;
            reply(response, {{"rows", Json::array()}, {"coverage", coverage()}, {"truncated", false}});
        });
    }

    void serve_others() {
        server_.Get("/v1/watch", [](const httplib::Request&, httplib::Response& response) {
            reply(response,
                  {{"rows", {{{"name", "sobig"}, {"entries", 20}, {"seen", 10}, {"generation", 2}}}}});
        });
        server_.Get("/v1/watch/sobig", [](const httplib::Request&, httplib::Response& response) {
            reply(response, {{"rows",
                              {{{"ip", "67.73.21.6"},
                                {"seen", true},
                                {"flows", 164},
                                {"first", "2003-08-22T19:00:15.728000Z"},
                                {"last", "2003-08-22T22:14:09.604112Z"}},
                               {{"ip", "12.232.104.222"}, {"seen", false}}}},
                             {"sum", {{"entries", 20}, {"seen", 10}, {"not_seen", 10}}},
                             {"coverage", coverage()}});
        });
        server_.Get("/v1/status", [](const httplib::Request&, httplib::Response& response) {
            reply(response,
                  {{"sensor", "edge-1"}, {"now", "2003-08-22T23:00:00.000000Z"}, {"state", "running"}});
        });
        server_.Get("/v1/alerts", [](const httplib::Request&, httplib::Response& response) {
            response.status = 404;
            response.set_content(R"({"error":{"what":"there is no watch list 'x'","where":"parameter watch",)"
                                 R"("why":"none of this name is loaded","remedy":"load it"},"exit":2})",
                                 "application/json");
        });
        server_.Get("/v1/alerts/tail", [this](const httplib::Request& request, httplib::Response& response) {
            asked_.push_back(request.target);
            Json rows = Json::array();
            rows.push_back({{"sid", 1000001},
                            {"msg", "b.cgi"},
                            {"source", "10.1.7.44"},
                            {"sources", asked_.size()},
                            {"destination", "203.0.113.80:80"},
                            {"count", asked_.size()},
                            {"last", "2003-08-22T19:09:54.218437Z"}});
            reply(response, {{"rows", rows}, {"next", asked_.size() * 10}});
        });
    }

    void TearDown() override {
        server_.stop();
        thread_.join();
        std::filesystem::remove_all(directory_);
    }

    static void reply(httplib::Response& response, const Json& answer) {
        response.set_content(answer.dump(), "application/json");
    }

    Result ask(std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"-s", socket_});
        return run(arguments);
    }

    std::string directory_;
    std::string socket_;
    httplib::Server server_;
    std::thread thread_;
    std::vector<std::string> asked_;
    std::string posted_;
};

void expect_fits(const std::string& text) {
    std::istringstream lines(text);
    // The 'next' line names the socket, here one in a temporary directory: it is as long as it is.
    for (std::string line; std::getline(lines, line);) {
        if (line.find("next:") != std::string::npos) continue;
        EXPECT_LE(display_width(line), 80u) << line;
    }
}

TEST_F(Commands, FlowShowPrintsATableThatFits) {
    const Result result = ask({"flow", "show", "--src", "@sobig", "--since", "-2h", "--limit", "2"});
    EXPECT_EQ(result.status, 0) << result.err;
    expect_fits(result.out);
    EXPECT_NE(result.out.find("67.73.21.6:50416"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("coverage 100 %"), std::string::npos);
    EXPECT_NE(result.out.find("truncated"), std::string::npos);
    EXPECT_NE(result.out.find("interval 2003-08-22 15:00:00Z → now"), std::string::npos);
    ASSERT_EQ(asked_.size(), 1u);
    EXPECT_NE(asked_[0].find("src=%40sobig"), std::string::npos) << asked_[0];
    EXPECT_NE(asked_[0].find("since=-2h"), std::string::npos);
}

TEST_F(Commands, EveryFilterTravels) {
    const Result result =
        ask({"flow",          "show",   "--since",     "15:09:54", "--until",   "-1m",     "--host",
             "10.0.0.0/8",    "--host", "::1",         "--src",    "1.2.3.4",   "--dst",   "@l",
             "--port",        "1",      "--sport",     "2",        "--dport",   "3",       "--proto",
             "udp",           "--vlan", "4",           "--watch",  "w",         "--rule",  "5",
             "--uri",         "/a b",   "--status",    "404",      "--outcome", "refused", "--unanswered",
             "--min-packets", "6",      "--min-bytes", "7",        "--sort",    "-bytes",  "--records"});
    ASSERT_EQ(result.status, 0) << result.err;
    for (const char* part : {"since=15%3A09%3A54",
                             "until=-1m",
                             "host=10.0.0.0%2F8",
                             "host=%3A%3A1",
                             "src=1.2.3.4",
                             "dst=%40l",
                             "port=1",
                             "sport=2",
                             "dport=3",
                             "proto=udp",
                             "vlan=4",
                             "watch=w",
                             "rule=5",
                             "uri=%2Fa%20b",
                             "status=404",
                             "outcome=refused",
                             "unanswered=1",
                             "min_packets=6",
                             "min_bytes=7",
                             "sort=-bytes",
                             "records=1"}) {
        EXPECT_NE(asked_.at(0).find(part), std::string::npos) << part << " in " << asked_[0];
    }
}

TEST_F(Commands, ABareTimeIsTheReadersOwn) {
    const Result result = ask({"flow", "show", "--since", "15:09:54", "--tz", "America/New_York"});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_NE(asked_.at(0).find("since=2003-08-22T15%3A09%3A54.000000-04%3A00"), std::string::npos)
        << asked_[0];
    EXPECT_NE(result.out.find("15:09:54  "), std::string::npos) << "19:09:54 UTC is 15:09:54 there";
}

TEST_F(Commands, ADateWithoutAZoneIsTheReadersOwn) {
    const Result result = ask({"flow", "show", "--since", "2003-08-22T15:09:54", "--sum", "--tz",
                               "America/New_York", "--mask", "192.0.2.0/24"});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_NE(asked_.at(0).find("since=2003-08-22T15%3A09%3A54.000000-04%3A00"), std::string::npos)
        << asked_[0];
    EXPECT_NE(result.out.find("--since 2003-08-22T15:09:54 --mask 192.0.2.0/24 --tz America/New_York "
                              "--talkers"),
              std::string::npos)
        << result.out;
}

TEST_F(Commands, FlowSumAnswersTheNextQuestions) {
    const Result result = ask({"flow", "show", "--src", "@sobig", "--sum"});
    EXPECT_EQ(result.status, 0) << result.err;
    expect_fits(result.out);
    for (const char* part :
         {"flows 1,751", "packets 1,751", "bytes 64,787", "sources 10 of 20", "→ 192.0.2.7:27015", "9.5/min",
          "UDP, 37 B", "replies none", "50 other sources were answered"}) {
        EXPECT_NE(result.out.find(part), std::string::npos) << part << " in\n" << result.out;
    }
}

TEST_F(Commands, ShapesAndFormats) {
    EXPECT_NE(ask({"flow", "show", "--talkers"}).out.find("67.73.21.6  162"), std::string::npos);
    const Result timeline = ask({"flow", "show", "--timeline", "10m", "--tz", "America/New_York"});
    EXPECT_NE(timeline.out.find("2003-08-22 15:00:00-04:00  3"), std::string::npos) << timeline.out;
    EXPECT_NE(ask({"flow", "show", "--by", "port"}).out.find("27015  UDP"), std::string::npos);
    const Result netflow =
        ask({"flow", "show", "--format", "netflow", "--tz", "America/New_York", "--mask", "192.0.2.0/24"});
    EXPECT_EQ(netflow.out.substr(0, netflow.out.find('\n')),
              "2003/08/22 15:09:54 67.73.21.6.50416 -> XXX.XXX.XXX.XXX.27015 17 1 37");
    const Result csv = ask({"flow", "show", "--csv"});
    EXPECT_EQ(csv.out.substr(0, csv.out.find(',')), "id");
    EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 3);
    const Json document = Json::parse(ask({"flow", "show", "-j"}).out);
    EXPECT_EQ(document["rows"].size(), 2u);
    EXPECT_EQ(ask({"flow", "show", "--sum", "--format", "netflow"}).status, 2);
    EXPECT_EQ(ask({"-j", "--csv", "flow", "show"}).status, 2);
}

TEST_F(Commands, AddressesOfAFileArePosted) {
    const std::string file = directory_ + "/ips.txt";
    std::ofstream(file) << "10.0.0.1 # a\n10.2.0.0/16\n";
    EXPECT_EQ(ask({"flow", "show", "--ips", file}).status, 0);
    EXPECT_EQ(posted_, "10.0.0.1 # a\n10.2.0.0/16\n");
    std::string many;
    for (int i = 0; i < 5000; ++i)
        many += "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "\n";
    std::ofstream(file) << many;
    EXPECT_EQ(ask({"flow", "show", "--ips", file}).status, 0);
    EXPECT_EQ(posted_, many);
    EXPECT_EQ(ask({"flow", "show", "--ips", directory_}).status, 2);
}

TEST_F(Commands, WatchShowSaysWhoWasSeen) {
    const Result result = ask({"watch", "show"});
    EXPECT_EQ(result.status, 0) << result.err;
    expect_fits(result.out);
    EXPECT_NE(result.out.find("sobig: 10 of 20 seen"), std::string::npos) << result.out;
    EXPECT_LT(result.out.find("67.73.21.6"), result.out.find("12.232.104.222")) << "as picketd has them";
}

TEST_F(Commands, TailFollowsThePosition) {
    const Result result = ask({"alert", "tail", "-n", "2"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 2);
    EXPECT_NE(result.out.find("10.1.7.44 +1 → 203.0.113.80:80  ×2  1000001  b.cgi"), std::string::npos)
        << result.out;
    ASSERT_EQ(asked_.size(), 2u);
    EXPECT_NE(asked_[1].find("after=10"), std::string::npos);
}

TEST_F(Commands, WhatPicketdRefusesIsSaidInItsWords) {
    const Result result = ask({"alert", "show", "--watch", "x"});
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(
        result.err,
        "picket: there is no watch list 'x' at parameter watch: none of this name is loaded; load it\n");
    const Result unknown = ask({"event", "show"});
    EXPECT_EQ(unknown.status, 3);
}

TEST(CommandLine, ASocketThatIsNotThere) {
    const Result result = run({"status", "-s", "/nonexistent/control.sock"});
    EXPECT_EQ(result.status, 3);
    EXPECT_NE(result.err.find("/nonexistent/control.sock"), std::string::npos);
    EXPECT_NE(result.err.find("picket run -c"), std::string::npos);
    EXPECT_EQ(result.out, "");
}

TEST(CommandLine, UsageErrorsAreTwo) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                  {"flow"},
                                                  {"flow", "shw"},
                                                  {"flow", "show", "--limt", "3"},
                                                  {"flow", "show", "abc"},
                                                  {"flow", "show", "--port", "70000"},
                                                  {"flow", "show", "--sum", "--talkers"},
                                                  {"flow", "show", "--limit", "-1"},
                                                  {"flow", "show", "1", "--sum"},
                                                  {"status", "-s", ""},
                                                  {"replay"},
                                                  {"replay", "/nonexistent.pcap"},
                                                  {"replay", "/tmp"},
                                                  {"replay", "/dev/null", "--workers", "0"},
                                                  {"replay", "/dev/null", "--rss", "x"},
                                                  {"replay", "/dev/null", "--watch", "x"},
                                                  {"replay", "/dev/null", "--rules", "/nonexistent"},
                                                  {"replay", "/dev/null", "--eve", "-", "-j"},
                                                  {"replay", "/dev/null", "--config", "/nonexistent"},
                                                  {"run", "-c", "/nonexistent"},
                                                  {"config", "check", "-c", "/nonexistent"},
                                                  {"status", "--tz", "Mars/X"},
                                                  {"status", "--color", "pink"},
                                                  {"rule", "check", "/nonexistent.rules"},
                                                  {"watch", "load", "a"}}) {
        const Result result = run(words);
        std::string line;
        for (const std::string& word : words) line += word + " ";
        EXPECT_EQ(result.status, 2) << line << result.err;
        EXPECT_FALSE(result.err.empty() && result.out.empty()) << line;
    }
}

TEST(CommandLine, AnIdThatNoFlowCanHaveIsNoFlow) {
    EXPECT_EQ(run({"flow", "show", "12345678901234567890123"}).status, 1);
}

TEST(CommandLine, HelpAndVersion) {
    EXPECT_EQ(run({"--help"}).status, 0);
    EXPECT_EQ(run({"flow", "show", "--help"}).status, 0);
    EXPECT_EQ(run({"-V"}).out.substr(0, 7), "picket ");
}

TEST(CommandLine, RuleCheckNamesFileAndLine) {
    const std::string file = testing::TempDir() + "picket-rule-check.rules";
    std::ofstream(file)
        << "alert tcp any any -> any any (msg:\"good\"; content:\"/b.cgi\"; http_uri; sid:1; rev:1;)\n"
        << "alert tcp any any -> any any (msg:\"bad\"; content:\"/c.cgi\"; frobnicate; sid:2; rev:1;)\n";
    const Result result = run({"rule", "check", file});
    EXPECT_EQ(result.status, 1) << result.err;
    EXPECT_NE(result.out.find(file + ":2: "), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("1 rules loaded, 1 rejected"), std::string::npos) << result.out;
    const Json document = Json::parse(run({"rule", "check", file, "-j"}).out);
    EXPECT_EQ(document["loaded"], 1);
    EXPECT_EQ(document["rejects"][0]["line"], 2);
    std::filesystem::remove(file);
}

}  // namespace
}  // namespace picket::cli
