// What Hyperscan has compiled, kept in a directory by its content, so that a restart need not compile again.
//
// Any number of processes may share a directory: entries are written beside their place and renamed. Nothing
// in it is trusted: an entry that is not ours (owner, rights, kind of file) or is damaged (length, checksum)
// is left out, and one of ours is replaced. A forged entry would be run by the data plane, which is why the
// directory and its files must belong to this user and be writable by nobody else. Nothing here fails for
// good: without the directory everything is compiled, and notes() says why. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controlplane/rules/content_key.h"

namespace picket::rules {

class PatternCache {
  public:
    static constexpr std::uint64_t bytes_max_default = std::uint64_t{256} << 20;

    // directory: made with its parents when something is to be kept; empty: nothing is ever found or kept.
    // bytes_max: of all entries; the ones that were not used for longest go.
    explicit PatternCache(std::string directory, std::uint64_t bytes_max = bytes_max_default);

    // The bytes that were kept under the key.
    std::optional<std::vector<std::byte>> find(const ContentKey& key);
    void keep(const ContentKey& key, std::span<const std::byte> bytes);

    // Sentences about what could not be used, each once; empties the list.
    std::vector<std::string> take_notes();

  private:
    bool open_directory(bool make);
    void note(const std::string& sentence);
    void shrink();

    std::string directory_;
    std::uint64_t bytes_max_;
    bool given_up_ = false;
    std::vector<std::string> notes_;
};

// Where entries are kept if nobody says: $CACHE_DIRECTORY (a service manager's), /var/cache/picket for root,
// else $XDG_CACHE_HOME/picket or ~/.cache/picket; empty if there is no such place.
std::string default_cache_directory();

}  // namespace picket::rules
