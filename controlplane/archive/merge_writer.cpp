#include "controlplane/archive/merge_writer.h"

#include <algorithm>
#include <filesystem>

namespace picket::archive {

namespace {

constexpr ParquetSettings merged_settings{"zstd", 122'880};
// Small, and read by each question about addresses: a quarter larger than by zstd, and read in three quarters
// of the time.
constexpr ParquetSettings index_settings{"lz4_raw", 122'880};
// Few rows beside those of destinations, of which a question wants some tens.
constexpr ParquetSettings sources_settings{"lz4_raw", 8192};
constexpr const char* leaving = "picketd is leaving";  // an interrupt between two statements would be lost

// What is known of the merged files before they are written.
FileEntry sum_of(const std::vector<FilePointer>& files) {
    FileEntry sum;
    sum.table = files.front()->entry().table;
    sum.level = files.front()->entry().level + 1;
    sum.first_ns = UINT64_MAX;
    for (const auto& file : files) {
        sum.rows += file->entry().rows;
        sum.first_ns = std::min(sum.first_ns, file->entry().first_ns);
        sum.last_ns = std::max(sum.last_ns, file->entry().last_ns);
    }
    return sum;
}

std::uint64_t rows_of(const std::vector<FileEntry>& files) {
    std::uint64_t rows = 0;
    for (const FileEntry& file : files) rows += file.rows;
    return rows;
}

// As the engine says that a number does not fit.
bool is_too_large(const std::string& failure) {
    return failure.find("Out of Range Error") != std::string::npos ||
           failure.find("Conversion Error") != std::string::npos;
}

}  // namespace

MergeWriter::MergeWriter(Catalog& catalog, Connection& connection, std::uint64_t sorted_rows_max,
                         std::function<bool()> is_stopping)
    : catalog_(catalog),
      connection_(connection),
      sorted_rows_max_(sorted_rows_max),
      is_stopping_(std::move(is_stopping)) {}

Failure MergeWriter::write(const std::vector<FilePointer>& files, std::vector<FileEntry>& merged) {
    const FileEntry whole = sum_of(files);
    const std::string list = file_list(files, whole.table, {}, {});
    fault_point(FaultPoint::merge_begun);
    if (whole.table == Table::flows && whole.rows > sorted_rows_max_)
        return write_ranges(list, whole, merged);
    merged.push_back(whole);
    FileEntry& entry = merged.back();
    if (whole.table != Table::flows) return write_file("FROM read_parquet(" + list + ")", entry);
    if (auto failure = write_file(merged_flows(list, "true", true, merged_settings.row_group_rows), entry))
        return failure;
    const std::string path = catalog_.directory().path_of(entry.name);
    return write_index([&](End end) { return index_of(path, end); }, entry);
}

Failure MergeWriter::write_ranges(const std::string& list, const FileEntry& whole,
                                  std::vector<FileEntry>& merged) {
    const std::uint64_t midnight_ns = midnight_before(whole.last_ns);
    const std::string midnight = "make_timestamp_ns(" + std::to_string(midnight_ns) + ")";
    if (whole.first_ns < midnight_ns) {
        if (auto failure = write_ranges_of(list, "start < " + midnight, whole, merged)) return failure;
    }
    if (rows_of(merged) < whole.rows) {
        FileEntry of_day = whole;
        of_day.first_ns = std::max(whole.first_ns, midnight_ns);
        if (auto failure = write_ranges_of(list, "start >= " + midnight, of_day, merged)) return failure;
    }
    if (rows_of(merged) == whole.rows) return write_index_of_merge(merged);
    return "of " + std::to_string(whole.rows) + " rows of flows " + std::to_string(rows_of(merged)) +
           " arrived in ranges of sources";
}

Failure MergeWriter::write_ranges_of(const std::string& list, const std::string& condition,
                                     const FileEntry& whole, std::vector<FileEntry>& merged) {
    if (is_stopping_()) return leaving;
    std::vector<SourceRange> ranges;
    // Half of what can be sorted: the number of rows is an estimate.
    if (auto failure = find_source_ranges(connection_, list, condition, sorted_rows_max_ / 2, ranges))
        return failure;
    for (const SourceRange& range : ranges) {
        merged.push_back(whole);
        FileEntry& entry = merged.back();
        entry.sources = range.addresses;
        // More are of one source, and stay in the order in which they came.
        const bool sorted = range.rows_about <= sorted_rows_max_;
        const std::string rows = condition + " AND " + source_condition(range.addresses);
        if (auto failure =
                write_file(merged_flows(list, rows, sorted, merged_settings.row_group_rows), entry))
            return failure;
        if (auto failure = count_rows(entry)) return failure;
    }
    return {};
}

Failure MergeWriter::write_file(const std::string& query, FileEntry& entry) {
    entry.name = catalog_.next_name(entry.table, entry.level);
    if (auto failure = publish(query, entry.name, merged_settings, FaultPoint::merge_rows)) return failure;
    fault_point(FaultPoint::merge_published);
    return add_size(entry.name, entry.bytes);
}

Failure MergeWriter::write_index(const std::function<std::string(End)>& query, FileEntry& entry) {
    entry.index = index_name(entry.name);
    entry.sources_apart = true;
    if (auto failure = publish(query(End::destination), entry.index, index_settings, FaultPoint::merge_index))
        return failure;
    if (auto failure = add_size(entry.index, entry.bytes)) return failure;
    const std::string sources = sources_name(entry.index);
    if (auto failure = publish(query(End::source), sources, sources_settings, FaultPoint::merge_sources)) {
        if (!is_too_large(*failure)) return failure;
        // Rows have to be merged all the same.
        catalog_.directory().forget(sources);
        return {};
    }
    entry.amounts = true;
    fault_point(FaultPoint::merge_files);
    return add_size(sources, entry.bytes);
}

Failure MergeWriter::write_index_of_merge(std::vector<FileEntry>& merged) {
    const auto query = [&](End end) { return index_of_merge(catalog_.directory(), merged, end); };
    if (auto failure = write_index(query, merged.front())) return failure;
    for (FileEntry& entry : merged) {
        entry.merge_index = merged.front().index;
        entry.amounts = merged.front().amounts;
        entry.sources_apart = merged.front().sources_apart;
    }
    return {};
}

Failure MergeWriter::publish(const std::string& query, const std::string& name,
                             const ParquetSettings& settings, FaultPoint written) {
    DurableDirectory& directory = catalog_.directory();
    if (is_stopping_()) return leaving;
    if (auto failure = write_parquet(connection_, query, directory.temporary_of(name), settings))
        return failure;
    fault_point(written);
    return directory.publish(name);
}

Failure MergeWriter::add_size(const std::string& name, std::uint64_t& bytes) {
    const std::string path = catalog_.directory().path_of(name);
    std::error_code unknown;
    const auto size = std::filesystem::file_size(path, unknown);
    if (unknown) return path + " cannot be measured: " + unknown.message();
    bytes += size;
    return {};
}

Failure MergeWriter::count_rows(FileEntry& entry) {
    Rows rows = connection_.stream("SELECT count(*)::UBIGINT FROM read_parquet(" +
                                   quoted(catalog_.directory().path_of(entry.name)) + ")");
    if (duckdb_data_chunk chunk = rows.next())
        entry.rows = *Source{duckdb_data_chunk_get_vector(chunk, 0)}.data<std::uint64_t>();
    return rows.failure();
}

}  // namespace picket::archive
