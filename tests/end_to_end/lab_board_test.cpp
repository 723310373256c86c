// SPDX-License-Identifier: MIT
// A board beside a stand-in for the kernel: what the lab says when there is none, when it goes, and
// what is left afterwards.
#include <algorithm>
#include <csignal>
#include <fcntl.h>

#include <gmock/gmock.h>

#include "lab_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

class ExecBoard : public LabTest {
  protected:
    [[nodiscard]] std::vector<std::string> exec(const std::vector<std::string>& board,
                                                const std::vector<std::string>& command) const {
        std::vector<std::string> arguments{"exec", "-k", kernel};
        arguments.insert(arguments.end(), board.begin(), board.end());
        arguments.emplace_back("--");
        arguments.insert(arguments.end(), command.begin(), command.end());
        return arguments;
    }
    [[nodiscard]] bool board_runs() const { return is_running(root.string(), "relfence-board"); }
    /// Neither a process nor a socket nor a device tree.
    void expect_nothing_left() const {
        EXPECT_FALSE(board_runs());
        EXPECT_FALSE(is_running((root / "k" / "linux").string()));
        EXPECT_THAT(list("tmp"), IsEmpty());
    }

    const std::string kernel = fake_kernel("k", "run");
    const std::string token = "86402." + std::to_string(::getpid());
};

struct BadInput {
    std::string name;
    std::vector<std::string> arguments;
    std::string said;
};

class ExecBadBoard : public ExecBoard, public testing::WithParamInterface<BadInput> {};

TEST_P(ExecBadBoard, IsOneLineAndTwo) {
    const auto result = lab(exec(GetParam().arguments, {"true"}));
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_EQ(result.output, "");
    EXPECT_THAT(result.error, HasSubstr(GetParam().said));
    EXPECT_EQ(std::count(result.error.begin(), result.error.end(), '\n'), 1) << result.error;
    expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(
    Each, ExecBadBoard,
    testing::Values(
        BadInput{"UnknownBoard", {"--board", "nosuch"}, "nosuch: is no board"},
        BadInput{"UnknownOption", {"--board", "ohm", "--board-arg=--nosuch"}, "--nosuch"},
        BadInput{"OptionWithoutItsValue", {"--board", "ohm", "--board-arg=--log"}, "--log"},
        BadInput{"UnknownFault",
                 {"--board", "ohm", "--board-arg=--fault", "--board-arg=vdpu:1:nosuch"},
                 "vdpu:1:nosuch"},
        BadInput{"FaultOfNoJob",
                 {"--board", "ohm", "--board-arg=--fault", "--board-arg=vdpu:0:hang"},
                 "vdpu:0:hang"},
        BadInput{"FaultOfAnEngineThatTheBoardLacks",
                 {"--board", "ohm", "--board-arg=--fault", "--board-arg=npu:1:hang"},
                 "npu: is no engine of ohm"},
        BadInput{"UnknownTime",
                 {"--board", "ohm", "--board-arg=--time", "--board-arg=nosuch"},
                 "nosuch"},
        BadInput{"LogThatCannotBeWritten",
                 {"--board", "ohm", "--board-arg=--log", "--board-arg=none/of/these"},
                 "none/of/these"},
        BadInput{"ArgumentsWithoutABoard", {"--board-arg=--strict"}, "needs --board"}),
    [](const auto& instance) { return instance.param.name; });

// The control of the tests above: the same with what is there.
TEST_F(ExecBoard, ServesAGuestAndGoes) {
    const auto result =
        lab(exec({"--board", "fresnel", "--board-arg=--fault", "--board-arg=vdpu:1:hang"},
                 {"sh", "-c", "exit 7"}));
    EXPECT_EQ(exit_code(result), 7) << result.error;
    expect_nothing_left();
}

// Catches a guest that starts, finds no device, and leaves its user to find out why.
TEST_F(ExecBoard, AKernelThatLacksASymbolIsRefusedWithItsName) {
    const std::string buses =
        "CONFIG_OF=y\nCONFIG_VIRTIO_UML=y\nCONFIG_UML_PCI_OVER_VIRTIO=y\n"
        "CONFIG_UML_PCI_OVER_VIRTIO_DEVICE_ID=1234\n";
    const auto arguments = exec({"--board", "fresnel"}, {"true"});
    put("k/.config", buses + "# CONFIG_GPIO_VIRTIO is not set\n");
    const auto refused = lab(arguments);
    EXPECT_EQ(exit_code(refused), 2);
    EXPECT_EQ(refused.error, "relfence-lab: " + (root / "k/linux").string() +
                                 ": cannot see a board without CONFIG_GPIO_VIRTIO=y\n");
    EXPECT_EQ(exit_code(lab(exec({}, {"true"}))), 0) << "it does well without a board";
    put("k/.config", buses + "CONFIG_GPIO_VIRTIO=y\n");
    EXPECT_EQ(exit_code(lab(arguments)), 0);
    expect_nothing_left();
}

TEST_F(ExecBoard, AMissingProgramIsNamed) {
    fs::create_directories(root / "bin");
    for (const char* program : {"relfence-lab", "relfence-init"})
        fs::copy_file(fs::path{RELFENCE_LAB}.parent_path() / program, root / "bin" / program);
    auto arguments = exec({"--board", "fresnel"}, {"true"});
    arguments.insert(arguments.begin(), (root / "bin/relfence-lab").string());
    CommandOptions options;
    options.spawn = spawn_options();
    const auto result = run_command(arguments, options).value();
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("bin/relfence-board: is missing"));
    EXPECT_THAT(list("tmp"), IsEmpty());
}

// Catches a lab that waits for ever for a guest whose hardware is gone.
TEST_F(ExecBoard, ABoardThatDiesTakesItsGuestAlong) {
    const std::string errors = (root / "errors").string();
    SpawnOptions options = spawn_options();
    const UniqueFd error{::creat(errors.c_str(), 0600)};
    options.error = error.get();
    auto arguments = exec({"--board", "fresnel"}, {"sleep", token});
    arguments.insert(arguments.begin(), RELFENCE_LAB);
    auto child = Child::spawn(arguments, options).value();
    ASSERT_TRUE(eventually([&] { return is_running(token, "sleep"); }));
    const auto board = find_running(root.string(), "relfence-board");
    ASSERT_TRUE(board);
    ::kill(*board, SIGKILL);
    EXPECT_EQ(WEXITSTATUS(child.wait()), 125);
    EXPECT_EQ(get("errors"), "relfence-lab: the board ended: killed by signal 9\n");
    EXPECT_TRUE(eventually([&] { return !is_running(token); }));
    expect_nothing_left();
}

TEST_F(ExecBoard, AGuestThatDiesTakesItsBoardAlong) {
    put("k/behaviour", "panic\n");
    const auto result = lab(exec({"--board", "fresnel"}, {"true"}));
    EXPECT_EQ(exit_code(result), 125);
    EXPECT_THAT(result.error, HasSubstr("Unable to mount root fs"));
    expect_nothing_left();
}

class ExecBoardSignal : public ExecBoard, public testing::WithParamInterface<int> {};

TEST_P(ExecBoardSignal, LeavesNoBoardAndNoSocket) {
    auto child = start_lab(exec({"--board", "ohm"}, {"sleep", token}));
    ASSERT_TRUE(eventually([&] { return is_running(token, "sleep"); }));
    ASSERT_TRUE(board_runs()) << "or the test shows nothing";
    child.kill(GetParam());
    const int status = child.wait();
    if (GetParam() == SIGKILL) {
        EXPECT_TRUE(WIFSIGNALED(status));
        EXPECT_TRUE(eventually([&] { return !board_runs(); }));
        // Nobody could clean up; the next lab does.
        EXPECT_EQ(exit_code(lab(exec({}, {"true"}))), 0);
    } else {
        EXPECT_EQ(WEXITSTATUS(status), 128 + GetParam());
    }
    EXPECT_TRUE(eventually([&] { return !is_running(token); }));
    expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Each, ExecBoardSignal, testing::Values(SIGINT, SIGTERM, SIGHUP, SIGKILL));

}  // namespace
}  // namespace relfence::lab
