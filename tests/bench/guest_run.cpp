// SPDX-License-Identifier: MIT
#include "guest_run.hpp"

#include <regex>
#include <sstream>

#include <relfence/lab/files.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

std::filesystem::path program_beside_us(const char* name) {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / name;
}

Result<GuestResult> run_in_guest(const GuestRun& run, const std::vector<std::string>& command) {
    const std::string statistics = run.scratch / "statistics.json";
    const std::string console = run.scratch / "console.txt";
    std::filesystem::remove(statistics);
    std::vector<std::string> line{program_beside_us("relfence-lab"),
                                  "exec",
                                  "--board",
                                  "fresnel",
                                  "--board-arg=--statistics=" + statistics,
                                  "--kernel",
                                  run.kernel,
                                  "--console",
                                  console,
                                  "--timeout",
                                  std::to_string(run.timeout.count()),
                                  "--share",
                                  run.scratch};
    for (const std::string& argument : run.board_arguments)
        line.push_back("--board-arg=" + argument);
    line.emplace_back("--");
    line.insert(line.end(), command.begin(), command.end());

    GuestResult result;
    const auto begin = Clock::now();
    lab::CommandOptions options;
    options.line = [&](std::string_view) {
        if (result.seconds_to_output == 0) result.seconds_to_output = seconds_since(begin);
    };
    auto ended = lab::run_command(line, options);
    if (!ended) return tl::make_unexpected(ended.error());
    result.seconds = seconds_since(begin);
    result.code = WIFEXITED(ended->status) ? WEXITSTATUS(ended->status) : -1;
    result.output = std::move(ended->output);
    result.error = std::move(ended->error);
    if (auto text = lab::read_file(console)) result.console = std::move(*text);
    const auto counted = lab::read_file(statistics);
    if (!counted) return fail("left no statistics of the board", "relfence-lab", result.error);
    result.statistics = nlohmann::json::parse(*counted, nullptr, false);
    if (result.statistics.is_discarded()) return fail("is no JSON", statistics);
    return result;
}

std::vector<std::string> complaints_of(const std::string& console) {
    static const std::regex complaint{
        "WARNING|BUG|Oops|Kernel panic|timed out|is not a head|INFO: (possible|task|rcu)|"
        "possible (recursive|circular)|unexpected virt-pci"};
    std::vector<std::string> found;
    std::istringstream lines{console};
    for (std::string line; std::getline(lines, line);)
        if (std::regex_search(line, complaint)) found.push_back(line);
    return found;
}

}  // namespace relfence::bench
