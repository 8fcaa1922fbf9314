// Names, countries and autonomous systems of the addresses in an answer's rows, from an operator's own files.
//
// Throws SetupError where a file cannot be used.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controlplane/cli/json.h"
#include "controlplane/labels/address_database.h"
#include "controlplane/labels/names.h"

namespace picket::cli {

struct LabelFiles {
    std::string names;      // CSV; empty: none
    std::string systems;    // MaxMind DB; empty: none
    std::string countries;  // the same
};

class Labels {
  public:
    explicit Labels(const LabelFiles& files);

    // Adds to each row beside an address KEY: KEY_name, KEY_asn, KEY_as_org, KEY_country, as far as known (of
    // src_ip: src_name, and so on). A name is that of the row's time.
    void add_to(Json& answer) const;

  private:
    void add_to_row(Json& row) const;

    labels::NameTable names_;
    std::unique_ptr<labels::AddressDatabase> systems_;
    std::unique_ptr<labels::AddressDatabase> countries_;
};

// The name of the row's address, where its system is known with it: "gate (AS64500 Example)".
[[nodiscard]] std::string label_of(const Json& row, const std::string& prefix);
// The row's address, with its label behind it if it has one.
[[nodiscard]] std::string named(const Json& row, const char* key);
[[nodiscard]] bool has_labels(const Json& rows, const std::string& prefix);
// Appends the names of all label members that rows have and fields lacks.
void add_label_fields(const Json& rows, std::vector<std::string>& fields);

// Where files lie that nobody names: those of /etc/picket that are there.
[[nodiscard]] LabelFiles label_files_of_the_machine();

}  // namespace picket::cli
