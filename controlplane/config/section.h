// One table of the configuration file, read key by key; what was not asked for is an unknown key.
//
// Used by load.cpp and its parts only. Every reader returns nothing where the key is absent, and also where
// it is wrong, in which case it has said so in the findings.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config/findings.h"

namespace picket::config {

struct LocatedText {
    std::string text;
    Location location;
};

class Section {
  public:
    // name: as the file heads it, "flow" or "export.kafka"; empty for the top.
    Section(const toml::table& table, std::string name, const std::string& file, Findings& findings);

    [[nodiscard]] std::optional<LocatedText> text(const char* key);
    [[nodiscard]] std::optional<bool> boolean(const char* key);
    [[nodiscard]] std::optional<std::uint64_t> integer(const char* key, std::uint64_t minimum,
                                                       std::uint64_t maximum);
    [[nodiscard]] std::optional<double> share(const char* key);  // above 0, at most 1
    [[nodiscard]] std::optional<std::uint64_t> duration_ms(const char* key, std::uint64_t minimum,
                                                           std::uint64_t maximum);
    // Index in `words` of the text that the key holds.
    [[nodiscard]] std::optional<std::size_t> one_of(const char* key, const std::vector<std::string>& words);
    [[nodiscard]] std::optional<std::vector<LocatedText>> texts(const char* key);
    // The sub-table, or nullptr.
    [[nodiscard]] const toml::table* table(const char* key);
    // The array of tables, empty if absent.
    [[nodiscard]] std::vector<const toml::table*> tables(const char* key);
    // Every key of this table with its text: for tables whose keys the user names.
    [[nodiscard]] std::vector<std::pair<LocatedText, LocatedText>> all_texts();

    // Says which keys are unknown. Call it last.
    void finish();

    void error(const Location& location, const std::string& what, const std::string& remedy);
    [[nodiscard]] bool has(const char* key) const { return table_.get(key) != nullptr; }
    [[nodiscard]] Location place(const char* key) const;  // of its value; of the table where absent
    [[nodiscard]] Location place() const;
    [[nodiscard]] std::string path(const std::string& key) const;

  private:
    [[nodiscard]] const toml::node* find(const char* key);
    void wrong_type(const toml::node& node, const std::string& key, const char* wanted);
    [[nodiscard]] Location place_of(const toml::source_region& region) const;

    const toml::table& table_;
    std::string name_;
    const std::string& file_;
    Findings& findings_;
    std::vector<std::string> known_;
};

}  // namespace picket::config
