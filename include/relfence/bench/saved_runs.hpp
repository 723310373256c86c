// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::bench {

/// What was measured again and again in one run.
struct Samples {
    std::string unit;  ///< "ns" or "1/s"
    std::vector<double> values;
};

/// One run: the device opened, brought to work, measured, closed. Samples within a run depend on
/// each other (the same buffers, caches, clock); runs are what a comparison counts.
struct Run {
    std::map<std::string, Samples> figures;      ///< by name: "export_sync_file_idle"
    std::map<std::string, std::string> missing;  ///< figures that could not be had: why not
};

/// What the runs were made on. Nothing in it names a person or a host.
struct Machine {
    std::string kernel;        ///< release: "6.12.48"
    std::string kernel_build;  ///< version, which tells builds of one release apart: "#1 SMP ..."
    std::string architecture;  ///< "x86_64"
    std::string processor;     ///< model, or "unknown"
    unsigned processors = 0;   ///< that were online
    std::string governor;      ///< of the first processor's clock, or "unknown"
};

/// What was measured on them: two sets of runs of different work are not compared.
struct Work {
    std::string driver;  ///< "hantro-vpu"
    std::string card;    ///< "rockchip,rk3399-vpu-dec"
    std::string job;     ///< "decode VP8 640x368"
    unsigned depth = 0;  ///< CAPTURE buffers

    bool operator==(const Work&) const = default;
};

/// All runs of one `relfence bench`, as they are saved: every sample, and what is needed to know
/// what it is a sample of.
struct SavedRuns {
    std::string program;   ///< name and version of what measured
    std::string recorded;  ///< UTC, "2025-01-31T12:00:00Z"
    Machine machine;
    Work work;
    std::vector<Run> runs;
};

/// The version of the file format that save_runs() writes. A reader takes no other.
inline constexpr unsigned schema_version = 1;

/// The text of a file of runs: JSON.
[[nodiscard]] std::string runs_to_json(const SavedRuns& runs);

/// Reads runs from the text of a file that may be truncated or made up: every number is finite and
/// not negative, every text is free of control characters and short, or it is refused as a whole.
/// @param subject what the text comes from, for the error
[[nodiscard]] Result<SavedRuns> runs_from_json(std::string_view text, std::string_view subject);

/// Writes a file of runs so that it is there as a whole or not at all.
[[nodiscard]] Result<void> save_runs(const std::filesystem::path& path, const SavedRuns& runs);

/// Reads a file of runs; see runs_from_json(). Refuses what is no regular file or beyond 64 MiB.
[[nodiscard]] Result<SavedRuns> load_runs(const std::filesystem::path& path);

}  // namespace relfence::bench
