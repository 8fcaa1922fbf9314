// Contacts that are kept until the end of a replay, or of an archive's flows, and which of them can make a
// scan.
//
// Those between IPv4 addresses take 24 bytes each, others 56. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "controlplane/detect/contact.h"
#include "controlplane/store/flat_map.h"
#include "controlplane/store/large_pages.h"

namespace picket::detect {

// What every scan has at least.
struct ScanLeast {
    unsigned series_failures;  // of a source that scans alone
    // Many sources at one port: somewhere so many failures in a row, and no more successes among them.
    std::size_t run_failures;
    std::size_t run_successes_max;
};

class KeptContacts {
  public:
    static constexpr std::size_t count_max = 4'000'000;

    // False if there is no room. REQUIRES: the contact waits for nothing (Contact::waiting_since_ns is 0).
    [[nodiscard]] bool add(const Contact& contact);

    struct Suspicious {
        Contact contact;
        bool crowd = false;  // a crowd may be at its port: then all contacts of the port are there
    };
    // Those that suffice to find every scan, and no other, by time; nothing is kept any more.
    [[nodiscard]] std::vector<Suspicious> take_suspicious(const store::FlatHash& hash,
                                                          const ScanLeast& least);

  private:
    struct Ipv4Contact {
        std::uint64_t time_ns;
        std::uint32_t source;
        std::uint32_t destination;
        std::uint16_t port;
        std::uint8_t protocol;
        bool failed;
    };
    static_assert(sizeof(Ipv4Contact) == 24);
    template <typename T>
    using Many = std::vector<T, store::LargePages<T>>;

    [[nodiscard]] static Contact whole(const Ipv4Contact& contact) noexcept;
    template <typename Visit>
    void for_each(Visit&& visit) const;

    Many<Ipv4Contact> ipv4_;
    Many<Contact> others_;
};

}  // namespace picket::detect
