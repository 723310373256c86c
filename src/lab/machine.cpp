// SPDX-License-Identifier: MIT
#include "lab/machine.hpp"

#include <fmt/format.h>

#include <relfence/lab/architecture.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> uml_command(const GuestConfig& config, const MachineLines& lines) {
    // Each console has a pipe of its own: mixed with UML's own output on fd 0 and 1 they lose
    // lines.
    std::vector<std::string> command{
        // When the guest reboots, or panics, UML executes argv[0] again and would run the command
        // once more; now and then it hangs on the way. A name that leads nowhere makes that the
        // end. Source: arch/um/os-Linux/main.c.
        "bash",
        "-c",
        "exec -a \"$0\" \"$@\"",
        "/no-second-boot/linux",
        config.kernel.string(),
        "mem=" + config.memory,
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        fmt::format("init={}/init", lines.scratch.string()),
        "con=null",
        fmt::format("con0=null,fd:{}", lines.console),
        "ssl=null",
        fmt::format("ssl0=fd:{},fd:{}", lines.line_in, lines.line_out),
        fmt::format("uml_dir={}/uml", lines.scratch.string()),
        "panic=-1",
    };
    // With ptrace(), the default, UML has one processor.
    if (is_smp_kernel(config.kernel)) command.insert(command.end(), {"ncpus=2", "seccomp=on"});
    command.insert(command.end(), config.kernel_arguments.begin(), config.kernel_arguments.end());
    return command;
}

/// In an option of QEMU's a comma ends the value, and two stand for one.
std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) result += c == ',' ? std::string(2, c) : std::string(1, c);
    return result;
}

/// A directory of the host's for the guest's 9p file system.
void add_share(std::vector<std::string>& command, const fs::path& directory, const std::string& tag,
               bool writable) {
    // none: files belong to whoever runs the lab, and no owner is changed. remap: the host's
    // directory may be on several file systems, whose inode numbers would meet.
    command.insert(command.end(),
                   {"-fsdev",
                    fmt::format("local,id={},path={},security_model=none,multidevs=remap{}", tag,
                                escaped(directory.string()), writable ? "" : ",readonly=on"),
                    "-device", fmt::format("virtio-9p-device,fsdev={0},mount_tag={0}", tag)});
}

Result<std::vector<std::string>> qemu_command(const GuestConfig& config,
                                              const MachineLines& lines) {
    constexpr const char* emulator = "qemu-system-aarch64";
    if (!find_program(emulator))
        return fail("is not installed", emulator, "apt install qemu-system-arm");
    std::string arguments = fmt::format(
        "console=ttyAMA0 root={} rootfstype=9p rootflags={},cache=loose ro init={}/init panic=-1",
        root_tag, share_options, lines.scratch.string());
    for (const auto& argument : config.kernel_arguments) arguments += " " + argument;
    std::vector<std::string> command{
        // The line is what QEMU itself reads and writes: of its other backends none takes two
        // descriptors.
        "bash",
        "-c",
        fmt::format("exec \"$0\" \"$@\" <&{} >&{}", lines.line_in, lines.line_out),
        emulator,
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        // A reboot, or a panic, is the end.
        "-no-reboot",
        "-machine",
        "virt,gic-version=3",
        // The larger cores of RK3399; QEMU's "max" has features that cost it time.
        "-cpu",
        "cortex-a72",
        "-smp",
        "2",
        "-accel",
        "tcg,thread=multi",
        "-m",
        config.memory,
        "-kernel",
        config.kernel.string(),
        "-append",
        arguments,
        "-chardev",
        fmt::format("file,id=console,path=/dev/fd/{}", lines.console),
        "-serial",
        "chardev:console",
        "-chardev",
        "stdio,id=line,signal=off",
        "-device",
        "virtio-serial-device",
        "-device",
        "virtconsole,chardev=line",
    };
    add_share(command, "/", std::string{root_tag}, false);
    add_share(command, lines.scratch / "tmp", share_tag("/tmp", config.job), true);
    for (const auto& mount : config.job.mounts)
        if (mount.writable) add_share(command, mount.path, share_tag(mount.path, config.job), true);
    return command;
}

}  // namespace

Result<std::vector<std::string>> machine_command(const GuestConfig& config,
                                                 const MachineLines& lines) {
    if (architecture_of(config.kernel) == "arm64") return qemu_command(config, lines);
    return uml_command(config, lines);
}

}  // namespace relfence::lab
