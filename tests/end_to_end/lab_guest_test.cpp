// SPDX-License-Identifier: MIT
// exec and run with a stand-in for the kernel: how the lab takes what guests do to it.
#include <algorithm>
#include <csignal>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lab_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace fs = std::filesystem;

class Exec : public LabTest {};

TEST_F(Exec, PassesExitCodeAndOutput) {
    const auto kernel = fake_kernel("k", "run");
    const auto result = lab({"exec", "-k", kernel, "--", "sh", "-c", "printf 'a\\0b'; exit 7"});
    EXPECT_EQ(exit_code(result), 7);
    EXPECT_EQ(result.output, std::string("a\0b", 3));
    EXPECT_EQ(result.error, "");
    EXPECT_THAT(list("tmp"), IsEmpty());
}

TEST_F(Exec, ACommandKilledByASignalIs128AndItsNumber) {
    const auto kernel = fake_kernel("k", "run");
    EXPECT_EQ(exit_code(lab({"exec", "-k", kernel, "--", "sh", "-c", "kill -9 $$"})), 137);
}

// The guest must write its scratch directory, and nothing else of the host unless it is shared.
TEST_F(Exec, TheHostIsReadOnlyButForWhatIsShared) {
    const auto kernel = fake_kernel("k", "run");
    put("mine", "");
    put("shared/mine", "");
    const std::string script = "echo x >" + (root / "mine").string() +
                               " || echo refused; echo x >" + (root / "shared" / "mine").string() +
                               " || echo refused";
    const auto alone = lab({"exec", "-k", kernel, "--", "sh", "-c", script});
    EXPECT_EQ(alone.output, "refused\nrefused\n");
    const auto shared = lab(
        {"exec", "-k", kernel, "--share", (root / "shared").string(), "--", "sh", "-c", script});
    EXPECT_EQ(shared.output, "refused\n");
    EXPECT_EQ(get("mine"), "");
    EXPECT_EQ(get("shared/mine"), "x\n");
}

TEST_F(Exec, AGuestThatDiesIs125WithItsLastWords) {
    const auto result = lab({"exec", "-k", fake_kernel("k", "panic"), "--", "true"});
    EXPECT_EQ(exit_code(result), 125);
    EXPECT_THAT(result.error, HasSubstr("Unable to mount root fs"));
    EXPECT_THAT(list("tmp"), IsEmpty());
}

TEST_F(Exec, AGuestThatIsMuteEndsWithTheTimeout) {
    const auto mute = lab({"exec", "-k", fake_kernel("k", "mute"), "-t", "0.2", "--", "true"});
    EXPECT_EQ(exit_code(mute), 124);
    EXPECT_THAT(mute.error, HasSubstr("no end after 0.2 s"));
    EXPECT_THAT(list("tmp"), IsEmpty());
    // The negative: a guest that ends is not cut off.
    EXPECT_EQ(exit_code(lab({"exec", "-k", fake_kernel("good", "run"), "-t", "600", "--", "true"})),
              0);
}

TEST_F(Exec, AKernelThatDoesNotSpeakTheProtocolIsAToolError) {
    const auto result = lab({"exec", "-k", fake_kernel("k", "babble"), "--", "true"});
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("serial line"));
}

// Catches input that is sent while the guest's line still echoes: it comes back as what is no
// frame.
TEST_F(Exec, InputWaitsUntilTheGuestHasItsLineRaw) {
    const auto result = lab({"exec", "-k", fake_kernel("k", "cooked"), "--", "sh", "-c", "exit 7"});
    EXPECT_EQ(exit_code(result), 7) << result.error;
}

class ExecSignal : public LabTest, public testing::WithParamInterface<int> {};

// Catches a lab that leaves its guest, its lock or its scratch directory behind.
TEST_P(ExecSignal, ReachesTheCommandAndLeavesNothing) {
    const auto kernel = fake_kernel("k", "run");
    const std::string token = "86400." + std::to_string(::getpid());
    auto child = start_lab({"exec", "-k", kernel, "--", "sleep", token});
    // No shell in between: dash loses a SIGINT that comes between its fork and the exec of sleep.
    ASSERT_TRUE(eventually([&] { return is_running(token, "sleep"); }));
    child.kill(GetParam());
    const int status = child.wait();
    if (GetParam() == SIGKILL) {
        EXPECT_TRUE(WIFSIGNALED(status));
        // Nobody could clean up; the next lab does.
        EXPECT_EQ(exit_code(lab({"exec", "-k", kernel, "--", "true"})), 0);
    } else {
        EXPECT_EQ(WEXITSTATUS(status), 128 + GetParam());
    }
    EXPECT_TRUE(eventually([&] { return !is_running(token); }));
    EXPECT_THAT(list("tmp"), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Each, ExecSignal, testing::Values(SIGINT, SIGTERM, SIGHUP, SIGKILL));

TEST_F(Exec, BadInputIsOneLineAndTwo) {
    const auto expect_line = [](const CommandResult& result, const std::string& part) {
        EXPECT_EQ(exit_code(result), 2);
        EXPECT_THAT(result.error, HasSubstr(part));
        EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1) << result.error;
    };
    expect_line(lab({"exec", "-k", "./none", "--", "true"}), "./none");
    expect_line(lab({"exec", "-k", root.string(), "--", "true"}), "linux");
    expect_line(lab({"exec", "-k", fake_kernel("k", "run"), "--share", "none", "--", "true"}),
                "none");
    EXPECT_EQ(exit_code(lab({"exec", "-k", fake_kernel("k2", "run")})), 2) << "no command";
    EXPECT_EQ(exit_code(lab({"no-such-command"})), 2);
    EXPECT_EQ(exit_code(lab({"exec", "--help"})), 0);
}

class Run : public LabTest {
  protected:
    Run() {
        put("project/kernel/kernels.json", R"({"version": "6.12", "kernels": []})");
        put("tree/Kconfig", "");
        put("tree/Makefile", "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 7\n");
        put("project/lab/cases.json", R"({"cases": [
            {"case": "good", "expected": {"k": {"*": "fine"}}},
            {"case": "crash", "expected": {"k": {"*": "oops"}}},
            {"case": "splat", "expected": {"k": {"*": "lockdep splat"}}},
            {"case": "hush", "expected": {"k": {"*": "silent"}}},
            {"case": "after", "expected": {"k": {"*": "/fi.*/"}}}]})");
    }
    [[nodiscard]] CommandResult run(const std::string& kernel, std::vector<std::string> more = {},
                                    const std::string& silence = "600") const {
        std::vector<std::string> arguments{"run",  "--project", "project", "--tree",
                                           "tree", "--kernel",  kernel,    "--out",
                                           "out",  "--silence", silence};
        if (std::find(more.begin(), more.end(), "--cases") == more.end())
            arguments.insert(arguments.end(), {"--cases", FAKE_CASES});
        arguments.insert(arguments.end(), more.begin(), more.end());
        return lab(arguments);
    }
    [[nodiscard]] nlohmann::json report() const {
        return nlohmann::json::parse(get("out/report.json"));
    }
    [[nodiscard]] std::string seen(const std::string& name) const {
        const auto document = report();
        for (const auto& cell : document["cells"])
            if (cell["case"] == name) return cell["seen"];
        return "no such cell";
    }
};

TEST_F(Run, EachTroubleIsAResultAndTheRestGoesOn) {
    const auto result =
        run(fake_kernel("k", "run"), {"-c", "good", "-c", "crash", "-c", "splat", "-c", "after"});
    EXPECT_EQ(exit_code(result), 0) << result.output << result.error;
    EXPECT_EQ(report()["cells"].size(), 5U);
    EXPECT_EQ(seen("crash"), "oops");
    EXPECT_EQ(seen("splat"), "lockdep splat");
    EXPECT_EQ(seen("after"), "fine");
    const auto document = report();
    for (const auto& cell : document["cells"]) {
        EXPECT_TRUE(cell["ok"]) << cell;
        EXPECT_TRUE(fs::exists(root / "out" / std::string{cell["log"]}));
        for (const auto& artifact : cell["artifacts"])
            EXPECT_TRUE(fs::exists(root / "out" / std::string{artifact}));
    }
    EXPECT_THAT(get("out/report.ktap"), HasSubstr("ok 1 good/a"));
    EXPECT_THAT(list("tmp"), IsEmpty());
}

TEST_F(Run, ASilentGuestIsAResult) {
    const auto result = run(fake_kernel("k", "run"), {"-c", "hush"}, "1");
    EXPECT_EQ(exit_code(result), 0) << result.output;
    EXPECT_EQ(seen("hush"), "silent");
}

TEST_F(Run, WhatIsNotAsExpectedIsExitOneWithItsBlock) {
    put("project/lab/cases.json",
        R"({"cases": [{"case": "good", "expected": {"k": {"a": "fence", "b": "fine"}}}]})");
    const auto result = run(fake_kernel("k", "run"), {"-c", "good"});
    EXPECT_EQ(exit_code(result), 1);
    EXPECT_THAT(result.output, HasSubstr("good/a on k\n  expected: fence\n  seen:     fine\n"));
    EXPECT_THAT(result.output, Not(HasSubstr("good/b on k")));
    EXPECT_THAT(get("out/report.ktap"), HasSubstr("not ok 1 good/a"));
}

TEST_F(Run, ACaseThatBreaksIsAnErrorAndNeverAsExpected) {
    put("project/lab/cases.json",
        R"({"cases": [{"case": "broken", "expected": {"k": {"*": "/.*/"}}}]})");
    const auto result = run(fake_kernel("k", "run"), {"-c", "broken"});
    EXPECT_EQ(exit_code(result), 1);
    EXPECT_THAT(result.output, HasSubstr("exit status 3"));
}

TEST_F(Run, AKernelThatDoesNotBootIsAResultOfEachCell) {
    const auto result = run(fake_kernel("k", "panic"), {"-c", "good"});
    EXPECT_EQ(exit_code(result), 1);
    EXPECT_EQ(seen("good"), "panic");
}

TEST_F(Run, AWarningDuringBootIsACellOfItsOwn) {
    const auto result = run(fake_kernel("k", "boot-warning"), {"-c", "good"});
    EXPECT_EQ(exit_code(result), 1);
    EXPECT_EQ(seen("boot"), "warning");
    EXPECT_EQ(seen("good"), "fine");
}

TEST_F(Run, BadInputIsTwo) {
    const auto kernel = fake_kernel("k", "run");
    EXPECT_EQ(exit_code(run(kernel, {"--cases", "none"})), 2);
    EXPECT_EQ(exit_code(run(kernel, {"-c", "no-such-*"})), 2);
    EXPECT_EQ(exit_code(run("nosuch")), 2);
    EXPECT_EQ(exit_code(run(kernel, {"--expectations", "none"})), 2);
    EXPECT_EQ(exit_code(run(kernel, {}, "0")), 2);
    put("project/lab/cases.json", "{");
    EXPECT_THAT(run(kernel).error, HasSubstr("cases.json"));
    EXPECT_FALSE(fs::exists(root / "out/report.json")) << "nothing is left half-written";
}

TEST_F(Run, ACtrlCLeavesNothing) {
    auto child = start_lab({"run", "--project", "project", "--tree", "tree", "--cases", FAKE_CASES,
                            "--kernel", fake_kernel("k", "run"), "--out", "out", "-c", "hush"});
    ASSERT_TRUE(eventually(
        [&] { return get("out/boots/k-01/results.jsonl").find("start") != std::string::npos; }));
    child.kill(SIGINT);
    EXPECT_EQ(WEXITSTATUS(child.wait()), 130);
    EXPECT_FALSE(is_running((root / "k" / "linux").string()));
    EXPECT_THAT(list("tmp"), IsEmpty());
    EXPECT_FALSE(fs::exists(root / "out/report.json"));
}

TEST_F(Run, SeveralLabsRunSideBySide) {
    const auto kernel = fake_kernel("k", "run");
    std::vector<Child> labs;
    for (const char* out : {"out1", "out2", "out3"})
        labs.push_back(start_lab({"run", "--project", "project", "--tree", "tree", "--cases",
                                  FAKE_CASES, "--kernel", kernel, "--out", out, "-c", "good"}));
    for (auto& child : labs) EXPECT_EQ(WEXITSTATUS(child.wait()), 0);
}

}  // namespace
}  // namespace relfence::lab
