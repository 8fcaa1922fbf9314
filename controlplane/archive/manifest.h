// What an archive holds: its files, the times that were watched, the rules that its rows name.
//
// Plain value; as JSON it is the file manifest.json, by which alone a file belongs to the archive.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/abi.h"

namespace picket::archive {

inline constexpr unsigned schema_version = 2;  // 1: sources_apart was not known
inline constexpr const char* manifest_name = "manifest.json";

enum class Table : std::uint8_t { flows, requests, responses, hits, alerts, coverage, packets };
inline constexpr std::size_t table_count = 7;
inline constexpr std::array<std::string_view, table_count> table_names{
    "flows", "requests", "responses", "hits", "alerts", "coverage", "packets"};

// From `first` to `last`, both included.
struct AddressRange {
    api::Address first;
    api::Address last;
    bool operator==(const AddressRange&) const = default;
};

struct FileEntry {
    std::string name;  // within the archive's directory
    Table table = Table::flows;
    unsigned level = 0;  // 0: as flushed; higher: merged from files of the level below
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_ns = 0;  // of all rows: the earliest start and the latest end
    std::uint64_t last_ns = 0;
    std::string index;  // name of the index of addresses that comes and goes with it, empty if it has none
    // Of flows, where one merge made several files: all its rows of these sources, and of no others.
    std::optional<AddressRange> sources;
    // Then one index tells the addresses of all of them. The first one's `index` is this one as well.
    std::string merge_index{};
    bool amounts = false;  // the index tells what flows of one part add up to, by their source
    // The index has destinations alone: what is told of sources is in a file of its own, sources_name().
    bool sources_apart = false;
};

// Of a file that is named so, and of an index.
[[nodiscard]] std::string index_name(const std::string& file);
[[nodiscard]] std::string sources_name(const std::string& index);
// Names of what comes and goes with a file beside its rows.
[[nodiscard]] std::vector<std::string> index_files(const FileEntry& file);

// From `begin` to `end` everything that crossed the sensor is in the archive, or counted as lost.
struct Session {
    std::uint64_t begin_ns = 0;
    std::uint64_t end_ns = 0;
    std::uint64_t run = 0;  // of the data plane
    bool closed = false;    // false: it lasts, or its picketd was killed after `end`
};

// A generation of rules that rows refer to; its text is a file of its own.
struct RuleSet {
    std::uint32_t generation = 0;  // as rows name it, unique within the archive
    std::uint32_t number = 0;      // as the data plane knew it
    std::string file;
};

// A watch list as it was last.
struct WatchFile {
    std::string name;
    std::string file;
    bool by_hand = false;  // no configuration names it: it was loaded while picketd ran
};

struct Manifest {
    unsigned schema = schema_version;
    std::string sensor;
    bool replay = false;           // of captures: no time is blind, and 'now' is their last packet
    std::uint64_t latest_ns = 0;   // the newest packet
    std::uint64_t horizon_ns = 0;  // rows that ended before this were removed with their time; 0: none
    std::uint64_t next_file = 1;
    std::vector<FileEntry> files;  // of each table in the order in which its rows came
    std::vector<Session> sessions;
    std::vector<RuleSet> rule_sets;
    std::vector<WatchFile> watch_lists;
};

[[nodiscard]] std::string manifest_text(const Manifest& manifest);

// Nothing wrong: an empty sentence. A newer schema is refused.
[[nodiscard]] std::string parse_manifest(std::string_view text, Manifest& manifest);

}  // namespace picket::archive
