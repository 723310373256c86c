// SPDX-License-Identifier: MIT
// Which machine boots a kernel, with which programs in it.
#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>

#include <relfence/lab/architecture.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/lab/scratch.hpp>

#include "lab/machine.hpp"

namespace relfence::lab {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

class Machines : public testing::Test {
  protected:
    fs::path kernel(const std::string& name, const std::string& config) {
        put(name + "/.config", config);
        return put(name + "/linux", "");
    }
    fs::path put(const std::string& name, const std::string& text) {
        fs::create_directories((root_ / name).parent_path());
        std::ofstream{root_ / name} << text;
        return root_ / name;
    }
    Scratch scratch_ = Scratch::create().value();
    fs::path root_ = scratch_.path();
};

TEST(Architectures, GiveMakeWhatItNeeds) {
    const auto um = find_architecture("um");
    ASSERT_TRUE(um);
    EXPECT_THAT(um->variables(), ElementsAre(Pair("ARCH", "um")));
    EXPECT_EQ(um->compiler(), "gcc");
    const auto arm64 = find_architecture("arm64");
    ASSERT_TRUE(arm64);
    EXPECT_THAT(arm64->variables(),
                ElementsAre(Pair("ARCH", "arm64"), Pair("CROSS_COMPILE", "aarch64-linux-gnu-")));
    EXPECT_EQ(arm64->compiler(), "aarch64-linux-gnu-gcc");
    EXPECT_THAT(find_architecture("riscv").error().message(), HasSubstr("um, arm64"));
}

TEST(Architectures, AMissingCompilerIsNamedWithItsPackage) {
    const auto checked = check_compiler({"x", "no-such-cross-", "gcc-no-such", "x", {}});
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().message(), HasSubstr("no-such-cross-gcc"));
    EXPECT_THAT(checked.error().message(), HasSubstr("apt install gcc-no-such"));
}

TEST_F(Machines, AKernelsConfigurationSaysWhatItIsFor) {
    EXPECT_EQ(architecture_of(kernel("a", "CONFIG_ARM64=y\n")), "arm64");
    EXPECT_EQ(architecture_of(kernel("u", "CONFIG_UML=y\n# CONFIG_ARM64 is not set\n")), "um");
    EXPECT_EQ(architecture_of(root_ / "no" / "linux"), "um");
}

TEST_F(Machines, AGuestRunsTheProgramsOfItsOwnArchitecture) {
    const fs::path arm64 = kernel("a", "CONFIG_ARM64=y\n");
    const fs::path native = put("build/bin/relfence-init", "");
    EXPECT_EQ(guest_program(native, kernel("u", "")).value(), native);
    const auto missing = guest_program(native, arm64);
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), HasSubstr("scripts/build-arm64"));
    const fs::path cross = put("build/arm64/bin/relfence-init", "");
    EXPECT_EQ(guest_program(native, arm64).value(), cross);
}

TEST_F(Machines, UserModeLinuxIsTheKernelItself) {
    GuestConfig config;
    config.kernel = kernel("u", "CONFIG_UML=y\n");
    config.kernel_arguments = {"quiet"};
    const auto command = machine_command(config, {root_, 7, 8, 9}).value();
    EXPECT_THAT(command, Contains(config.kernel.string()));
    EXPECT_THAT(command, Contains("con0=null,fd:7"));
    EXPECT_THAT(command, Contains("ssl0=fd:8,fd:9"));
    EXPECT_EQ(command.back(), "quiet");
}

TEST_F(Machines, QemuSharesTheRootReadOnlyAndOnlyWhatIsWritableWritable) {
    if (!find_program("qemu-system-aarch64")) GTEST_SKIP() << "apt install qemu-system-arm";
    GuestConfig config;
    config.kernel = kernel("a", "CONFIG_ARM64=y\n");
    config.kernel_arguments = {"kunit.enable=0"};
    config.job.mounts = {{"/seen", false}, {"/a,b", true}};
    const auto command = machine_command(config, {"/scratch", 7, 8, 9}).value();
    EXPECT_THAT(command, Contains("qemu-system-aarch64"));
    EXPECT_THAT(command, Contains("exec \"$0\" \"$@\" <&8 >&9"));
    const auto options_of = [&](const std::string& tag) {
        const auto found = std::find_if(command.begin(), command.end(), [&](const std::string& o) {
            return o.find("id=" + tag + ",") != std::string::npos;
        });
        return found == command.end() ? std::string{} : *found;
    };
    EXPECT_THAT(options_of("relfence-root"), HasSubstr(",path=/,"));
    EXPECT_THAT(options_of("relfence-root"), HasSubstr("readonly=on"));
    EXPECT_THAT(options_of("relfence-tmp"), HasSubstr("path=/scratch/tmp,"));
    // A comma would end the path. Not shared: /seen, which the root has.
    EXPECT_EQ(share_tag("/a,b", config.job), "relfence-share-2");
    EXPECT_THAT(options_of("relfence-share-2"), HasSubstr("path=/a,,b,"));
    EXPECT_THAT(options_of("relfence-share-2"), Not(HasSubstr("readonly")));
    EXPECT_EQ(options_of("relfence-share-1"), "");
    EXPECT_THAT(command, Contains(testing::EndsWith(" kunit.enable=0")));
}

TEST_F(Machines, KernelsOfAnotherArchitectureAreBuiltOnlyWhenAskedFor) {
    // Catches that ./demo --all wants a cross compiler.
    put("p", "");
    const fs::path file = put("kernels.json", R"({"version": "6.12", "kernels": [
        {"name": "v2", "patches": [], "configs": []},
        {"name": "arm64-v2", "arch": "arm64", "optional": true, "patches": [], "configs": []}]})");
    auto list = load_kernel_list(file).value();
    ASSERT_EQ(list.chosen(true).size(), 1U);
    EXPECT_EQ(list.chosen(true)[0].name, "v2");
    EXPECT_EQ(list.find("arm64-v2")->arch, "arm64");
    list.arch = "arm64";
    ASSERT_EQ(list.chosen(true).size(), 1U);
    EXPECT_EQ(list.chosen(true)[0].name, "arm64-v2");
    const auto bad = load_kernel_list(put("bad.json", R"({"version": "6.12", "kernels": [
        {"name": "x", "arch": "vax", "patches": [], "configs": []}]})"));
    ASSERT_FALSE(bad);
    EXPECT_THAT(bad.error().message(), HasSubstr("vax"));
}

}  // namespace
}  // namespace relfence::lab
