// SPDX-License-Identifier: MIT
// Reads the fields of a manifest, and remembers the first thing that is wrong.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/fleet/yaml.hpp>

namespace relfence::fleet {

/// The first error wins; after it every call gives an empty value, so that a loader reads straight
/// through and asks once.
class Fields {
  public:
    explicit Fields(std::string file) : file_{std::move(file)} {}

    [[nodiscard]] const std::optional<Error>& error() const { return error_; }
    [[nodiscard]] bool ok() const { return !error_; }
    /// "FILE:LINE: what".
    void complain(int line, std::string_view what);

    /// Complains about every key that is not one of @p known.
    void only(const Yaml& map, std::string_view where, const std::vector<std::string_view>& known);
    const Yaml& map(const Yaml& parent, std::string_view key);
    const Yaml& list(const Yaml& parent, std::string_view key);
    /// A text that is there, of one line and not empty.
    std::string text(const Yaml& parent, std::string_view key);
    /// A text of one line that consists of letters, digits and @p more.
    std::string word(const Yaml& parent, std::string_view key, std::string_view more);
    /// One of some words.
    std::string choice(const Yaml& parent, std::string_view key,
                       const std::vector<std::string_view>& words);
    bool flag(const Yaml& parent, std::string_view key);
    /// A relative path in which no part is empty, "." or "..": what may be looked for below a
    /// directory.
    std::string path(const Yaml& parent, std::string_view key);
    /// As path(), of a value itself.
    std::string path_of(const Yaml& value, std::string_view what);
    /// A list of texts.
    std::vector<std::string> texts(const Yaml& parent, std::string_view key);

  private:
    const Yaml* find(const Yaml& parent, std::string_view key, std::string_view expected);

    std::string file_;
    std::optional<Error> error_;
    Yaml empty_;
};

}  // namespace relfence::fleet
