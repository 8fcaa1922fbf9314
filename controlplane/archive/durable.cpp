#include "controlplane/archive/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "controlplane/archive/fault.h"

namespace picket::archive {

namespace {

class Descriptor {
  public:
    Descriptor(int directory, const std::string& name, int flags)
        : number_(openat(directory, name.c_str(), flags | O_CLOEXEC, 0640)) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_;
};

bool sync_at(int directory, const std::string& name, int flags) {
    const Descriptor descriptor(directory, name, flags);
    return descriptor.number() >= 0 && fsync(descriptor.number()) == 0;
}

Failure failed(const std::string& path, const char* what) {
    return path + " cannot be " + what + ": " + std::strerror(errno);
}

}  // namespace

DirectoryHandle::~DirectoryHandle() {
    close(descriptor_);
}

void DirectoryHandle::remove(const std::string& name) const noexcept {
    unlinkat(descriptor_, name.c_str(), 0);
}

Failure DurableDirectory::make() const {
    std::error_code failure;
    std::filesystem::path existing = std::filesystem::absolute(path_, failure).lexically_normal();
    while (!existing.empty() && existing != existing.root_path() &&
           !std::filesystem::exists(existing, failure))
        existing = existing.parent_path();
    std::filesystem::create_directories(path_, failure);
    if (failure) return path_ + " cannot be made: " + failure.message();
    std::filesystem::path made = std::filesystem::absolute(path_, failure).lexically_normal();
    while (made != existing && made.has_relative_path()) {
        made = made.parent_path();
        if (!sync_at(AT_FDCWD, made, O_RDONLY | O_DIRECTORY)) return failed(made, "synced");
    }
    return {};
}

Failure DurableDirectory::open() {
    const int descriptor = ::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failed(path_, "opened");
    auto handle = std::make_shared<const DirectoryHandle>(descriptor);
    const std::lock_guard lock(mutex_);
    handle_ = std::move(handle);
    return {};
}

bool DurableDirectory::is_gone() const {
    struct stat opened {};
    struct stat found {};
    const auto handle = this->handle();
    if (!handle || fstat(handle->descriptor(), &opened) != 0 || stat(path_.c_str(), &found) != 0) return true;
    return opened.st_ino != found.st_ino || opened.st_dev != found.st_dev;
}

Failure DurableDirectory::publish(const std::string& name) {
    const auto handle = this->handle();
    const int directory = handle->descriptor();
    const std::string temporary = name + temporary_end;
    if (!sync_at(directory, temporary, O_RDONLY)) return failed(path_of(temporary), "synced");
    fault_point(FaultPoint::file_synced);
    if (renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)
        return failed(path_of(temporary), "renamed");
    fault_point(FaultPoint::file_renamed);
    if (!sync_at(directory, ".", O_RDONLY | O_DIRECTORY)) return failed(path_, "synced");
    fault_point(FaultPoint::file_published);
    return {};
}

Failure DurableDirectory::write(const std::string& name, std::string_view text) {
    {
        const Descriptor descriptor(handle()->descriptor(), name + temporary_end,
                                    O_WRONLY | O_CREAT | O_TRUNC);
        if (descriptor.number() < 0) return failed(temporary_of(name), "made");
        fault_point(FaultPoint::file_made);
        while (!text.empty()) {
            const ssize_t written = ::write(descriptor.number(), text.data(), text.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return failed(temporary_of(name), "written");
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    fault_point(FaultPoint::file_written);
    return publish(name);
}

void DurableDirectory::forget(const std::string& name) {
    handle()->remove(name + temporary_end);
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
