// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/kernel_config.hpp>
#include <relfence/lab/sandbox.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;

ConfigSymbols parse_config(std::string_view text) {
    ConfigSymbols symbols;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        constexpr std::string_view unset = " is not set";
        if (line.starts_with("# CONFIG_") && line.ends_with(unset)) {
            line.remove_prefix(2);
            line.remove_suffix(unset.size());
            symbols[std::string{line}] = "n";
        } else if (const auto equals = line.find('=');
                   line.starts_with("CONFIG_") && equals != std::string_view::npos) {
            symbols[std::string{line.substr(0, equals)}] = line.substr(equals + 1);
        }
    }
    return symbols;
}

std::vector<ConfigMismatch> config_mismatches(const ConfigSymbols& wanted,
                                              const ConfigSymbols& got) {
    std::vector<ConfigMismatch> mismatches;
    for (const auto& [symbol, value] : wanted) {
        const auto found = got.find(symbol);
        const std::string& actual = found == got.end() ? "n" : found->second;
        if (actual != value) mismatches.push_back({symbol, value, actual});
    }
    return mismatches;
}

Result<void> configure_kernel(const fs::path& tree, const Architecture& architecture,
                              const std::vector<fs::path>& fragments,
                              const Interrupts* interrupts) {
    if (auto made = make_directories(tree / "build"); !made) return made;
    std::vector<std::string> command{"scripts/kconfig/merge_config.sh", "-n", "-O", "build"};
    ConfigSymbols wanted;
    for (const auto& fragment : fragments) {
        auto text = read_file(fragment);
        if (!text) return tl::make_unexpected(text.error());
        for (auto& [symbol, value] : parse_config(*text)) wanted[symbol] = value;
        command.push_back(fs::absolute(fragment).string());
    }
    CommandOptions options;
    options.spawn.directory = tree.string();
    options.spawn.extra = architecture.variables();
    options.spawn.extra.emplace("LC_ALL", "C");
    options.interrupts = interrupts;
    auto result = run_command(contained(command), options);
    if (!result) return tl::make_unexpected(result.error());
    auto text = read_file(tree / "build" / ".config");
    if (!result->ok() || !text)
        return fail(fmt::format("{}: {}", describe_status(result->status),
                                result->error.substr(0, result->error.find('\n'))),
                    "merge_config.sh");
    const auto mismatches = config_mismatches(wanted, parse_config(*text));
    if (mismatches.empty()) return {};
    std::string list;
    for (const auto& [symbol, value, actual] : mismatches)
        list += fmt::format("{}{} is {}, not {}", list.empty() ? "" : ", ", symbol, actual, value);
    return fail(list, "the kernel's configuration",
                "this tree has no such symbol, or something it depends on is off");
}

}  // namespace relfence::lab
