#include "tests/support/fake_dataplane.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

namespace picket::tests {

namespace {

constexpr std::size_t rule_area_size = std::size_t{64} << 20;

std::size_t round_up(std::size_t size, std::size_t unit) {
    return (size + unit - 1) / unit * unit;
}

int make_segment(const char* name, std::size_t size, std::byte*& memory) {
    const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) throw std::runtime_error("memfd");
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) throw std::runtime_error("mmap");
    memory = static_cast<std::byte*>(mapped);
    return fd;
}

void send_hello(int client, const api::Hello& hello, int evidence_fd, int control_fd) {
    const std::array<int, 2> descriptors{evidence_fd, control_fd};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> buffer{};
    iovec vector{const_cast<api::Hello*>(&hello), sizeof hello};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = buffer.data();
    message.msg_controllen = buffer.size();
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof descriptors);
    std::memcpy(CMSG_DATA(part), descriptors.data(), sizeof descriptors);
    sendmsg(client, &message, MSG_NOSIGNAL);
}

}  // namespace

FakeDataplane::FakeDataplane(const FakeSettings& settings) : settings_(settings) {
    std::string pattern = (std::filesystem::temp_directory_path() / "picket-fake-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
    socket_path_ = (directory_ / "dataplane.sock").string();
    const std::size_t workers_at = round_up(sizeof(api::EvidenceHeader), 4096);
    const std::size_t ports_at = round_up(workers_at + settings.workers * sizeof(api::WorkerArea), 4096);
    const std::size_t costs_at = round_up(ports_at + settings.ports * sizeof(api::PortArea), 4096);
    const std::size_t rings_at = round_up(costs_at + sizeof(api::RuleCostArea), 4096);
    evidence_size_ = rings_at + (settings.workers + 1) * settings.ring_size;
    evidence_fd_ = make_segment("evidence", evidence_size_, evidence_memory_);
    const std::size_t rules_at = round_up(sizeof(api::ControlHeader), 4096);
    control_size_ = rules_at + rule_area_size;
    control_fd_ = make_segment("control", control_size_, control_memory_);
    evidence_ = new (evidence_memory_) api::EvidenceHeader;
    evidence_->header_size = sizeof(api::EvidenceHeader);
    evidence_->total_size = evidence_size_;
    evidence_->workers = settings.workers;
    evidence_->ports = settings.ports;
    evidence_->worker_areas_offset = workers_at;
    evidence_->port_areas_offset = ports_at;
    evidence_->rule_costs_offset = costs_at;
    evidence_->rings_offset = rings_at;
    evidence_->ring_size = settings.ring_size;
    evidence_->worker_area_size = sizeof(api::WorkerArea);
    evidence_->port_area_size = sizeof(api::PortArea);
    evidence_->rule_costs_size = sizeof(api::RuleCostArea);
    evidence_->run_id = settings.run_id;
    evidence_->process_id = static_cast<std::uint64_t>(getpid());
    evidence_->replay = settings.replay ? 1 : 0;
    evidence_->started_utc_ns = 1;
    control_ = new (control_memory_) api::ControlHeader;
    control_->header_size = sizeof(api::ControlHeader);
    control_->total_size = control_size_;
    control_->rule_area_offset = rules_at;
    control_->rule_area_size = rule_area_size;
    for (std::uint32_t i = 0; i < settings.workers; ++i) new (&worker(i)) api::WorkerArea;
    new (&rule_costs()) api::RuleCostArea;
    for (std::uint32_t i = 0; i < settings.ports; ++i) {
        new (&port(i)) api::PortArea;
        std::snprintf(port(i).name.data(), port(i).name.size(), "port-%u", i);
    }
    for (std::uint32_t i = 0; i <= settings.workers; ++i) {
        writers_.emplace_back(evidence_memory_ + rings_at + i * settings.ring_size, settings.ring_size,
                              evidence_->ring_written[i], control_->ring_read[i]);
    }
    evidence_->state =
        static_cast<std::uint32_t>(settings.held ? api::DataplaneState::held : api::DataplaneState::running);
    listener_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path_.c_str(), socket_path_.size() + 1);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, 4) != 0) {
        throw std::runtime_error("bind");
    }
    thread_ = std::thread([this] { serve(); });
}

FakeDataplane::~FakeDataplane() {
    disconnect();
    munmap(evidence_memory_, evidence_size_);
    munmap(control_memory_, control_size_);
    close(evidence_fd_);
    close(control_fd_);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void FakeDataplane::disconnect() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    if (listener_ >= 0) close(listener_);
    listener_ = -1;
    unlink(socket_path_.c_str());
    const int client = client_.exchange(-1);
    if (client >= 0) close(client);
}

api::WorkerArea& FakeDataplane::worker(std::uint32_t index) {
    return reinterpret_cast<api::WorkerArea*>(evidence_memory_ + evidence_->worker_areas_offset)[index];
}

api::PortArea& FakeDataplane::port(std::uint32_t index) {
    return reinterpret_cast<api::PortArea*>(evidence_memory_ + evidence_->port_areas_offset)[index];
}

api::RuleCostArea& FakeDataplane::rule_costs() {
    return *reinterpret_cast<api::RuleCostArea*>(evidence_memory_ + evidence_->rule_costs_offset);
}

void FakeDataplane::serve() {
    while (!stopping_) {
        accept_one();
        const int client = client_;
        char byte = 0;
        if (client >= 0 && recv(client, &byte, 1, MSG_DONTWAIT) == 0) {
            close(client);
            client_ = -1;
        }
        answer_commands();
    }
}

void FakeDataplane::accept_one() {
    pollfd ready{listener_, POLLIN, 0};
    if (poll(&ready, 1, 1) != 1) return;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    api::Hello hello;
    hello.version = settings_.hello_version;
    hello.evidence_size = evidence_size_;
    hello.control_size = control_size_;
    if (client_ >= 0) {
        hello.status = EBUSY;
        send(client, &hello, sizeof hello, MSG_NOSIGNAL);
        close(client);
        return;
    }
    client_ = client;
    send_hello(client, hello, evidence_fd_, control_fd_);
}

void FakeDataplane::answer_commands() {
    auto& taken = evidence_->commands_taken.value;
    const std::uint64_t posted = control_->mailbox.posted.value.load(std::memory_order_acquire);
    while (!mute_ && taken.load() < posted) {
        const api::Command command = control_->mailbox.slots[taken.load() % api::mailbox_slots];
        taken.store(taken.load() + 1, std::memory_order_release);
        {
            const std::lock_guard lock(mutex_);
            commands_.push_back(command);
        }
        answer(command);
    }
}

void FakeDataplane::answer(const api::Command& command) {
    reply(command.id, 0, {});
    if (command.kind == api::CommandKind::load_rules) evidence_->rules_generation = command.generation;
    if (command.kind == api::CommandKind::start) {
        evidence_->state = static_cast<std::uint32_t>(api::DataplaneState::running);
    }
    if (command.kind != api::CommandKind::walk) return;
    std::vector<api::FlowRecord> live;
    {
        const std::lock_guard lock(mutex_);
        live = live_;
    }
    for (auto& flow : live) {
        flow.header.kind = api::EventKind::flow_live;
        flow.header.size = sizeof flow;
        flow.walk_id = command.id;
        write(0, &flow, sizeof flow);
    }
    // Its packet clock is UTC.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    for (std::uint32_t i = 0; i < settings_.workers; ++i) {
        write_note(i, api::EventKind::walk_done, command.id, static_cast<std::uint64_t>(now_ns));
    }
}

void FakeDataplane::reply(std::uint64_t id, int status, std::string_view text) {
    std::vector<std::byte> bytes(api::round_up_8(sizeof(api::ReplyEvent) + text.size()));
    api::ReplyEvent event;
    event.header = {static_cast<std::uint32_t>(bytes.size()), api::EventKind::command_reply,
                    static_cast<std::uint16_t>(settings_.workers), 0};
    event.command_id = id;
    event.status = status;
    event.text_length = static_cast<std::uint32_t>(text.size());
    std::memcpy(bytes.data(), &event, sizeof event);
    if (!text.empty()) std::memcpy(bytes.data() + sizeof event, text.data(), text.size());
    write(settings_.workers, bytes.data(), bytes.size());
}

bool FakeDataplane::write(std::uint32_t ring, const void* event, std::size_t size) {
    const std::lock_guard lock(writers_mutex_);
    std::byte* at = writers_[ring].reserve(size);
    if (at == nullptr) return false;
    std::memcpy(at, event, size);
    writers_[ring].publish();
    return true;
}

bool FakeDataplane::write_flow(std::uint32_t ring, const api::FlowRecord& record) {
    return write(ring, &record, sizeof record);
}

bool FakeDataplane::write_request(std::uint32_t ring, api::RequestEvent event, std::string_view method,
                                  std::string_view uri, std::string_view host) {
    const std::string texts = std::string(method) + std::string(uri) + std::string(host);
    std::vector<std::byte> bytes(api::round_up_8(sizeof event + texts.size()));
    event.header.kind = api::EventKind::http_request;
    event.header.size = static_cast<std::uint32_t>(bytes.size());
    event.texts.method = static_cast<std::uint16_t>(method.size());
    event.texts.uri = static_cast<std::uint16_t>(uri.size());
    event.texts.host = static_cast<std::uint16_t>(host.size());
    std::memcpy(bytes.data(), &event, sizeof event);
    std::memcpy(bytes.data() + sizeof event, texts.data(), texts.size());
    return write(ring, bytes.data(), bytes.size());
}

bool FakeDataplane::write_response(std::uint32_t ring, const api::ResponseEvent& event) {
    api::ResponseEvent copy = event;
    copy.header.kind = api::EventKind::http_response;
    copy.header.size = sizeof copy;
    copy.content_type = 0;
    return write(ring, &copy, sizeof copy);
}

bool FakeDataplane::write_hit(std::uint32_t ring, const api::HitEvent& event) {
    api::HitEvent copy = event;
    copy.header.kind = api::EventKind::rule_hit;
    copy.header.size = sizeof copy;
    return write(ring, &copy, sizeof copy);
}

bool FakeDataplane::write_note(std::uint32_t ring, api::EventKind kind, std::uint64_t value,
                               std::uint64_t time_ns) {
    api::NoteEvent note;
    note.header = {sizeof note, kind, static_cast<std::uint16_t>(ring), time_ns};
    note.value = value;
    return write(ring, &note, sizeof note);
}

void FakeDataplane::set_live_flows(std::vector<api::FlowRecord> flows) {
    const std::lock_guard lock(mutex_);
    live_ = std::move(flows);
}

std::vector<api::Command> FakeDataplane::commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
}

bool FakeDataplane::drained() const {
    for (std::uint32_t i = 0; i <= settings_.workers; ++i) {
        if (control_->ring_read[i].value.load() != evidence_->ring_written[i].value.load()) return false;
    }
    return true;
}

void FakeDataplane::finish() {
    for (std::uint32_t i = 0; i < settings_.workers; ++i) write_note(i, api::EventKind::input_done, 0);
    evidence_->state = static_cast<std::uint32_t>(api::DataplaneState::finished);
}

api::FlowRecord flow_record(std::uint64_t id, std::uint64_t start_ns) {
    constexpr std::array<std::uint8_t, 4> client{10, 0, 0, 1};
    constexpr std::array<std::uint8_t, 4> server{10, 0, 0, 2};
    api::FlowRecord record;
    record.header = {sizeof record, api::EventKind::flow, 0, start_ns};
    record.flow_id = id;
    record.start_ns = record.part_first_ns = start_ns;
    record.part_last_ns = start_ns + 1'000'000;
    record.source = api::ipv4_mapped(client.data());
    record.destination = api::ipv4_mapped(server.data());
    record.source_port = 1000;
    record.destination_port = 80;
    record.protocol = 6;
    record.end_reason = api::EndReason::end_of_flow;
    record.state = api::ConnState::sf;
    record.final = 1;
    record.part = 1;
    for (auto& direction : record.directions) {
        direction.packets = 1;
        direction.bytes = 40;
        direction.first_ns = start_ns;
        direction.last_ns = start_ns + 1'000'000;
    }
    return record;
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace picket::tests
