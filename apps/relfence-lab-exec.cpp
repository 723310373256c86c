// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <memory>

#include <relfence/lab/exec_session.hpp>

#include "relfence-lab-commands.hpp"

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

struct ExecArguments {
    ProjectOptions project;
    std::string kernel = "baseline";
    double timeout = 0;
    std::string console;
    std::string board;
    std::vector<std::string> board_arguments;
    ExecOptions exec;
};

Result<fs::path> find_kernel(const ExecArguments& arguments, const Interrupts& interrupts) {
    std::error_code error;
    const fs::path path{arguments.kernel};
    // A name first: a directory of the same name in the working directory must not hide a kernel.
    if (arguments.kernel.find('/') != std::string::npos) {
        if (fs::is_directory(path, error)) return fs::absolute(path / "linux");
        if (fs::exists(path, error)) return fs::absolute(path);
        return fail("is no kernel: neither a directory with a linux binary nor a file",
                    arguments.kernel);
    }
    auto bench = open_workbench(arguments.project, interrupts);
    if (!bench) return tl::make_unexpected(bench.error());
    auto spec = bench->kernels.find(arguments.kernel);
    if (!spec) return tl::make_unexpected(spec.error());
    auto built = bench->builder.find(*spec);
    if (!built) return tl::make_unexpected(built.error());
    if (!*built)
        return fail("is not built, or its patches have changed since", arguments.kernel,
                    "relfence-lab build " + arguments.kernel);
    return (*built)->directory / "linux";
}

void add_guest_options(CLI::App& command, ExecArguments& arguments) {
    command
        .add_option("-k,--kernel", arguments.kernel,
                    "a kernel of the project by name; or, with a / in it, a directory with a\n"
                    "linux binary, or that binary")
        ->capture_default_str();
    command.add_option("-m,--memory", arguments.exec.memory, "memory of the guest")
        ->capture_default_str();
    command
        .add_option("--share", arguments.exec.share,
                    "host directory that the guest may write; repeatable (default: none)")
        ->allow_extra_args(false);
    command.add_option("--console", arguments.console, "file for the kernel's console");
    command.add_option("--board", arguments.board,
                       "a modelled board with hardware for the kernel's drivers, e.g. fresnel\n"
                       "(relfence-board --list); default: none");
    command
        .add_option("--board-arg", arguments.board_arguments,
                    "one more argument of relfence-board, e.g. --board-arg=--strict; repeatable")
        ->allow_extra_args(false);
    add_project_options(command, arguments.project);
}

int run_command_in_guest(ExecArguments& arguments, const Interrupts& interrupts) {
    const auto kernel = find_kernel(arguments, interrupts);
    if (!kernel) return complain(kernel.error());
    arguments.exec.kernel = *kernel;
    arguments.exec.console_file = arguments.console;
    if (!arguments.board.empty()) {
        arguments.exec.board.arguments = {"--board", arguments.board};
        arguments.exec.board.arguments.insert(arguments.exec.board.arguments.end(),
                                              arguments.board_arguments.begin(),
                                              arguments.board_arguments.end());
    } else if (!arguments.board_arguments.empty()) {
        return complain(fail("needs --board", "--board-arg").value());
    }
    if (arguments.timeout > 0)
        arguments.exec.timeout =
            std::chrono::milliseconds{static_cast<long long>(arguments.timeout * 1000)};
    const auto code = exec_in_guest(arguments.exec, interrupts);
    return code ? *code : complain(code.error());
}

}  // namespace

Command add_exec(CLI::App& app) {
    auto arguments = std::make_shared<ExecArguments>();
    CLI::App* command = app.add_subcommand("exec", "run a command of the host inside a guest");
    add_guest_options(*command, *arguments);
    command->add_option("-t,--timeout", arguments->timeout,
                        "switch the guest off after so many seconds");
    command->add_option("command", arguments->exec.command, "the command, after --")->required();
    command->footer(
        "The guest is a User Mode Linux whose root is the host's file system, read-only. The\n"
        "command runs there as root, in the same directory, with the same environment; $HOME and\n"
        "/tmp are a private scratch directory that is gone afterwards. What is named on the\n"
        "command line is seen even when it lies in the host's /tmp. stdin, stdout and stderr pass\n"
        "byte for byte. No root rights are needed.\n"
        "\n"
        "Exit code: the command's own; 128+N when signal N killed it; 2 when the command or the\n"
        "guest could not be started; 124 after --timeout; 125 when the guest or\n"
        "its board died.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab exec --kernel v2 -- v4l2-ctl --list-devices\n"
        "  relfence-lab exec --kernel v2 --board fresnel -- v4l2-ctl --list-devices\n"
        "  relfence-lab exec --kernel path/to/build -- sh -c 'dmesg | tail'\n"
        "  relfence-lab exec --share out -- my-program --write out/frame.png");
    return [arguments](const Interrupts& interrupts) {
        return run_command_in_guest(*arguments, interrupts);
    };
}

Command add_shell(CLI::App& app) {
    auto arguments = std::make_shared<ExecArguments>();
    CLI::App* command = app.add_subcommand("shell", "an interactive shell inside a guest");
    add_guest_options(*command, *arguments);
    command->footer(
        "As exec, with $SHELL on a terminal of the guest.\n"
        "Exit code: the shell's own, or as exec's.\n"
        "\n"
        "Example:\n"
        "  relfence-lab shell --kernel v2");
    return [arguments](const Interrupts& interrupts) {
        const char* shell = std::getenv("SHELL");
        arguments->exec.command = {shell != nullptr && *shell != '\0' ? shell : "/bin/sh"};
        arguments->exec.terminal = true;
        return run_command_in_guest(*arguments, interrupts);
    };
}

}  // namespace relfence::lab
