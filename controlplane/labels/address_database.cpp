#include "controlplane/labels/address_database.h"

#include <maxminddb.h>
#include <netinet/in.h>

#include <cstring>

#include "dataplane/api/setup_error.h"

namespace picket::labels {

namespace {

// The entry of the address; nothing if there is none.
std::optional<MMDB_entry_s> entry_of(const MMDB_s& database, const api::Address& address) {
    sockaddr_in6 ipv6{};
    sockaddr_in ipv4{};
    const sockaddr* end = reinterpret_cast<const sockaddr*>(&ipv6);
    if (address.is_ipv4()) {
        ipv4.sin_family = AF_INET;
        std::memcpy(&ipv4.sin_addr, address.bytes.data() + 12, sizeof ipv4.sin_addr);
        end = reinterpret_cast<const sockaddr*>(&ipv4);
    } else {
        ipv6.sin6_family = AF_INET6;
        std::memcpy(&ipv6.sin6_addr, address.bytes.data(), sizeof ipv6.sin6_addr);
    }
    int failure = MMDB_SUCCESS;
    const MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&database, end, &failure);
    if (failure != MMDB_SUCCESS || !found.found_entry) return std::nullopt;
    return found.entry;
}

template <typename... Keys>
std::optional<MMDB_entry_data_s> value_at(MMDB_entry_s entry, Keys... keys) {
    MMDB_entry_data_s data{};
    const int status = MMDB_get_value(&entry, &data, keys..., nullptr);
    return status == MMDB_SUCCESS && data.has_data ? std::optional(data) : std::nullopt;
}

std::string text_of(const std::optional<MMDB_entry_data_s>& data) {
    if (!data || data->type != MMDB_DATA_TYPE_UTF8_STRING) return "";
    return {data->utf8_string, data->data_size};
}

}  // namespace

AddressDatabase::AddressDatabase(const std::string& path) : database_(std::make_unique<MMDB_s>()) {
    const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, database_.get());
    if (status == MMDB_SUCCESS) return;
    const std::string why = status == MMDB_IO_ERROR ? std::strerror(errno) : MMDB_strerror(status);
    throw SetupError(path, "cannot be used as a MaxMind DB file: " + why,
                     "name a file such as GeoLite2-ASN.mmdb, or leave the option", 2);
}

AddressDatabase::~AddressDatabase() {
    MMDB_close(database_.get());
}

std::optional<AddressDatabase::System> AddressDatabase::system_of(const api::Address& address) const {
    const auto entry = entry_of(*database_, address);
    if (!entry) return std::nullopt;
    const auto number = value_at(*entry, "autonomous_system_number");
    if (!number || number->type != MMDB_DATA_TYPE_UINT32) return std::nullopt;
    return System{number->uint32, text_of(value_at(*entry, "autonomous_system_organization"))};
}

std::optional<std::string> AddressDatabase::country_of(const api::Address& address) const {
    const auto entry = entry_of(*database_, address);
    if (!entry) return std::nullopt;
    std::string code = text_of(value_at(*entry, "country", "iso_code"));
    if (code.empty()) return std::nullopt;
    return code;
}

}  // namespace picket::labels
