#include "controlplane/archive/watch_texts.h"

#include <algorithm>

#include "controlplane/store/address_text.h"

namespace picket::archive {

namespace {

std::string text_of(const store::NetworkSet& list) {
    std::string text;
    for (const auto& network : list.entries()) text += store::format_network(network) + "\n";
    return text;
}

// FNV-1a: a list that has changed is another file.
std::string file_of(const std::string& name, const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : name + "\n" + text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    return "watch-" + std::to_string(hash) + ".txt";
}

}  // namespace

void WatchTexts::load(const DurableDirectory& directory, const std::vector<WatchFile>& files,
                      std::vector<std::string>& notes) {
    written_.clear();  // another directory may lack them
    const std::lock_guard lock(mutex_);
    for (const auto& file : files) {
        std::string text;
        if (const auto failure = read_text(directory.path_of(file.file), text)) {
            notes.push_back("the watch list " + file.name + " is not known: " + *failure);
            continue;
        }
        texts_[file.name] = std::move(text);
        if (file.by_hand) by_hand_.insert(file.name);
    }
}

Failure WatchTexts::write(DurableDirectory& directory, std::vector<WatchFile>& files) {
    if (!present_) return {};
    const Lists lists = present_();
    for (const auto& [name, list] : lists) {
        const auto before = written_.find(name);
        if (before != written_.end() && before->second == list) continue;
        const std::string text = text_of(*list);
        const std::string file = file_of(name, text);
        const bool known = std::any_of(files.begin(), files.end(),
                                       [&](const WatchFile& other) { return other.file == file; });
        if (!known) {
            if (auto failure = directory.write(file, text)) return failure;
        }
        std::erase_if(files, [&name = name](const WatchFile& other) { return other.name == name; });
        files.push_back({name, file, !configured_.contains(name)});
        written_[name] = list;
    }
    std::erase_if(written_, [&](const auto& other) { return !lists.contains(other.first); });
    const std::lock_guard lock(mutex_);
    for (const auto& [name, list] : lists) by_hand_.erase(name);
    std::erase_if(files, [&](const WatchFile& other) {
        return !lists.contains(other.name) && !by_hand_.contains(other.name);
    });
    return {};
}

std::map<std::string, std::string> WatchTexts::texts() const {
    const std::lock_guard lock(mutex_);
    return texts_;
}

std::map<std::string, std::string> WatchTexts::by_hand() const {
    auto texts = this->texts();
    const std::lock_guard lock(mutex_);
    std::erase_if(texts, [&](const auto& list) { return !by_hand_.contains(list.first); });
    return texts;
}

}  // namespace picket::archive
