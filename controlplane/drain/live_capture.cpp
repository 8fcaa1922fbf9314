#include "controlplane/drain/live_capture.h"

#include <pcap/pcap.h>

#include <random>

namespace picket::drain {

namespace {

constexpr std::chrono::milliseconds command_patience{3'000};
constexpr std::chrono::seconds stop_interval{1};
constexpr int frame_bytes_max = 262'144;

}  // namespace

bool compile_filter(const std::string& expression, std::vector<api::FilterInstruction>& program,
                    std::string& error) {
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> handle(pcap_open_dead(DLT_EN10MB, frame_bytes_max),
                                                                &pcap_close);
    bpf_program compiled{};
    if (!handle || pcap_compile(handle.get(), &compiled, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
        error = handle ? pcap_geterr(handle.get()) : "not enough memory";
        return false;
    }
    for (unsigned i = 0; i < compiled.bf_len; ++i) {
        const bpf_insn& from = compiled.bf_insns[i];
        program.push_back({from.code, from.jt, from.jf, from.k});
    }
    pcap_freecode(&compiled);
    if (program.size() <= api::filter_instructions_max) return true;
    error = "it takes " + std::to_string(program.size()) + " instructions, and at most " +
            std::to_string(api::filter_instructions_max) + " are possible";
    return false;
}

std::uint32_t LiveCapture::start(const Order& order, std::string& error) {
    api::Command command;
    command.kind = api::CommandKind::copy;
    {
        const std::lock_guard lock(mutex_);
        if (running_) {
            error = "another capture is running";
            return 0;
        }
        // Packets of an earlier picketd's capture may still come.
        if (capture_ == 0) capture_ = std::random_device()() | 1;
        if (++capture_ == 0) ++capture_;
        running_ = true;
        packets_left_ = order.packets_max == 0 ? UINT64_MAX : order.packets_max;
        waiting_.clear();
        bytes_waiting_ = 0;
        counts_ = {};
        asked_ = Clock::now();
        command.program.capture = capture_;
    }
    command.program.length = static_cast<std::uint32_t>(order.program.size());
    command.program.frame_bytes = order.frame_bytes;
    std::copy(order.program.begin(), order.program.end(), command.program.instructions.begin());
    const auto reply = mailbox_.run(command, command_patience);
    if (reply.status == 0) return command.program.capture;
    error = reply.text;
    abandon();
    return 0;
}

LiveCapture::Taken LiveCapture::take(std::uint32_t capture, std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    const auto is_other = [&] { return capture != capture_; };
    if (is_other()) return {{}, true};
    asked_ = Clock::now();
    changed_.wait_for(lock, wait, [&] { return !waiting_.empty() || !running_ || is_other(); });
    if (is_other()) return {{}, true};
    asked_ = Clock::now();
    Taken taken{std::move(waiting_), !running_};
    waiting_.clear();
    bytes_waiting_ = 0;
    counts_.packets += taken.packets.size();
    return taken;
}

LiveCapture::Counts LiveCapture::stop(std::uint32_t capture) {
    const std::lock_guard lock(mutex_);
    if (capture != capture_) return {};
    end_locked();
    return counts_;
}

void LiveCapture::deliver(std::uint32_t capture, store::StoredPacket packet) {
    const std::lock_guard lock(mutex_);
    // Of an earlier picketd, or still under way when it was stopped.
    if (!running_) return tell_to_stop();
    if (capture != capture_) return;
    if (bytes_waiting_ + packet.bytes() > bytes_waiting_max) {
        ++counts_.lost;
        return;
    }
    bytes_waiting_ += packet.bytes();
    waiting_.push_back(std::make_shared<const store::StoredPacket>(std::move(packet)));
    if (--packets_left_ == 0) end_locked();
    changed_.notify_all();
}

void LiveCapture::look_for_owner() {
    const std::lock_guard lock(mutex_);
    if (running_ && Clock::now() - asked_ > owner_patience) end_locked();
}

void LiveCapture::abandon() {
    const std::lock_guard lock(mutex_);
    running_ = false;
    changed_.notify_all();
}

void LiveCapture::end_locked() {
    if (!running_) return;
    running_ = false;
    stopped_ = {};
    tell_to_stop();
    changed_.notify_all();
}

// Its packets tell of it if that failed. The reply is of no concern.
void LiveCapture::tell_to_stop() {
    if (Clock::now() - stopped_ < stop_interval) return;
    stopped_ = Clock::now();
    api::Command command;
    command.kind = api::CommandKind::copy;
    (void)mailbox_.post(command, std::chrono::milliseconds(0));
}

}  // namespace picket::drain
