// A column of the archive: its name and type in files, and how its values leave a row and come back to it.
//
// A table is a list of columns over one row type; writer and reader go through it column by column, so that
// the list is the schema and nothing else knows it. Both functions are loops over one type: no call a value.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "dataplane/api/abi.h"

namespace picket::archive {

// Rows from `offset` on of a vector that is written.
struct Target {
    duckdb_vector vector = nullptr;
    idx_t offset = 0;

    template <typename T>
    [[nodiscard]] T* data() const noexcept {
        return static_cast<T*>(duckdb_vector_get_data(vector)) + offset;
    }
};

// A vector that is read from its beginning.
struct Source {
    duckdb_vector vector = nullptr;

    template <typename T>
    [[nodiscard]] const T* data() const noexcept {
        return static_cast<const T*>(duckdb_vector_get_data(vector));
    }
};

template <typename Row>
struct Column {
    std::string name;
    duckdb_type type = DUCKDB_TYPE_INVALID;
    duckdb_type element = DUCKDB_TYPE_INVALID;  // of a list
    void (*write)(std::span<const Row> rows, const Target& target) = nullptr;
    void (*read)(const Source& source, std::span<Row> rows) = nullptr;
};

template <typename T>
constexpr duckdb_type type_of() noexcept {
    if constexpr (std::is_enum_v<T>) {
        return type_of<std::underlying_type_t<T>>();
    } else if constexpr (std::is_same_v<T, std::uint8_t>) {
        return DUCKDB_TYPE_UTINYINT;
    } else if constexpr (std::is_same_v<T, std::uint16_t>) {
        return DUCKDB_TYPE_USMALLINT;
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
        return DUCKDB_TYPE_UINTEGER;
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
        return DUCKDB_TYPE_UBIGINT;
    } else {
        static_assert(std::is_same_v<T, std::int64_t>, "the archive has no column type for this one");
        return DUCKDB_TYPE_BIGINT;
    }
}

// field(row) is a reference to a number, or an enumeration, of the row.
template <typename Row, typename Field>
Column<Row> number(std::string name, Field) {
    using T = std::remove_cvref_t<decltype(Field{}(std::declval<Row&>()))>;
    return {std::move(name), type_of<T>(), DUCKDB_TYPE_INVALID,
            [](std::span<const Row> rows, const Target& target) {
                T* out = target.data<T>();
                for (std::size_t i = 0; i < rows.size(); ++i) out[i] = Field{}(rows[i]);
            },
            [](const Source& source, std::span<Row> rows) {
                const T* in = source.data<T>();
                for (std::size_t i = 0; i < rows.size(); ++i) Field{}(rows[i]) = in[i];
            }};
}

// A signed number that is computed: get(row), set(row, value).
template <typename Row, typename Get, typename Set>
Column<Row> computed(std::string name, Get, Set, duckdb_type type = DUCKDB_TYPE_BIGINT) {
    return {std::move(name), type, DUCKDB_TYPE_INVALID,
            [](std::span<const Row> rows, const Target& target) {
                auto* out = target.data<std::int64_t>();
                for (std::size_t i = 0; i < rows.size(); ++i) out[i] = Get{}(rows[i]);
            },
            [](const Source& source, std::span<Row> rows) {
                const auto* in = source.data<std::int64_t>();
                for (std::size_t i = 0; i < rows.size(); ++i) Set{}(rows[i], in[i]);
            }};
}

// The same where a row may have none, which is NULL in files: get(row) is optional, set is not called.
template <typename Row, typename Get, typename Set>
Column<Row> optional_number(std::string name, Get, Set) {
    return {std::move(name), DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_INVALID,
            [](std::span<const Row> rows, const Target& target) {
                auto* out = target.data<std::int64_t>();
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    const std::optional<std::int64_t> value = Get{}(rows[i]);
                    out[i] = value.value_or(0);
                    if (value) continue;
                    duckdb_vector_ensure_validity_writable(target.vector);
                    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(target.vector),
                                                    target.offset + i);
                }
            },
            [](const Source& source, std::span<Row> rows) {
                const auto* in = source.data<std::int64_t>();
                std::uint64_t* valid = duckdb_vector_get_validity(source.vector);
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    if (valid == nullptr || duckdb_validity_row_is_valid(valid, i)) Set{}(rows[i], in[i]);
                }
            }};
}

// get(row) is a view, set(row, view). BLOB for what comes from the wire: VARCHAR has to be UTF-8.
template <typename Row, typename Get, typename Set>
Column<Row> text(std::string name, Get, Set, duckdb_type type = DUCKDB_TYPE_BLOB) {
    return {std::move(name), type, DUCKDB_TYPE_INVALID,
            [](std::span<const Row> rows, const Target& target) {
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    const std::string_view value = Get{}(rows[i]);
                    duckdb_vector_assign_string_element_len(target.vector, target.offset + i, value.data(),
                                                            value.size());
                }
            },
            [](const Source& source, std::span<Row> rows) {
                const auto* in = source.data<duckdb_string_t>();
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    duckdb_string_t value = in[i];
                    Set{}(rows[i],
                          std::string_view(duckdb_string_t_data(&value), duckdb_string_t_length(value)));
                }
            }};
}

// get(row) is a span of 32-bit numbers, set(row, span).
template <typename Row, typename Get, typename Set>
Column<Row> number_list(std::string name, Get, Set) {
    return {std::move(name), DUCKDB_TYPE_LIST, DUCKDB_TYPE_UINTEGER,
            [](std::span<const Row> rows, const Target& target) {
                auto* entries = target.data<duckdb_list_entry>();
                idx_t used = target.offset == 0 ? 0 : duckdb_list_vector_get_size(target.vector);
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    const std::span<const std::uint32_t> values = Get{}(rows[i]);
                    entries[i] = {used, values.size()};
                    if (values.empty()) continue;
                    duckdb_list_vector_reserve(target.vector, used + values.size());
                    auto* child = static_cast<std::uint32_t*>(
                        duckdb_vector_get_data(duckdb_list_vector_get_child(target.vector)));
                    for (const std::uint32_t value : values) child[used++] = value;
                }
                duckdb_list_vector_set_size(target.vector, used);
            },
            [](const Source& source, std::span<Row> rows) {
                const auto* entries = source.data<duckdb_list_entry>();
                const auto* child = static_cast<const std::uint32_t*>(
                    duckdb_vector_get_data(duckdb_list_vector_get_child(source.vector)));
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    if (entries[i].length > 0)
                        Set{}(rows[i], std::span(child + entries[i].offset, entries[i].length));
                }
            }};
}

// The halves of an address as a number each, the first in network order the more significant: IPv4 is
// 0 and 0xffff00000000 + a.b.c.d, so that networks are ranges of numbers and statistics prune.
[[nodiscard]] inline std::uint64_t address_half(const api::Address& address, bool low) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, address.bytes.data() + (low ? 8 : 0), sizeof value);
    return __builtin_bswap64(value);
}

inline void set_address_half(api::Address& address, bool low, std::uint64_t value) noexcept {
    value = __builtin_bswap64(value);
    std::memcpy(address.bytes.data() + (low ? 8 : 0), &value, sizeof value);
}

template <typename Row, typename Field, bool low>
Column<Row> half_address(std::string name) {
    return {std::move(name), DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_INVALID,
            [](std::span<const Row> rows, const Target& target) {
                auto* out = target.data<std::uint64_t>();
                for (std::size_t i = 0; i < rows.size(); ++i) out[i] = address_half(Field{}(rows[i]), low);
            },
            [](const Source& source, std::span<Row> rows) {
                const auto* in = source.data<std::uint64_t>();
                for (std::size_t i = 0; i < rows.size(); ++i) set_address_half(Field{}(rows[i]), low, in[i]);
            }};
}

// Two columns, NAME_hi and NAME_lo.
template <typename Row, typename Field>
void add_address(std::vector<Column<Row>>& columns, const std::string& name, Field) {
    columns.push_back(half_address<Row, Field, false>(name + "_hi"));
    columns.push_back(half_address<Row, Field, true>(name + "_lo"));
}

}  // namespace picket::archive
