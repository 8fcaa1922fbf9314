#include "controlplane/drain/mailbox_client.h"

#include <cerrno>
#include <thread>

namespace picket::drain {

namespace {

constexpr std::size_t replies_kept_max = 256;

std::uint64_t posted(const Segments& segments) {
    return segments.control().mailbox.posted.value.load(std::memory_order_relaxed);
}

std::uint64_t taken(const Segments& segments) {
    return segments.evidence().commands_taken.value.load(std::memory_order_acquire);
}

}  // namespace

void MailboxClient::attach(std::shared_ptr<Segments> segments) {
    const std::lock_guard lock(mutex_);
    segments_ = std::move(segments);
    replies_.clear();
    first_own_id_ = posted(*segments_) + 1;
}

void MailboxClient::detach() {
    const std::lock_guard lock(mutex_);
    segments_.reset();
    changed_.notify_all();
}

std::uint64_t MailboxClient::post(api::Command command, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (!segments_) return 0;
            const std::uint64_t at = posted(*segments_);
            if (at - taken(*segments_) < api::mailbox_slots) {
                auto& mailbox = segments_->control().mailbox;
                // Ids rise with the position, and so over restarts of picketd too.
                command.id = at + 1;
                mailbox.slots[at % api::mailbox_slots] = command;
                mailbox.posted.value.store(at + 1, std::memory_order_release);
                return command.id;
            }
        }
        if (std::chrono::steady_clock::now() >= deadline) return 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

CommandReply MailboxClient::await(std::uint64_t id, std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    const auto segments = segments_;
    if (!segments || id == 0) return {ENOTCONN, "no data plane is connected", id};
    changed_.wait_for(lock, timeout, [&] { return replies_.contains(id) || segments_ != segments; });
    const auto reply = replies_.find(id);
    if (reply != replies_.end()) {
        CommandReply result = std::move(reply->second);
        replies_.erase(reply);
        return result;
    }
    if (segments_ != segments) return {ENOTCONN, "the data plane went away before it replied", id};
    return {ETIMEDOUT, "the data plane did not reply within " + std::to_string(timeout.count()) + " ms", id};
}

CommandReply MailboxClient::run(const api::Command& command, std::chrono::milliseconds timeout) {
    const auto id = post(command, timeout);
    if (id == 0) return {ENOTCONN, "no data plane takes commands", 0};
    return await(id, timeout);
}

bool MailboxClient::idle() const {
    const std::lock_guard lock(mutex_);
    return segments_ && posted(*segments_) == taken(*segments_);
}

void MailboxClient::deliver(std::uint64_t command_id, int status, std::string_view text) {
    const std::lock_guard lock(mutex_);
    // Replies to commands of an earlier picketd concern nobody here.
    if (command_id < first_own_id_) return;
    replies_[command_id] = {status, std::string(text), command_id};
    while (replies_.size() > replies_kept_max) replies_.erase(replies_.begin());
    changed_.notify_all();
}

}  // namespace picket::drain
