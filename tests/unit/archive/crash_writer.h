// A process that writes known rows to an archive, tells what is committed, and ends as it is told to.
//
// Row i of each table, from 1 on, is made of its number, so that whoever reads them knows which are there.
// Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "controlplane/archive/archive.h"
#include "controlplane/archive/manifest.h"

namespace picket::tests {

// Rows of each table.
using RowCounts = std::array<std::uint64_t, archive::table_count>;

struct Life {
    std::string fault;                   // as PICKET_FAULT; empty: none
    std::chrono::microseconds after{0};  // killed so much later; 0: not at a time
    std::function<void()> before_kill;   // called at that time
    RowCounts kept{};                    // rows that are there already, of each table
    std::uint64_t rows = 0;              // the last number of all tables
    std::uint64_t bytes_max = 0;         // the oldest files beyond that are removed; 0: none
    std::uint64_t rows_a_flush = 40;
    std::uint64_t sorted_rows_max = 1000;  // flows that a merge makes one file of
};

struct Death {
    bool killed = false;       // else it has ended in order
    RowCounts acknowledged{};  // rows that it said are committed
};

// In a process of its own.
[[nodiscard]] Death live(const std::string& directory, const Life& life);

// The settings that it writes with.
[[nodiscard]] archive::ArchiveSettings crash_settings(const std::string& directory, const Life& life);
// Adds what is missing of the rows up to life.rows.
void add_rows(archive::Archive& archive, const Life& life);

}  // namespace picket::tests
