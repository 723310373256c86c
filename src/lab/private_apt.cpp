// SPDX-License-Identifier: MIT
#include <sstream>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/private_apt.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

Result<std::string> machine_mirror(const std::string& advice) {
    CommandOptions options;
    options.spawn.extra = {{"LC_ALL", "C"}};
    auto targets = run_command(
        {"apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(CODENAME)"}, options);
    if (!targets) return tl::make_unexpected(targets.error());
    std::string mirror = find_mirror(targets->output);
    if (mirror.empty()) return fail("has no mirror of Debian", "this machine's apt", advice);
    return mirror;
}

}  // namespace

std::string first_complaint(const CommandResult& result) {
    std::istringstream lines{result.error + "\n" + result.output};
    std::string first;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("E: ")) return line.substr(3);
        if (first.empty()) first = line;
    }
    return first.empty() ? describe_status(result.status) : first;
}

std::string find_mirror(std::string_view targets) {
    std::istringstream lines{std::string{targets}};
    for (std::string line; std::getline(lines, line);) {
        const auto first = line.find('|');
        const auto second = line.find('|', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        if (line.substr(first + 1, second - first - 1) != "Debian") continue;
        if (line.ends_with("-security")) continue;
        return line.substr(0, first);
    }
    return {};
}

Result<PrivateApt> PrivateApt::create(fs::path directory, Kind kind,
                                      const std::vector<std::string>& suites,
                                      const std::string& advice, const Interrupts* interrupts) {
    auto mirror = machine_mirror(advice);
    if (!mirror) return tl::make_unexpected(mirror.error());
    for (const char* name : {"lists/partial", "cache/archives/partial"})
        if (auto made = make_directories(directory / name); !made)
            return tl::make_unexpected(made.error());
    std::string list;
    for (const auto& suite : suites)
        list += fmt::format("{} [signed-by={}] {} {} main\n",
                            kind == Kind::packages ? "deb" : "deb-src", keyring, *mirror, suite);
    for (const auto& [name, text] : {std::pair{"sources.list", list}, {"status", std::string{}}})
        if (auto written = write_file(directory / name, text); !written)
            return tl::make_unexpected(written.error());
    return PrivateApt{std::move(directory), std::move(*mirror), interrupts};
}

Result<std::string> PrivateApt::run(const std::string& program,
                                    const std::vector<std::string>& words,
                                    const std::string& what) const {
    const std::string place = directory_.string();
    std::vector<std::string> command{program};
    for (const std::string& option :
         {"Dir::Etc::sourcelist=" + place + "/sources.list", std::string{"Dir::Etc::sourceparts=-"},
          "Dir::State=" + place, "Dir::State::Lists=" + place + "/lists",
          "Dir::State::status=" + place + "/status", "Dir::Cache=" + place + "/cache",
          std::string{"Acquire::Languages=none"},
          // Root's apt would fetch as a user who cannot write here.
          std::string{"APT::Sandbox::User="}})
        command.insert(command.end(), {"-o", option});
    command.insert(command.end(), words.begin(), words.end());
    CommandOptions options;
    options.spawn.directory = place;
    options.spawn.extra = {{"LC_ALL", "C"}};
    options.interrupts = interrupts_;
    auto result = run_command(command, options);
    if (!result) return tl::make_unexpected(result.error());
    // apt-get update tells of a mirror out of reach in a warning, and succeeds.
    const bool unreachable =
        words.front() == "update" && result->error.find("Failed to fetch") != std::string::npos;
    if (!result->ok() || unreachable) return fail(first_complaint(*result), what);
    return std::move(result->output);
}

}  // namespace relfence::lab
