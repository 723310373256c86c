// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <relfence/lab/console_log.hpp>

#include "lab_fixture.hpp"

namespace relfence::lab {

/// What a stock program finds beside the kernel: which board, which kernel.
using BoardAndKernel = std::tuple<std::string, std::string>;

/// For INSTANTIATE_TEST_SUITE_P: "fresnel_v2".
inline std::string name_of(const testing::TestParamInfo<BoardAndKernel>& instance) {
    return std::get<0>(instance.param) + "_" + std::get<1>(instance.param);
}

/// Programs of the host on a kernel of the project's cache with a modelled board, through
/// `relfence-lab exec`. They share the directory `media` with the test.
class StockTest : public LabTest {
  protected:
    StockTest() { std::filesystem::create_directories(media); }

    /// What a run left.
    struct Seen {
        int code = -1;
        std::string output;
        std::string error;
        std::string console;
        std::string events;  ///< of the board
        /// What must not be in any of them, whatever the programs say of themselves: complaints of
        /// the kernel, and of the board about the driver.
        [[nodiscard]] std::vector<std::string> complaints() const {
            std::vector<std::string> found;
            ConsoleLog log;
            log.feed(console);
            log.finish();
            for (const auto& finding : log.findings()) found.push_back(finding.line);
            std::istringstream lines{events};
            for (std::string line; std::getline(lines, line);)
                if (line.find("driver bug") != std::string::npos) found.push_back(line);
            return found;
        }
    };

    /// Runs a shell script, which starts in `media`.
    /// @param arguments of relfence-board
    [[nodiscard]] Seen run(const BoardAndKernel& where, const std::string& script,
                           const std::vector<std::string>& arguments = {}) const {
        const auto& [board, kernel] = where;
        // For machines that are busy with other tests: a run takes half a minute at most.
        constexpr const char* limit = "280";
        std::vector<std::string> command{RELFENCE_LAB,
                                         "exec",
                                         "--kernel",
                                         kernel,
                                         "--board",
                                         board,
                                         "--share",
                                         media,
                                         "-t",
                                         limit,
                                         "--console",
                                         root / "console",
                                         "--board-arg=--log",
                                         "--board-arg=" + (root / "events").string()};
        for (const auto& argument : arguments) command.push_back("--board-arg=" + argument);
        command.insert(command.end(), {"--", "sh", "-c", "cd " + media.string() + "; " + script});
        CommandOptions options;
        options.spawn.directory = root;
        options.spawn.extra = {{"TMPDIR", root / "tmp"}};
        const auto result = run_command(command, options).value();
        return {exit_code(result), result.output, result.error, get("console"), get("events")};
    }

    void put_bytes(const std::string& name, std::span<const std::uint8_t> bytes) const {
        std::ofstream{media / name, std::ios::binary}.write(
            reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
    }
    [[nodiscard]] std::vector<std::uint8_t> get_bytes(const std::string& name) const {
        const std::string text = read_file(media / name).value_or("");
        return {text.begin(), text.end()};
    }

    const std::filesystem::path media = root / "media";
};

}  // namespace relfence::lab
