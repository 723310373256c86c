// SPDX-License-Identifier: MIT
#include <algorithm>
#include <regex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/precompile.hpp>
#include <relfence/lab/sandbox.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;

namespace {

/// Headers that many objects read and that a series for media drivers leaves alone: an object
/// depends on all of them, so touching one compiles everything.
constexpr const char* common_headers[] = {
    "linux/module.h",
    "linux/slab.h",
    "linux/sched/signal.h",
    "linux/sched/mm.h",
    "linux/fs.h",
    "linux/mm.h",
    "linux/device.h",
    "linux/interrupt.h",
    "linux/io.h",
    "linux/uaccess.h",
    "linux/seq_file.h",
    "linux/kthread.h",
    "linux/highmem.h",
    "linux/pagemap.h",
    "linux/swap.h",
    "linux/string_helpers.h",
    "linux/pci.h",
    "linux/of.h",
    "linux/platform_device.h",
    "linux/dma-mapping.h",

    "linux/irq.h",
    "linux/debugfs.h",
    "linux/proc_fs.h",
    "linux/poll.h",
    "linux/security.h",
    "net/sock.h",
};
/// Objects whose sources give a name of these headers another meaning (swap(), clamp()). They
/// define a macro that the precompiled headers mention, so that gcc does not take these.
constexpr const char* plain_objects[] = {"sort", "rockchip_av1_filmgrain"};
constexpr std::string_view headers_file = "relfence-headers.h";
constexpr std::string_view names_file = "relfence-names.h";
/// Kbuild's first -include, seen from the build directory.
constexpr std::string_view precompiled_file = "../include/linux/compiler-version.h.gch";

/// Keeps the time of a file that is right: every object depends on it.
Result<void> write_if_other(const fs::path& file, const std::string& text) {
    if (const auto old = read_file(file); old && *old == text) return {};
    return write_file(file, text);
}

std::string headers_text() {
    std::string text = "#ifdef RELFENCE_PLAIN\n#endif\n";
    for (const char* header : common_headers)
        text += fmt::format("#if __has_include(<{0}>)\n#include <{0}>\n#endif\n", header);
    return text;
}

/// The value of a variable of a makefile, lines that go on joined; empty if it is not set once.
std::string makefile_variable(std::string_view makefile, const std::string& name) {
    const std::string text{makefile};
    const std::regex line{"(?:^|\n)" + name + "[ \t]*=([ \t](?:[^\n]*\\\\\n)*[^\n]*)"};
    std::smatch match;
    if (!std::regex_search(text, match, line)) return {};
    return std::regex_replace(match[1].str(), std::regex{"(\\\\\n|[ \t])+"}, " ").substr(1);
}

}  // namespace

std::optional<RenamedMacros> rename_kbuild_macros(std::string_view makefile) {
    RenamedMacros renamed;
    for (const char* name : {"basename_flags", "modname_flags", "modfile_flags"}) {
        const std::string value = makefile_variable(makefile, name);
        const std::regex definition{"-D([A-Za-z_]*KBUILD_[A-Z]+)="};
        const std::sregex_iterator first{value.begin(), value.end(), definition};
        if (first == std::sregex_iterator{}) return std::nullopt;
        for (auto found = first; found != std::sregex_iterator{}; ++found)
            renamed.macros[(*found)[1]] = "RELFENCE_" + (*found)[1].str();
        renamed.make_arguments.push_back(
            fmt::format("{}={}", name, std::regex_replace(value, definition, "-DRELFENCE_$1=")));
    }
    return renamed;
}

std::string precompile_command(std::string_view cmd_file, std::string_view output,
                               std::string_view header) {
    const auto begin = cmd_file.find(":= ");
    const auto end = cmd_file.find(" -c -o ");
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
    std::string command{cmd_file.substr(begin + 3, end - begin - 3)};
    // What belongs to that one object: its dependencies, its names, and the header that gives them.
    command = std::regex_replace(
        command, std::regex{" -Wp,-MMD,[^ ]+| -D[A-Za-z_]*KBUILD_[A-Z]+=[^ ]+"}, "");
    command = std::regex_replace(command, std::regex{fmt::format(" -include {}", names_file)}, "");
    return fmt::format("{} -Wp,-MMD,{}.d -x c-header -o {} {}", command, header, output, header);
}

Result<std::optional<Precompilation>> prepare_precompilation(const fs::path& tree) {
    const auto makefile = read_file(tree / "scripts" / "Makefile.lib");
    if (!makefile) return std::nullopt;
    const auto renamed = rename_kbuild_macros(*makefile);
    if (!renamed) return std::nullopt;
    std::string names;
    for (const auto& [name, other] : renamed->macros)
        names += fmt::format("#define {} {}\n", name, other);
    const fs::path build = tree / "build";
    auto written = write_if_other(build / names_file, names);
    if (written) written = write_if_other(build / headers_file, headers_text());
    if (!written) return tl::make_unexpected(written.error());
    Precompilation result{renamed->make_arguments,
                          // gcc forgets the headers' own pragmas about this warning.
                          fmt::format("-Wno-attribute-alias -fpch-deps -include {}", names_file)};
    for (const char* object : plain_objects)
        result.make_arguments.push_back(fmt::format("CFLAGS_{}.o=-DRELFENCE_PLAIN", object));
    return result;
}

Result<void> precompile_headers(const fs::path& tree, const Interrupts* interrupts) {
    const auto cmd_file = read_file(tree / "build" / "scripts" / "mod" / ".empty.o.cmd");
    const std::string command =
        cmd_file ? precompile_command(*cmd_file, precompiled_file, headers_file) : std::string{};
    if (command.empty()) return {};
    CommandOptions options;
    options.spawn.directory = (tree / "build").string();
    options.spawn.extra = {{"LC_ALL", "C"}};
    options.interrupts = interrupts;
    auto result = run_command(contained({"sh", "-c", command}), options);
    if (!result) return tl::make_unexpected(result.error());
    return {};
}

void drop_precompiled_headers(const fs::path& tree) {
    std::error_code error;
    fs::remove(tree / "build" / precompiled_file, error);
}

}  // namespace relfence::lab
