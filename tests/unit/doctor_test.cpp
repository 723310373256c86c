// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "doctor/facts.hpp"

namespace relfence::doctor {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// A machine made of files, with names of a person, a host and serial numbers wherever a report
/// looks.
class Doctor : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "relfence-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = name;
        put("proc/sys/kernel/hostname", "grumpy-box.example.org\n");
        put("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        put("etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\n"
            "video:x:900:900::/nonexistent:/bin/false\n"
            "janeroe:x:1000:1000:Jane Roeson,,,:/data/people/jr:/bin/bash\n");
        put("proc/cpuinfo", "Hardware\t: Thing\nSerial\t\t: feedc0de1234\n");
        put("sys/class/dmi/id/product_serial", "SN99887766\n");
        put("proc/device-tree/serial-number", std::string{"DTSERIAL55\0", 11});

        put("etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian for janeroe\"\n");
        put("proc/device-tree/model",
            std::string{"Pinebook of Jane on GRUMPY-BOX SN99887766\0", 42});
        put("proc/cmdline",
            "root=UUID=11111111-2222-3333-4444-555555555555 hantro_vpu.path=/data/people/jr/fw "
            "cma=64M hantro-vpu.id=dtserial55 password=geheim\n");
        put("proc/sys/kernel/osrelease", "6.12.1-janeroe\n");
        put("boot/config-6.12.1-janeroe", "CONFIG_SYNC_FILE=y\n# CONFIG_SW_SYNC is not set\n");
        put("sys/module/hantro_vpu/parameters/name", "grumpy-box\n");
        put("sys/module/hantro_vpu/parameters/mac", "aa:bb:cc:00:11:22\n");
        put("sys/module/udmabuf/parameters/who",
            "someone@else.example /home/other/x feedc0de1234\n");
        put("sys/module/secret/parameters/key", "geheim\n");
        put("proc/17/comm", "kwin_wayland\n");
        put("proc/18/comm", "janeroe-editor\n");
        put("dev/video0", "");
        environment_ = {{"USER", "janeroe"},
                        {"HOME", "/data/people/jr"},
                        {"XDG_SESSION_TYPE", "wayland"},
                        {"XDG_CURRENT_DESKTOP", "janeroe's desk on grumpy-box"},
                        {"WAYLAND_DISPLAY", "wayland-janeroe"}};
    }
    void TearDown() override { fs::remove_all(root_); }

    void put(const fs::path& path, const std::string& text) const {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream{root_ / path} << text;
    }
    [[nodiscard]] nlohmann::ordered_json facts() const {
        return collect_facts({root_, environment_}, {"hantro-vpu"});
    }
    [[nodiscard]] nlohmann::ordered_json redacted() const {
        return redact_json(facts(), find_secrets(root_, environment_));
    }

    fs::path root_;
    Environment environment_;
};

constexpr const char* planted[] = {
    "janeroe",      "Jane",       "grumpy-box", "GRUMPY-BOX",        "/data/people/jr",
    "feedc0de1234", "SN99887766", "dtserial55", "aa:bb:cc:00:11:22", "someone@else.example",
    "/home/other"};

TEST_F(Doctor, LeavesOutWhatNamesAPersonOrAMachine) {
    for (const std::string& text : {redacted().dump(), facts_to_text(redacted())})
        for (const char* secret : planted) EXPECT_THAT(text, Not(HasSubstr(secret)));
}

// The control of the test above: each of them would be in the report.
TEST_F(Doctor, WouldOtherwiseTell) {
    const std::string text = facts_to_text(facts());
    for (const char* secret : planted) EXPECT_THAT(text, HasSubstr(secret));
}

TEST_F(Doctor, TellsWhatMattersAndNoMore) {
    const auto found = redacted();
    EXPECT_EQ(found["system"]["distribution"], "Debian for <user>");
    EXPECT_EQ(found["system"]["machine"], "Pinebook of <user> on <host> <serial>");
    EXPECT_EQ(found["kernel_options"]["CONFIG_SYNC_FILE"], "y");
    EXPECT_EQ(found["modules"]["hantro_vpu"]["parameters"]["name"], "<host>");
    EXPECT_EQ(
        found["boot_parameters"],
        (nlohmann::ordered_json{"hantro_vpu.path=<home>/fw", "cma=64M", "hantro-vpu.id=<serial>"}));
    EXPECT_EQ(found["session"]["XDG_SESSION_TYPE"], "wayland");
    EXPECT_EQ(found["session"]["WAYLAND_DISPLAY"], "is set");
    EXPECT_EQ(found["session"]["compositors"], nlohmann::ordered_json{"kwin_wayland"});
    EXPECT_TRUE(found["device_nodes"].contains("/dev/video0"));
    EXPECT_THAT(found.dump(), Not(HasSubstr("geheim")));
}

TEST_F(Doctor, OfAnEmptyMachineIsNoError) {
    const auto found = collect_facts({root_ / "nothing", {}}, {});
    EXPECT_THAT(found["kernel_options"].get<std::string>(), HasSubstr("not known"));
    EXPECT_TRUE(find_secrets(root_ / "nothing", {}).empty());
}

TEST(Redact, TakesWholeWordsOfAnyCase) {
    const std::vector<Secret> secrets{{"ada", "<user>"}};
    EXPECT_EQ(redact("Ada's ada-box, adapter, /run/ada/x", secrets),
              "<user>'s <user>-box, adapter, /run/<user>/x");
}

TEST(Redact, LeavesVersionsAndDeviceNamesAlone) {
    const std::vector<Secret> none;
    for (const char* text : {"6.12.48-1~bpo12+1", "platform:ff650000.video-codec", "/dev/video0",
                             "#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1 (2025-09-20)"})
        EXPECT_EQ(redact(text, none), text);
}

}  // namespace
}  // namespace relfence::doctor
