// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {

/// apt with a list of sources, a state and a cache of its own in a directory: what the machine's
/// own apt knows and does stays as it is, and no root rights are needed. Packages come from the
/// mirror that the machine uses, of suites that it need not use, and are checked as apt does.
class PrivateApt {
  public:
    /// What it looks for: packages to unpack, or the sources that packages are made of.
    enum class Kind { packages, sources };

    /// Writes the list. @param directory exists, is empty, and outlives this
    /// @param suites of Debian: "sid"
    /// @return an error if the machine's apt has no mirror of Debian, with @p advice
    [[nodiscard]] static Result<PrivateApt> create(std::filesystem::path directory, Kind kind,
                                                   const std::vector<std::string>& suites,
                                                   const std::string& advice,
                                                   const Interrupts* interrupts);
    /// Runs `apt-get`, `apt-cache` in the directory, where downloads land.
    /// @param what the subject of an error: its operation is apt's own first complaint
    /// @return what it printed
    [[nodiscard]] Result<std::string> run(const std::string& program,
                                          const std::vector<std::string>& words,
                                          const std::string& what) const;
    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    [[nodiscard]] const std::string& mirror() const { return mirror_; }

  private:
    PrivateApt(std::filesystem::path directory, std::string mirror, const Interrupts* interrupts)
        : directory_{std::move(directory)}, mirror_{std::move(mirror)}, interrupts_{interrupts} {}
    std::filesystem::path directory_;
    std::string mirror_;
    const Interrupts* interrupts_;
};

/// Debian's mirror in what `apt-get indextargets` prints with
/// `--format '$(REPO_URI)|$(ORIGIN)|$(CODENAME)'`; empty if there is none.
[[nodiscard]] std::string find_mirror(std::string_view targets);

/// What a failed command says first: an "E: " line as apt's, else its first line, else its status.
[[nodiscard]] std::string first_complaint(const CommandResult& result);

}  // namespace relfence::lab
