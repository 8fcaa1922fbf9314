#include "dataplane/housekeeping/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "dataplane/api/setup_error.h"

namespace picket::housekeeping {
namespace {

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        throw SetupError("socket " + path, "the path is empty or longer than 107 bytes",
                         "choose a shorter path", 2);
    }
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

bool somebody_listens(const sockaddr_un& address) {
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    const bool alive =
        connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
    close(fd);
    return alive;
}

}  // namespace

Listener::Listener(const std::string& path, const Segments& segments) : path_(path), segments_(&segments) {
    const sockaddr_un address = address_of(path);
    if (somebody_listens(address)) {
        throw SetupError("socket " + path, "another picket-dataplane listens there",
                         "stop it, or choose another socket");
    }
    unlink(path.c_str());
    listen_fd_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // Group members may connect: picketd runs as another user than the data plane.
    const mode_t before = umask(0117);
    const bool bound =
        listen_fd_ >= 0 && bind(listen_fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int error = errno;
    umask(before);
    if (!bound || listen(listen_fd_, 4) != 0) {
        const std::string why = std::strerror(bound ? errno : error);
        if (listen_fd_ >= 0) close(listen_fd_);
        throw SetupError("socket " + path, "cannot listen: " + why,
                         "check that the directory exists and is yours");
    }
}

Listener::~Listener() {
    if (peer_fd_ >= 0) close(peer_fd_);
    if (listen_fd_ >= 0) {
        close(listen_fd_);
        unlink(path_.c_str());
    }
}

void Listener::greet(int fd, int status) const noexcept {
    api::Hello hello;
    hello.status = status;
    hello.evidence_size = segments_->evidence_bytes();
    hello.control_size = segments_->control_bytes();
    iovec part{&hello, sizeof hello};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const std::array<int, 2> fds{segments_->evidence_fd(), segments_->control_fd()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fds)> room{};
    if (status == 0) {
        message.msg_control = room.data();
        message.msg_controllen = room.size();
        cmsghdr* attached = CMSG_FIRSTHDR(&message);
        attached->cmsg_level = SOL_SOCKET;
        attached->cmsg_type = SCM_RIGHTS;
        attached->cmsg_len = CMSG_LEN(sizeof fds);
        std::memcpy(CMSG_DATA(attached), fds.data(), sizeof fds);
    }
    // A peer that is gone already shows at the next poll.
    [[maybe_unused]] const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

Listener::Change Listener::poll() noexcept {
    if (peer_fd_ >= 0) {
        std::array<char, 16> ignored;
        const ssize_t got = recv(peer_fd_, ignored.data(), ignored.size(), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            close(peer_fd_);
            peer_fd_ = -1;
            return Change::disconnected;
        }
    }
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return Change::none;
    if (peer_fd_ >= 0) {
        greet(fd, EBUSY);
        close(fd);
        return Change::none;
    }
    peer_fd_ = fd;
    greet(fd, 0);
    return Change::connected;
}

}  // namespace picket::housekeeping
