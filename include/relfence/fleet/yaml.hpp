// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::fleet {

/// A YAML value with the line it starts on: text, a list or a map, and nothing else of YAML.
///
/// Everything scalar stays the text it was written as. YAML would read 0004 as the number 4 and
/// `no` as false; here a patch number keeps its zeros. Value type.
struct Yaml {
    enum class Kind { text, list, map };
    struct Entry;

    Kind kind = Kind::text;
    int line = 1;                ///< of the file, from 1
    std::string text;            ///< of a text
    std::vector<Yaml> items;     ///< of a list
    std::vector<Entry> entries;  ///< of a map, in the order of the file; no key is there twice

    /// The value of a key of a map, or nullptr.
    [[nodiscard]] const Yaml* find(std::string_view key) const;
};

struct Yaml::Entry {
    std::string key;
    int line = 1;
    Yaml value;
};

/// Reads one document whose top is a map. A manifest comes from elsewhere, so what it cannot need
/// is refused instead of understood: anchors and aliases (a few lines of them stand for gigabytes),
/// tags, a second document, a key given twice, nesting beyond 16, more than 64 KiB.
/// @param name what errors call the file
/// @return an error "NAME:LINE: what is wrong"
[[nodiscard]] Result<Yaml> parse_yaml(std::string_view text, const std::string& name);

/// parse_yaml() of a file. @param name as errors shall call it
[[nodiscard]] Result<Yaml> read_yaml(const std::filesystem::path& path, const std::string& name);

}  // namespace relfence::fleet
