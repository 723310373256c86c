// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <relfence/lab/exec_session.hpp>

namespace {

namespace fs = std::filesystem;
using namespace relfence;

constexpr int exit_error = 2;

int complain(const Error& error) {
    fmt::print(stderr, "relfence-lab: {}\n", error.message());
    return exit_error;
}

Result<fs::path> find_kernel(const std::string& name) {
    std::error_code error;
    const fs::path path{name};
    if (fs::is_directory(path, error)) return fs::absolute(path / "linux");
    if (fs::exists(path, error)) return fs::absolute(path);
    return fail("is no kernel: neither a directory with a linux binary nor a file", name);
}

struct ExecArguments {
    std::string kernel = "baseline";
    double timeout = 0;
    std::string console;
    lab::ExecOptions options;
};

void add_guest_options(CLI::App& app, ExecArguments& arguments) {
    app.add_option("-k,--kernel", arguments.kernel,
                   "baseline, v1, v2, ... or a directory with a linux binary, or that binary")
        ->capture_default_str();
    app.add_option("-m,--memory", arguments.options.memory, "memory of the guest")
        ->capture_default_str();
    app.add_option("--share", arguments.options.share,
                   "host directory that the guest may write; else it writes nothing of the host");
    app.add_option("--console", arguments.console, "file for the kernel's console");
}

void add_exec(CLI::App& app, ExecArguments& arguments) {
    CLI::App* exec = app.add_subcommand("exec", "run a command of the host inside a guest");
    add_guest_options(*exec, arguments);
    exec->add_option("-t,--timeout", arguments.timeout,
                     "switch the guest off after so many seconds");
    exec->add_option("command", arguments.options.command, "the command, after --")->required();
    exec->positionals_at_end();
    exec->footer(
        "The guest is a User Mode Linux whose root is the host's file system, read-only. The\n"
        "command runs there as root, in the same directory, with the same environment; $HOME and\n"
        "/tmp are a private scratch directory that is gone afterwards. What is named on the\n"
        "command line is seen even when it lies in the host's /tmp. stdin, stdout and stderr pass\n"
        "byte for byte. No root rights are needed.\n"
        "\n"
        "Exit code: the command's own; 128+N when signal N killed it; 2 when the command or the\n"
        "guest could not be started; 124 after --timeout; 125 when the guest died.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab exec --kernel v2 -- v4l2-ctl --list-devices\n"
        "  relfence-lab exec --kernel path/to/build -- sh -c 'dmesg | tail'\n"
        "  relfence-lab exec --share out -- my-program --write out/frame.png");
}

void add_shell(CLI::App& app, ExecArguments& arguments) {
    CLI::App* shell = app.add_subcommand("shell", "an interactive shell inside a guest");
    add_guest_options(*shell, arguments);
    shell->footer(
        "As exec, with $SHELL on a terminal of the guest.\n"
        "Exit code: the shell's own, or as exec's.\n"
        "\n"
        "Example:\n"
        "  relfence-lab shell --kernel v2");
}

int run_exec(ExecArguments& arguments, bool shell) {
    const auto interrupts = lab::Interrupts::create();
    if (!interrupts) return complain(interrupts.error());
    const auto kernel = find_kernel(arguments.kernel);
    if (!kernel) return complain(kernel.error());
    arguments.options.kernel = *kernel;
    arguments.options.console_file = arguments.console;
    if (arguments.timeout > 0)
        arguments.options.timeout =
            std::chrono::milliseconds{static_cast<long long>(arguments.timeout * 1000)};
    if (shell) {
        const char* program = std::getenv("SHELL");
        arguments.options.command = {program != nullptr && *program != '\0' ? program : "/bin/sh"};
        arguments.options.terminal = true;
    }
    const auto code = lab::exec_in_guest(arguments.options, *interrupts);
    return code ? *code : complain(code.error());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Builds kernels for User Mode Linux, boots them and runs programs in them"};
    app.set_version_flag("--version", "relfence-lab " RELFENCE_VERSION);
    app.require_subcommand(1);
    ExecArguments exec;
    ExecArguments shell;
    add_exec(app, exec);
    add_shell(app, shell);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_error;
    }
    if (app.got_subcommand("exec")) return run_exec(exec, false);
    return run_exec(shell, true);
}
