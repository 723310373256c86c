// SPDX-License-Identifier: MIT
#include <relfence/lab/sandbox.hpp>

namespace relfence::lab {

std::vector<std::string> sandboxed(const SandboxOptions& options,
                                   const std::vector<std::string>& command) {
    std::vector<std::string> result{"bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc",
                                    "/proc",
                                    // Root without capabilities that it could have again is not
                                    // let keep its personality over execve(). UML of Linux 7.x
                                    // wants no address randomisation, and executes itself for
                                    // ever. In a user namespace there is nothing to have again.
                                    // Source: security/commoncap.c.
                                    "--unshare-user-try", "--unshare-pid", "--unshare-ipc",
                                    "--die-with-parent", "--cap-drop", "ALL"};
    for (const auto& path : options.writable) result.insert(result.end(), {"--bind", path, path});
    result.insert(result.end(), {"--chdir", options.directory, "--"});
    result.insert(result.end(), command.begin(), command.end());
    return result;
}

std::vector<std::string> contained(const std::vector<std::string>& command) {
    std::vector<std::string> result{"bwrap",
                                    "--bind",
                                    "/",
                                    "/",
                                    "--dev-bind",
                                    "/dev",
                                    "/dev",
                                    "--proc",
                                    "/proc",
                                    "--unshare-pid",
                                    "--die-with-parent",
                                    "--"};
    result.insert(result.end(), command.begin(), command.end());
    return result;
}

}  // namespace relfence::lab
