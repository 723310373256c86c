// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/process.hpp>
#include <relfence/lab/scratch.hpp>

namespace relfence::lab {

/// A directory of its own for each test, and relfence-lab run with its cache and scratch inside.
class LabTest : public testing::Test {
  protected:
    LabTest() : scratch_{Scratch::create().value()}, root{scratch_.path() / "root"} {
        for (const char* name : {"tmp", "project/kernel/configs", "project/lab"})
            std::filesystem::create_directories(root / name);
        // A lab that ends before it has read its input is what some tests want.
        ::signal(SIGPIPE, SIG_IGN);
    }

    void put(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((root / name).parent_path());
        std::ofstream{root / name} << text;
    }
    [[nodiscard]] std::string get(const std::string& name) const {
        return read_file(root / name).value_or("");
    }

    [[nodiscard]] SpawnOptions spawn_options() const {
        SpawnOptions options;
        options.directory = root.string();
        options.extra = {{"XDG_CACHE_HOME", (root / "cache").string()},
                         {"TMPDIR", (root / "tmp").string()},
                         {"HOME", (root / "tmp").string()}};
        return options;
    }
    /// Runs relfence-lab to its end.
    [[nodiscard]] CommandResult lab(std::vector<std::string> arguments,
                                    const std::string& input = {}) const {
        arguments.insert(arguments.begin(), RELFENCE_LAB);
        CommandOptions options;
        options.spawn = spawn_options();
        options.input = input;
        return run_command(arguments, options).value();
    }
    /// Starts relfence-lab and goes on.
    [[nodiscard]] Child start_lab(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), RELFENCE_LAB);
        return Child::spawn(arguments, spawn_options()).value();
    }

    /// What is in a directory below the root.
    [[nodiscard]] std::vector<std::string> list(const std::string& name) const {
        std::vector<std::string> names;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator{root / name, error})
            names.push_back(entry.path().filename());
        return names;
    }
    /// Puts the fake kernel with that behaviour into a directory.
    [[nodiscard]] std::string fake_kernel(const std::string& name,
                                          const std::string& behaviour) const {
        put(name + "/behaviour", behaviour + "\n");
        std::filesystem::copy_file(FAKE_LINUX, root / name / "linux");
        return (root / name).string();
    }

  private:
    Scratch scratch_;

  protected:
    std::filesystem::path root;
};

inline int exit_code(const CommandResult& result) {
    return WIFEXITED(result.status) ? WEXITSTATUS(result.status) : -1;
}

/// Waits for something that will come, or with a test that fails anyway, will not. The limit is no
/// part of any result: it only keeps a broken test from hanging.
inline bool eventually(const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > limit) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return true;
}

/// A process that has this text in its command line, and runs @p program if that is named.
inline std::optional<pid_t> find_running(const std::string& text, const std::string& program = {}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc", error}) {
        // A process that ends meanwhile is none.
        const std::string line = read_file(entry.path() / "cmdline").value_or("");
        if (line.substr(0, line.find('\0')).ends_with(program) &&
            line.find(text) != std::string::npos)
            return std::stoi(entry.path().filename());
    }
    return std::nullopt;
}
inline bool is_running(const std::string& text, const std::string& program = {}) {
    return find_running(text, program).has_value();
}

}  // namespace relfence::lab
