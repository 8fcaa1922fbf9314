// A picketd in the test's process: a fake data plane below, its control socket above.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "controlplane/serve/control_server.h"
#include "controlplane/serve/json.h"
#include "tests/support/fake_dataplane.h"

namespace picket::serve {

using tests::eventually;

class ControlServerTest : public ::testing::Test {
  protected:
    ControlServerTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "picket-serve-XXXXXX").string();
        directory_ = mkdtemp(pattern.data());
        rules_file_ = directory_ / "test.rules";
        std::ofstream(rules_file_)
            << "alert http any any -> any any (msg:\"probe\"; http.uri; content:\"/b.cgi\"; sid:4711; "
               "rev:2;)\n"
               "alert http any any -> any any (msg:\"broken\"; nonsense:1; sid:4712;)\n";
    }
    ~ControlServerTest() override {
        if (server_) server_->stop();
        if (sensor_) sensor_->stop();
        std::filesystem::remove_all(directory_);
    }

    void start(bool replay = false, std::size_t flows_kept = 10'000) {
        settings_.name = "test";
        settings_.dataplane_socket = fake().socket_path();
        settings_.replay = replay;
        settings_.flows_kept = flows_kept;
        settings_.requests_kept = 1000;
        settings_.rules.files = {rules_file_.string()};
        sensor_ = std::make_unique<Sensor>(settings_);
        server_ = std::make_unique<ControlServer>(control_path(), *sensor_, [this] { stop_asked_ = true; });
        sensor_->start();
        server_->start();
    }
    tests::FakeDataplane& fake() {
        if (!fake_) fake_ = std::make_unique<tests::FakeDataplane>(fake_settings_);
        return *fake_;
    }
    [[nodiscard]] std::string control_path() const { return (directory_ / "control.sock").string(); }

    httplib::Result send(const std::string& method, const std::string& path, const std::string& body = {}) {
        httplib::Client client(control_path());
        client.set_address_family(AF_UNIX);
        client.set_read_timeout(std::chrono::seconds(120));  // of a busy machine
        httplib::Request request;
        request.method = method;
        request.path = path;
        request.body = body;
        request.headers.emplace("Host", "x");
        if (!body.empty()) request.headers.emplace("Content-Type", "text/plain");
        // The library's queue of connections that are not yet accepted is short, and a busy machine slow.
        for (int tries = 0;; ++tries) {
            auto result = client.send(request);
            if (result || result.error() != httplib::Error::Connection || tries == 50) return result;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    Json get(const std::string& path, int status = 200) {
        const auto result = send("GET", path);
        EXPECT_TRUE(result) << path;
        if (!result) return {};
        EXPECT_EQ(result->status, status) << path << ": " << result->body;
        return Json::parse(result->body);
    }
    void await_rules(std::uint32_t generation) {
        ASSERT_TRUE(eventually([&] { return sensor_->rules().state().generation >= generation; }));
    }

    std::filesystem::path directory_;
    std::filesystem::path rules_file_;
    tests::FakeSettings fake_settings_;
    std::unique_ptr<tests::FakeDataplane> fake_;
    SensorSettings settings_;
    std::unique_ptr<Sensor> sensor_;
    std::unique_ptr<ControlServer> server_;
    std::atomic<bool> stop_asked_{false};
};

}  // namespace picket::serve
