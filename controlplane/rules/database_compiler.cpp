#include "controlplane/rules/database_compiler.h"

#include <hs/hs.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "controlplane/rules/engine_identity.h"
#include "dataplane/api/setup_error.h"

namespace picket::rules {
namespace {

std::vector<std::byte> serialize(const hs_database_t* database) {
    char* bytes = nullptr;
    std::size_t size = 0;
    if (hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) {
        throw SetupError("rules", "Hyperscan cannot serialize the pattern database", "check the free memory");
    }
    const auto* first = reinterpret_cast<const std::byte*>(bytes);
    std::vector<std::byte> copy(first, first + size);
    std::free(bytes);
    return copy;
}

// kept: indices of the expressions to compile. Nothing, and which of them is at fault, if Hyperscan refuses.
std::optional<std::vector<std::byte>> attempt(const std::vector<Expression>& expressions,
                                              const std::vector<std::size_t>& kept, unsigned flags_all,
                                              std::size_t& fault_at) {
    std::vector<const char*> patterns;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;
    for (const std::size_t index : kept) {
        ids.push_back(static_cast<unsigned>(ids.size()));
        patterns.push_back(expressions[index].pattern.c_str());
        flags.push_back(expressions[index].flags | flags_all);
    }
    hs_database_t* database = nullptr;
    hs_compile_error_t* fault = nullptr;
    if (hs_compile_multi(patterns.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()),
                         HS_MODE_BLOCK, nullptr, &database, &fault) == HS_SUCCESS) {
        std::vector<std::byte> bytes = serialize(database);
        hs_free_database(database);
        return bytes;
    }
    const int expression = fault->expression;
    const std::string reason = fault->message;
    hs_free_compile_error(fault);
    if (expression < 0 || static_cast<std::size_t>(expression) >= kept.size()) {
        throw SetupError("rules", "Hyperscan cannot compile the patterns: " + reason,
                         "use a processor with SSSE3, or fewer rules");
    }
    fault_at = static_cast<std::size_t>(expression);
    return std::nullopt;
}

ContentKey key_of(const std::vector<Expression>& expressions, unsigned flags_all) {
    ContentHasher hasher;
    hasher.add(std::string_view("database"));
    add_engine(hasher);
    hasher.add(HS_MODE_BLOCK);
    hasher.add(flags_all);
    for (const Expression& expression : expressions) {
        hasher.add(expression.flags);
        hasher.add(std::string_view(expression.pattern));
    }
    return hasher.finish();
}

// As kept: number of the refused, their indices, the database.
std::vector<std::byte> pack(const FilterDatabase& database) {
    std::vector<std::uint64_t> words{database.refused.size()};
    words.insert(words.end(), database.refused.begin(), database.refused.end());
    const auto head = std::as_bytes(std::span(words));
    std::vector<std::byte> bytes(head.begin(), head.end());
    bytes.insert(bytes.end(), database.bytes.begin(), database.bytes.end());
    return bytes;
}

std::optional<FilterDatabase> unpack(const std::vector<std::byte>& bytes, std::size_t expressions) {
    const auto word = [&](std::size_t index) {
        std::uint64_t value = 0;
        std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
        return value;
    };
    const std::size_t words = bytes.size() / sizeof(std::uint64_t);
    if (words == 0 || word(0) > expressions || word(0) >= words) return std::nullopt;
    FilterDatabase database;
    database.from_cache = true;
    for (std::size_t i = 1; i <= word(0); ++i) {
        if (word(i) >= expressions) return std::nullopt;
        database.refused.push_back(word(i));
    }
    const std::size_t head = (1 + word(0)) * sizeof(std::uint64_t);
    database.bytes.assign(bytes.begin() + static_cast<std::ptrdiff_t>(head), bytes.end());
    return database;
}

}  // namespace

FilterDatabase compile_database(const std::vector<Expression>& expressions, unsigned flags_all,
                                PatternCache* cache) {
    FilterDatabase result;
    if (expressions.empty()) return result;
    const ContentKey key = key_of(expressions, flags_all);
    if (cache != nullptr) {
        if (const auto found = cache->find(key)) {
            if (auto database = unpack(*found, expressions.size())) return std::move(*database);
        }
    }
    std::vector<std::size_t> kept(expressions.size());
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i;
    while (!kept.empty()) {
        std::size_t fault_at = 0;
        if (auto bytes = attempt(expressions, kept, flags_all, fault_at)) {
            result.bytes = std::move(*bytes);
            break;
        }
        result.refused.push_back(kept[fault_at]);
        kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(fault_at));
    }
    std::ranges::sort(result.refused);
    if (cache != nullptr) cache->keep(key, pack(result));
    return result;
}

}  // namespace picket::rules
