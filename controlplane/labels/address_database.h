// What an operator's MaxMind DB file says of an address: its country, or the autonomous system that it
// belongs to.
//
// Read through libmaxminddb. No database comes with Picket. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/api/abi.h"

struct MMDB_s;

namespace picket::labels {

class AddressDatabase {
  public:
    // Throws SetupError if the file cannot be read, or is no such database.
    explicit AddressDatabase(const std::string& path);
    ~AddressDatabase();
    AddressDatabase(const AddressDatabase&) = delete;
    AddressDatabase& operator=(const AddressDatabase&) = delete;

    struct System {
        std::uint32_t number = 0;
        std::string organisation;  // may be empty
    };
    // Nothing where the database does not say, or is damaged there.
    [[nodiscard]] std::optional<System> system_of(const api::Address& address) const;
    [[nodiscard]] std::optional<std::string> country_of(const api::Address& address) const;  // ISO 3166-1

  private:
    std::unique_ptr<MMDB_s> database_;
};

}  // namespace picket::labels
