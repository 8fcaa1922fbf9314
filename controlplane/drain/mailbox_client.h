// Posts commands to the data plane and waits for their replies.
//
// Thread-safe: any thread may run a command; the drain thread delivers replies. One data plane at a time:
// attach() makes the client talk to it, detach() fails whoever is waiting.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "controlplane/drain/segments.h"
#include "dataplane/api/mailbox.h"

namespace picket::drain {

struct CommandReply {
    int status = 0;  // 0: done; else an errno value, ENOTCONN and ETIMEDOUT among them
    std::string text;
    std::uint64_t command_id = 0;
};

class MailboxClient {
  public:
    void attach(std::shared_ptr<Segments> segments);
    void detach();

    // Posts the command (its id is set here) and returns the id, or 0 if there is no data plane or its
    // mailbox stays full for `timeout`.
    std::uint64_t post(api::Command command, std::chrono::milliseconds timeout);
    CommandReply await(std::uint64_t id, std::chrono::milliseconds timeout);
    CommandReply run(const api::Command& command, std::chrono::milliseconds timeout);

    // Have all commands ever posted been taken, those of an earlier picketd too?
    [[nodiscard]] bool idle() const;

    void deliver(std::uint64_t command_id, int status, std::string_view text);

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<Segments> segments_;
    std::map<std::uint64_t, CommandReply> replies_;  // of commands posted by this client, not yet fetched
    std::uint64_t first_own_id_ = 0;
};

}  // namespace picket::drain
