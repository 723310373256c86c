// SPDX-License-Identifier: MIT
// exec and shell on a real kernel: what only relfence-init inside a booted guest can show.
#include <array>
#include <csignal>
#include <pty.h>
#include <random>
#include <unistd.h>

#include <gmock/gmock.h>

#include "lab_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// The project's own cache, since building a kernel for each test would take minutes.
class Kernel : public LabTest {
  protected:
    [[nodiscard]] static std::string name() {
        const char* kernel = std::getenv("RELFENCE_TEST_KERNEL");
        return kernel != nullptr ? kernel : "baseline";
    }
    [[nodiscard]] SpawnOptions options() const {
        SpawnOptions options;
        options.directory = root.string();
        options.extra = {{"TMPDIR", (root / "tmp").string()}};
        return options;
    }
    [[nodiscard]] static std::vector<std::string> exec(std::vector<std::string> command,
                                                       std::vector<std::string> flags = {}) {
        std::vector<std::string> arguments{RELFENCE_LAB, "exec", "--kernel", name()};
        arguments.insert(arguments.end(), flags.begin(), flags.end());
        arguments.emplace_back("--");
        arguments.insert(arguments.end(), command.begin(), command.end());
        return arguments;
    }
    [[nodiscard]] CommandResult guest(const std::string& script, const std::string& input = {},
                                      const std::vector<std::string>& flags = {}) const {
        CommandOptions command;
        command.spawn = options();
        command.input = input;
        return run_command(exec({"sh", "-c", script}, flags), command).value();
    }
};

TEST_F(Kernel, StreamsAreApartAndTheExitCodeIsTheCommands) {
    const auto result = guest("echo out; echo err >&2; exit 7");
    EXPECT_EQ(exit_code(result), 7);
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.error, "err\n");
    EXPECT_EQ(exit_code(guest("kill -9 $$")), 137);
    EXPECT_THAT(list("tmp"), IsEmpty());
}

// Catches a serial line that changes, eats or adds a byte, and one without an end.
TEST_F(Kernel, EveryByteOfStdinComesBack) {
    std::string bytes;
    std::mt19937 random{1};
    while (bytes.size() < 1'000'000) bytes.push_back(static_cast<char>(random() & 0xffU));
    EXPECT_TRUE(guest("cat", bytes).output == bytes);
    EXPECT_EQ(guest("wc -c", bytes).output, "1000000\n");
    // A command that reads nothing must not block what is written to it.
    EXPECT_EQ(exit_code(guest("exit 3", bytes)), 3);
}

TEST_F(Kernel, TheGuestIsRootOnItsOwnKernelAndWritesOnlyItsScratch) {
    put("mine", "");
    const auto result = guest(
        "id -u; uname -r; pwd; echo $HOME; touch $HOME/a /tmp/b && echo scratch;"
        "touch " +
        (root / "mine").string() + "-new /etc/new || echo refused");
    EXPECT_THAT(result.output, HasSubstr("0\n6.12."));
    EXPECT_THAT(result.output, HasSubstr(root.string() + "\n/tmp/home\nscratch\nrefused\n"));
    EXPECT_FALSE(std::filesystem::exists("/etc/new"));
    EXPECT_THAT(list("tmp"), IsEmpty());
}

TEST_F(Kernel, ASharedDirectoryIsWritten) {
    put("shared/x", "");
    EXPECT_EQ(exit_code(guest("echo from guest >" + (root / "shared/x").string(), {},
                              {"--share", (root / "shared").string()})),
              0);
    EXPECT_EQ(get("shared/x"), "from guest\n");
}

TEST_F(Kernel, WhatTheCommandLeavesRunningDoesNotHoldTheGuest) {
    const auto result = guest("sleep 100000 & echo started");
    EXPECT_EQ(exit_code(result), 0);
    EXPECT_EQ(result.output, "started\n");
}

TEST_F(Kernel, AMissingCommandIsNamed) {
    CommandOptions command;
    command.spawn = options();
    const auto result = run_command(exec({"no-such-command"}), command).value();
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("no-such-command: No such file or directory"));
}

// UML starts itself again when the guest reboots, and would run the command once more.
TEST_F(Kernel, ARebootIsTheEnd) {
    const auto result = guest(
        "echo once; sleep 1; reboot -f || perl -e 'syscall(169, 0xfee1dead, 672274793, "
        "0x1234567, 0)'");
    EXPECT_THAT(result.error, HasSubstr("the guest was rebooted"));
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_EQ(result.output, "once\n");
}

TEST_F(Kernel, ASignalReachesTheCommand) {
    put("shared/x", "");
    auto child =
        Child::spawn(exec({"sh", "-c",
                           "trap 'exit 9' TERM; echo >" + (root / "shared/ready").string() +
                               "; while :; do sleep 0.1; done"},
                          {"--share", (root / "shared").string()}),
                     options());
    ASSERT_TRUE(child) << child.error().message();
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(root / "shared/ready"); }));
    child->kill(SIGTERM);
    EXPECT_EQ(WEXITSTATUS(child->wait()), 9);
    EXPECT_THAT(list("tmp"), IsEmpty());
}

// Everything that is needed lies where all can read it, since the cache and the clone may be
// root's.
TEST_F(Kernel, NoRootRightsAreNeeded) {
    namespace fs = std::filesystem;
    if (::geteuid() != 0) GTEST_SKIP() << "is what all the others show";
    const fs::path all = root / "all";
    fs::create_directories(all / "tmp");
    for (const char* program : {"relfence-lab", "relfence-init"})
        fs::copy_file(fs::path{RELFENCE_LAB}.parent_path() / program, all / program);
    const auto where = run_command({RELFENCE_LAB, "build", "--where", name()}, {}).value();
    ASSERT_EQ(exit_code(where), 0) << where.error;
    fs::copy_file(fs::path{where.output.substr(0, where.output.find('\n'))} / "linux",
                  all / "linux");
    for (fs::path open = root; open != open.parent_path() && open != fs::temp_directory_path();
         open = open.parent_path())
        fs::permissions(open, fs::perms::others_exec, fs::perm_options::add);
    fs::permissions(all / "tmp", fs::perms::all);

    CommandOptions run;
    run.spawn.directory = "/";
    run.spawn.extra = {{"TMPDIR", (all / "tmp").string()}, {"HOME", (all / "tmp").string()}};
    const auto result =
        run_command({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                     (all / "relfence-lab").string(), "exec", "--kernel", all.string(), "--", "sh",
                     "-c", "id -u; cat /etc/shadow 2>/dev/null; touch /tmp/x; exit 4"},
                    run)
            .value();
    EXPECT_EQ(exit_code(result), 4) << result.error;
    // Root in its own kernel, nobody on the host: what nobody may not read stays unread.
    EXPECT_EQ(result.output, "0\n");
}

TEST_F(Kernel, AShellHasATerminalOfTheSameSize) {
    int master = -1;
    int slave = -1;
    winsize size{33, 99, 0, 0};
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    SpawnOptions spawn = options();
    spawn.input = spawn.output = spawn.error = slave;
    spawn.extra["SHELL"] = "/bin/sh";
    auto child = Child::spawn({RELFENCE_LAB, "shell", "--kernel", name()}, spawn);
    ASSERT_TRUE(child) << child.error().message();
    ::close(slave);
    const std::string typed = "tty; stty size; exit 6\n";
    ASSERT_EQ(::write(master, typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
    std::string screen;
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = ::read(master, buffer.data(), buffer.size())) > 0;)
        screen.append(buffer.data(), static_cast<std::size_t>(got));
    ::close(master);
    EXPECT_EQ(WEXITSTATUS(child->wait()), 6);
    EXPECT_THAT(screen, HasSubstr("/dev/pts/0"));
    EXPECT_THAT(screen, HasSubstr("33 99"));
}

}  // namespace
}  // namespace relfence::lab
