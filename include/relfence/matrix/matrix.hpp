// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::matrix {

/// Something that is run with every kernel and board that it names.
struct Suite {
    std::string name;
    std::string title;                  ///< one line for people
    std::vector<std::string> kernels;   ///< of kernel/kernels.json; none: one job, its own kernels
    std::vector<std::string> boards;    ///< modelled ones; none: the suite names its boards itself
    std::vector<std::string> command;   ///< arguments of relfence-lab, with placeholders
    std::string ktap;                   ///< file with its results; empty: its stdout
    std::map<std::string, int> exits;   ///< by kernel: the exit code to expect if not 0
    std::vector<std::string> on_board;  ///< the same as a shell command on hardware; empty: none
};

/// A kind of board in a LAVA laboratory.
struct LavaBoard {
    std::string name;
    std::string device_type;  ///< as the laboratory calls it
    std::string dtb;          ///< below dtbs/ of a kernel's artifacts
};

/// lab/matrix.json.
struct Matrix {
    std::vector<Suite> suites;
    std::vector<LavaBoard> lava_boards;
    std::vector<std::string> lava_kernels;
};

/// One suite with one kernel on one board.
struct Job {
    std::string name;  ///< "check/v2/fresnel"
    const Suite* suite = nullptr;
    std::string kernel;  ///< may be empty
    std::string board;   ///< may be empty
    int expected_exit = 0;
};

/// Reads lab/matrix.json:
///
///     {"suites": [{"name": "check", "title": "...", "kernels": ["baseline", "v2"],
///                  "boards": ["fresnel"], "command": ["exec", "--kernel", "{kernel}", ...],
///                  "ktap": "{out}/report.ktap", "exits": {"baseline": 1},
///                  "on_board": ["relfence", "check", "--all", "--ktap"]}],
///      "lava": {"kernels": ["v2"], "boards": [{"name", "device_type", "dtb"}]}}
///
/// {kernel}, {board}, {out} (the job's directory) and {bin} (where relfence-lab is) are filled in.
/// @return an error that names the file and what is wrong in it: not JSON, a field missing or of
/// another type, a name given twice or not fit for a path, a placeholder that there is not
[[nodiscard]] Result<Matrix> load_matrix(const std::filesystem::path& file);

/// The jobs that fit: suites, kernels and boards by name, each empty for all. They refer to @p
/// matrix.
[[nodiscard]] std::vector<Job> jobs_of(const Matrix& matrix, const std::vector<std::string>& suites,
                                       const std::vector<std::string>& kernels,
                                       const std::vector<std::string>& boards);

/// The job's command line for relfence-lab. @param out the job's directory @param bin directory of
/// the programs
[[nodiscard]] std::vector<std::string> command_of(const Job& job, const std::filesystem::path& out,
                                                  const std::filesystem::path& bin);

/// Fills in the placeholders of one text, as command_of() does.
[[nodiscard]] std::string fill_in(const Job& job, std::string text,
                                  const std::filesystem::path& out,
                                  const std::filesystem::path& bin);

}  // namespace relfence::matrix
