#include "controlplane/drain/dataplane_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace picket::drain {

namespace {

constexpr int hello_timeout_ms = 2'000;

struct Received {
    ssize_t bytes = -1;
    int error = 0;
    api::Hello hello;
    std::array<int, 2> descriptors{-1, -1};
    std::size_t descriptor_count = 0;
};

// One message with its descriptors. Whatever descriptors come beyond two are closed by the kernel, since
// there is no room for them in the control buffer.
Received receive_hello(int socket) {
    Received received;
    pollfd ready{socket, POLLIN, 0};
    if (poll(&ready, 1, hello_timeout_ms) != 1) {
        received.error = ETIMEDOUT;
        return received;
    }
    iovec vector{&received.hello, sizeof received.hello};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    received.bytes = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (received.bytes < 0) {
        received.error = errno;
        return received;
    }
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        received.descriptor_count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        std::memcpy(received.descriptors.data(), CMSG_DATA(part), received.descriptor_count * sizeof(int));
    }
    return received;
}

void close_all(const Received& received) {
    for (const int fd : received.descriptors) {
        if (fd >= 0) close(fd);
    }
}

int open_socket(const std::string& path, int& error) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        error = ENAMETOOLONG;
        return -1;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (socket < 0 || ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        error = errno;
        if (socket >= 0) close(socket);
        return -1;
    }
    return socket;
}

}  // namespace

DataplaneLink::~DataplaneLink() {
    disconnect();
}

LinkResult DataplaneLink::connect(const std::string& path, std::string& error) {
    disconnect();
    int code = 0;
    const int socket = open_socket(path, code);
    const std::string at = "data plane at " + path + ": ";
    if (socket < 0) {
        const bool may_come = code == ENOENT || code == ECONNREFUSED || code == EAGAIN || code == EINTR;
        error = at + std::strerror(code) +
                (code == EACCES ? "; run picketd as a user who may open the socket (group picket)"
                                : "; start picket-dataplane, or check the path");
        return may_come ? LinkResult::absent : LinkResult::refused;
    }
    const Received received = receive_hello(socket);
    const auto fail = [&](LinkResult result, const std::string& why) {
        close_all(received);
        close(socket);
        error = at + why;
        return result;
    };
    if (received.bytes <= 0) {
        return fail(LinkResult::absent, received.bytes == 0 ? "it closed the connection without a greeting"
                                                            : std::strerror(received.error));
    }
    if (received.bytes < static_cast<ssize_t>(sizeof received.hello) ||
        received.hello.magic != api::evidence_magic) {
        return fail(LinkResult::refused, "whoever listens there is not picket-dataplane; check the path");
    }
    if (received.hello.version != api::abi_version) {
        return fail(LinkResult::refused, other_version_sentence(received.hello.version));
    }
    if (received.hello.status != 0) {
        const bool busy = received.hello.status == EBUSY;
        return fail(busy ? LinkResult::busy : LinkResult::refused,
                    busy ? "another picketd is connected to it; stop that one first"
                         : std::strerror(received.hello.status));
    }
    if (received.descriptor_count != 2) return fail(LinkResult::refused, "it handed over no shared memory");
    std::string why;
    segments_ = Segments::map(received.descriptors[0], received.descriptors[1], why);
    if (!segments_) {
        close(socket);
        error = at + why;
        return LinkResult::refused;
    }
    socket_ = socket;
    return LinkResult::connected;
}

void DataplaneLink::disconnect() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
    segments_.reset();
}

bool DataplaneLink::alive() {
    if (socket_ < 0) return false;
    std::array<char, 64> ignored{};
    const ssize_t bytes = recv(socket_, ignored.data(), ignored.size(), MSG_DONTWAIT);
    return bytes > 0 || (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

}  // namespace picket::drain
