// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <relfence/lab/architecture.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/kernel_config.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;

std::map<std::string, std::string> Architecture::variables() const {
    std::map<std::string, std::string> result{{"ARCH", std::string{name}}};
    if (!cross.empty()) result.emplace("CROSS_COMPILE", cross);
    return result;
}

Result<Architecture> find_architecture(std::string_view name) {
    if (name == native_architecture) return Architecture{"um", "", "gcc", "linux", {"linux"}};
    if (name == "arm64")
        return Architecture{"arm64",
                            "aarch64-linux-gnu-",
                            "gcc-aarch64-linux-gnu",
                            "arch/arm64/boot/Image",
                            {"Image"}};
    return fail("is no architecture that the lab builds for", std::string{name}, "um, arm64");
}

Result<void> check_compiler(const Architecture& architecture) {
    for (const auto& program : {architecture.compiler(), architecture.linker()})
        if (!find_program(program))
            return fail("is not installed", program,
                        fmt::format("apt install {}", architecture.package));
    return {};
}

std::string_view architecture_of(const fs::path& kernel) {
    const auto text = read_file(kernel.parent_path() / ".config");
    if (!text) return native_architecture;
    const auto symbols = parse_config(*text);
    const auto arm64 = symbols.find("CONFIG_ARM64");
    return arm64 != symbols.end() && arm64->second == "y" ? "arm64" : native_architecture;
}

Result<fs::path> guest_program(const fs::path& native, const fs::path& kernel) {
    const std::string_view architecture = architecture_of(kernel);
    if (architecture == native_architecture) return native;
    fs::path program =
        native.parent_path().parent_path() / architecture / "bin" / native.filename();
    std::error_code error;
    if (!fs::exists(program, error))
        return fail("is missing", program.string(),
                    fmt::format("scripts/build-{0} {1}", architecture,
                                program.parent_path().parent_path().string()));
    return program;
}

}  // namespace relfence::lab
