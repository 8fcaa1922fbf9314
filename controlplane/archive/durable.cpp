#include "controlplane/archive/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace picket::archive {

namespace {

class Descriptor {
  public:
    Descriptor(const std::string& path, int flags) : number_(open(path.c_str(), flags | O_CLOEXEC, 0640)) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_;
};

Failure failed(const std::string& path, const char* what) {
    return path + " cannot be " + what + ": " + std::strerror(errno);
}

Failure sync(const std::string& path, int flags) {
    const Descriptor descriptor(path, flags);
    if (descriptor.number() < 0 || fsync(descriptor.number()) != 0) return failed(path, "synced");
    return {};
}

}  // namespace

Failure DurableDirectory::publish(const std::string& name) {
    const std::string temporary = temporary_of(name);
    step("sync file");
    if (auto failure = sync(temporary, O_RDONLY)) return failure;
    step("rename");
    if (rename(temporary.c_str(), path_of(name).c_str()) != 0) return failed(temporary, "renamed");
    step("sync directory");
    return sync(path_, O_RDONLY | O_DIRECTORY);
}

Failure DurableDirectory::write(const std::string& name, std::string_view text) {
    const std::string temporary = temporary_of(name);
    step("write");
    {
        const Descriptor descriptor(temporary, O_WRONLY | O_CREAT | O_TRUNC);
        if (descriptor.number() < 0) return failed(temporary, "made");
        while (!text.empty()) {
            const ssize_t written = ::write(descriptor.number(), text.data(), text.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return failed(temporary, "written");
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    return publish(name);
}

void DurableDirectory::forget(const std::string& name) {
    unlink(temporary_of(name).c_str());
}

Failure read_text(const std::string& path, std::string& text) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) return failed(path, "read");
    std::ostringstream content;
    content << file.rdbuf();
    text = std::move(content).str();
    return {};
}

}  // namespace picket::archive
