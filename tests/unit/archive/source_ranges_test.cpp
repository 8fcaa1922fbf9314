// Cuts of flows by their sources.
#include "controlplane/archive/source_ranges.h"

#include <gtest/gtest.h>

#include <map>

#include "controlplane/archive/column.h"
#include "controlplane/store/address_text.h"
#include "tests/unit/archive/archive_fixtures.h"

namespace picket::archive {
namespace {

class SourceRanges : public ::testing::Test {
  protected:
    // A file whose row i has the source (high, low) of these SQL expressions of i.
    std::string write(const std::string& name, const std::string& high, const std::string& low,
                      unsigned rows) {
        const std::string path = directory_.path() + "/" + name;
        EXPECT_EQ(connection_.run("COPY (SELECT (" + high + ")::UBIGINT AS src_hi, (" + low +
                                  ")::UBIGINT AS src_lo FROM range(" + std::to_string(rows) +
                                  ") AS one(i) ORDER BY ALL) TO " + quoted(path) +
                                  " (FORMAT parquet, ROW_GROUP_SIZE 2048)"),
                  std::nullopt);
        return quoted(path);
    }

    std::uint64_t count(const std::string& list, const std::string& condition) {
        Rows rows = connection_.stream("SELECT count(*)::UBIGINT FROM read_parquet([" + list + "]) WHERE " +
                                       condition);
        duckdb_data_chunk chunk = rows.next();
        if (chunk == nullptr) return UINT64_MAX;
        return *Source{duckdb_data_chunk_get_vector(chunk, 0)}.data<std::uint64_t>();
    }

    // Each row is in one range; returns the numbers of rows.
    std::vector<std::uint64_t> cut(const std::string& list, std::uint64_t rows_max) {
        std::vector<SourceRange> ranges;
        EXPECT_EQ(find_source_ranges(connection_, "[" + list + "]", "true", rows_max, ranges), std::nullopt);
        std::vector<std::uint64_t> counts;
        std::uint64_t sum = 0;
        for (const auto& range : ranges) {
            counts.push_back(count(list, source_condition(range.addresses)));
            sum += counts.back();
        }
        EXPECT_EQ(sum, count(list, "true"));
        EXPECT_EQ(store::format_address(ranges.front().addresses.first), "::");
        EXPECT_EQ(store::format_address(ranges.back().addresses.last),
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        return counts;
    }

    tests::TemporaryDirectory directory_;
    Database database_{{}};
    Connection connection_{database_};
};

TEST_F(SourceRanges, AreOfAboutTheSameSize) {
    std::string list;
    for (const char* name : {"a", "b", "c", "d"}) {
        list += (list.empty() ? "" : ", ") +
                write(name, "0", "281470681743360 + hash(i * 3 + ascii('" + std::string(name) + "')) % 5000",
                      20'000);
    }
    const auto counts = cut(list, 10'000);
    EXPECT_GE(counts.size(), 8U);
    EXPECT_LE(counts.size(), 10U);
    for (const auto rows : counts) EXPECT_LT(rows, 10'500U);
}

TEST_F(SourceRanges, LeaveOneSourceThatHasMoreToItself) {
    const auto counts = cut(write("a", "0", "CASE WHEN i < 30000 THEN 700 ELSE i % 1000 END", 60'000), 5'000);
    EXPECT_EQ(std::count_if(counts.begin(), counts.end(), [](auto rows) { return rows > 6'000; }), 1);
    EXPECT_GE(*std::max_element(counts.begin(), counts.end()), 30'000U);
    EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 30'300U);
}

TEST_F(SourceRanges, CutAddressesOfBothFamilies) {
    cut(write("a", "CASE WHEN i % 2 = 0 THEN 0 ELSE 2306139568115548160 + i // 64 END",
              "CASE WHEN i % 7 = 0 THEN 0 WHEN i % 7 = 1 THEN 18446744073709551615 ELSE hash(i) END", 30'000),
        700);
}

TEST_F(SourceRanges, OfFewRowsIsEverything) {
    EXPECT_EQ(cut(write("a", "0", "i", 5), 100), std::vector<std::uint64_t>{5});
    EXPECT_EQ(cut(write("b", "0", "7", 5), 2), std::vector<std::uint64_t>{5});
}

TEST_F(SourceRanges, TellWhyFilesCannotBeRead) {
    std::vector<SourceRange> ranges;
    EXPECT_TRUE(find_source_ranges(connection_, "['/nowhere']", "true", 10, ranges));
}

}  // namespace
}  // namespace picket::archive
