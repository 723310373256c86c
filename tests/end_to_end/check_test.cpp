// SPDX-License-Identifier: MIT
// relfence check and list on the lab's kernels: an untouched kernel must fail exactly the checks of
// the producer's fence, the series must pass them. Kernels that are wrong in one way only:
// check_controls_test.cpp.
#include <map>
#include <set>

#include <gmock/gmock.h>

#include "check_fixture.hpp"

namespace relfence::lab {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

/// What an untouched kernel does not do.
const std::set<std::string> producer_checks{"in-flight-fence", "fence-signals",    "in-flight-poll",
                                            "shared-exports",  "imported-udmabuf", "imported-heap",
                                            "imported-vgem",   "frame-complete",   "failed-job",
                                            "abort-streamoff", "abort-close"};

std::string expected(const json& row, const std::string& kernel) {
    const std::string check = row["check"];
    if (cannot_be_tried(row)) return "skip";
    // What V4L2 does not do, in no version of the series.
    if (check == "reader-fence") return "warn";
    // Its frame is there at once, and what takes time is nothing.
    if (check == "frame-complete" && row["driver"] == "vim2m" && kernel == "baseline")
        return "skip";
    return kernel == "baseline" && producer_checks.contains(check) ? "fail" : "pass";
}

class Check : public CheckTest, public testing::WithParamInterface<BoardAndKernel> {};

TEST_P(Check, FailsTheChecksThatTheKernelDeserves) {
    // Before and after, all that a device says of itself.
    const std::string states = "for i in 0 1 2 3 4 5 6 7; do v4l2-ctl -d $i --all; done > ";
    const auto seen = run(
        GetParam(),
        slow_down + states + "before 2>&1; " + relfence + " list --json > list.json; " + relfence +
            " check --all --json > check.json; echo $? > code; " + states + "after 2>&1",
        {"--duration", "40ms"});
    ASSERT_EQ(seen.code, 0) << seen.error;
    EXPECT_THAT(seen.complaints(), IsEmpty());

    const auto& [board, kernel] = GetParam();
    const json report = json_of("check.json");
    ASSERT_TRUE(report.is_object()) << seen.output << seen.error;
    std::map<std::string, std::set<std::string>> tried;
    std::set<std::string> torn;
    std::vector<std::string> wrong;
    for (const json& row : report["checks"]) {
        tried[row["driver"]].insert(row["stream"].get<std::string>());
        if (row["check"] == "frame-complete" && kernel == "baseline") {
            if (row["verdict"] == "fail") torn.insert(row["driver"]);
            // Whether a look comes in time is luck on a machine that does other things too.
            if (row["verdict"] == "skip") continue;
        }
        if (row["verdict"] != expected(row, kernel))
            wrong.push_back(describe(row) + "; expected " + expected(row, kernel));
    }
    EXPECT_THAT(wrong, IsEmpty());
    if (kernel == "baseline") {
        EXPECT_THAT(torn, IsSupersetOf({"hantro-vpu", "rockchip-rga", "vicodec", "visl"}));
    }
    std::map<std::string, std::set<std::string>> all{
        {"vim2m", {"raw"}},
        {"vicodec", {"fwht", "raw-to-fwht"}},
        {"visl", {"fwht", "h264", "mpeg2", "vp8"}},
        {"rockchip-rga", {"raw"}},
        {"hantro-vpu", {"vp8", "mpeg2", "raw-to-jpeg"}}};
    if (board == "ohm") all["hantro-vpu"].insert("h264");
    EXPECT_EQ(tried, all);
    EXPECT_EQ(text_of("code"), kernel == "baseline" ? "1\n" : "0\n");

    EXPECT_EQ(text_of("before"), text_of("after"));
    const json list = json_of("list.json");
    ASSERT_TRUE(list.is_object());
    EXPECT_EQ(list["video"].size(), 8U);
    EXPECT_EQ(list["kernel"]["sync_file_ioctls"], true);
}

INSTANTIATE_TEST_SUITE_P(Each, Check,
                         testing::Combine(testing::Values("fresnel", "ohm"),
                                          testing::Values("baseline", "v2")),
                         name_of);

/// What a user gets wrong is told in one line.
TEST_F(CheckTest, SaysWhatIsWrongWithADevice) {
    const auto seen =
        run({"fresnel", "v2"},
            relfence + " check -d /dev/null 2> null; echo $? >> null; " + relfence +
                " check -d /dev/video77 2> absent; echo $? >> absent; chmod 0600 /dev/video0; "
                "setpriv --reuid=65534 --clear-groups " +
                relfence + " check -d /dev/video0 2> forbidden; echo $? >> forbidden; " + relfence +
                " check --filter nonsense 2> nonsense; echo $? >> nonsense");
    ASSERT_EQ(seen.code, 0) << seen.error;
    EXPECT_EQ(text_of("null"),
              "relfence: /dev/null: is no video device (relfence list names those that are)\n2\n");
    EXPECT_EQ(text_of("absent"),
              "relfence: /dev/video77: is not there (relfence list names what is)\n2\n");
    EXPECT_EQ(text_of("forbidden"),
              "relfence: /dev/video0: is not yours to open (join the group that owns it, often "
              "'video', or run as root)\n2\n");
    EXPECT_EQ(
        text_of("nonsense"),
        "relfence: nonsense: is the name of no check (relfence check --list names them)\n2\n");
}

/// A warning changes nothing unless it is asked to.
TEST_F(CheckTest, AWarningIsAFailureOnlyWhenStrict) {
    const std::string check = relfence + " check -d /dev/video0 --filter reader-fence";
    const auto seen = run({"fresnel", "v2"}, check + " > said; echo $? >> said; " + check +
                                                 " --strict > strict; echo $? >> strict; " + check +
                                                 " --ktap > ktap");
    ASSERT_EQ(seen.code, 0) << seen.error;
    EXPECT_THAT(text_of("said"), AllOf(HasSubstr("  warn   reader-fence"), EndsWith("\n0\n"),
                                       HasSubstr("0 pass, 0 fail, 1 warn, 0 skip, 0 error")));
    EXPECT_THAT(text_of("strict"), AllOf(HasSubstr("  fail   reader-fence"), EndsWith("\n1\n"),
                                         HasSubstr("0 pass, 1 fail, 0 warn, 0 skip, 0 error")));
    EXPECT_THAT(text_of("ktap"), HasSubstr("\n    ok 1 reader-fence # WARN the frame was written"));
}

/// In the guest: whether somebody has a dma-buf.
const std::string helpers =
    node_of_name + "buffers() { ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q dmabuf; }; ";

/// Each device is one error and no more, and what other devices do is not touched.
void expect_one_error(const json& report, const std::string& why, const std::string& afterwards) {
    ASSERT_TRUE(report.is_object());
    bool over = false;
    for (const json& row : report["checks"]) {
        if (over) {
            EXPECT_EQ(row["verdict"], "skip") << describe(row);
            EXPECT_EQ(row["text"], afterwards);
        } else if (row["verdict"] == "error") {
            EXPECT_EQ(row["text"], why);
            over = true;
        } else {
            EXPECT_THAT(row["verdict"], testing::AnyOf("pass", "skip")) << describe(row);
        }
    }
    EXPECT_TRUE(over);
}

/// A program with the priority of a recorder keeps others from the device: nothing can be set.
TEST_F(CheckTest, SaysThatADeviceIsBusy) {
    const auto seen = run(
        {"fresnel", "v2"},
        helpers +
            "V=$(node vim2m); echo $V > node; v4l2-ctl -d $V --set-priority 3 --sleep 600 & P=$!; "
            "until v4l2-ctl -d $V --get-priority | grep -q 3; do :; done; " +
            relfence + " check -d $V --json > busy.json; echo $? > code; " + relfence +
            " bench -d $V 2> bench; echo $? >> bench; kill $P; wait $P; buffers && echo left; " +
            relfence + " check -d $V --json --filter fence-signals > free.json; echo $?");
    ASSERT_EQ(seen.code, 0) << seen.error;
    EXPECT_EQ(seen.output, "0\n");
    EXPECT_EQ(text_of("code"), "2\n");
    std::string node = text_of("node");
    node.pop_back();
    const std::string why = "use " + node +
                            ": Device or resource busy (another program has it: fuser -v " + node +
                            " names it)";
    expect_one_error(json_of("busy.json"), why, "the device is busy");
    EXPECT_EQ(text_of("bench"), "relfence: " + why + "\n2\n");
}

/// The driver is unbound while a frame is being written.
TEST_F(CheckTest, SaysThatADeviceHasGone) {
    const auto seen = run(
        {"fresnel", "v2"},
        helpers + "V=$(node rockchip-rga); echo $V > node; " + relfence +
            " check -d $V --json > gone.json & P=$!; until buffers; do :; done; "
            "D=$(readlink -f /sys/class/video4linux/${V##*/}/device); R=$(readlink -f $D/driver); "
            "echo ${D##*/} > $R/unbind; wait $P; echo $? > code; buffers && echo left; "
            "grep '^Total' /sys/kernel/debug/dma_buf/bufinfo; echo ${D##*/} > $R/bind; " +
            relfence + " check -d $(node rockchip-rga) --json > again.json; echo $?",
        {"--duration", "100ms"});
    ASSERT_EQ(seen.code, 0) << seen.error;
    EXPECT_EQ(seen.output, "Total 0 objects, 0 bytes\n0\n");
    EXPECT_EQ(text_of("code"), "2\n");
    EXPECT_THAT(seen.complaints(), IsEmpty());
    std::string node = text_of("node");
    node.pop_back();
    expect_one_error(json_of("gone.json"), node + ": has gone while it was checked",
                     "the device has gone");
}

/// v1 of the series gives frames a fence at QBUF: one that waits for userspace. On its own memory
/// it gives none, and on that of others only where a GPU had a fence before.
TEST_F(CheckTest, FindsFencesWithoutAJob) {
    const auto seen = run(
        {"fresnel", "v1"},
        slow_down + relfence +
            " check --filter starved-output --filter held-capture --ktap > check.ktap; echo $?");
    EXPECT_EQ(seen.output, "1\n");
    const std::string ktap = text_of("check.ktap");
    EXPECT_THAT(
        ktap,
        HasSubstr("# videobuf2 vb2-release, active without a job\n    not ok 1 starved-output"));
    EXPECT_THAT(
        ktap,
        HasSubstr("# videobuf2 vb2-release, active without a job\n    not ok 2 held-capture"));
}

/// Hardware that hangs takes no more than the checks that met it.
TEST_F(CheckTest, SaysThatHardwareFailed) {
    const auto seen = run({"fresnel", "v2"},
                          relfence + " check --filter in-flight-fence --json > check.json; echo $?",
                          {"--time", "virtual", "--fault", "vdpu:*:hang"});
    EXPECT_EQ(seen.output, "2\n");
    const json report = json_of("check.json");
    ASSERT_TRUE(report.is_object());
    for (const json& row : report["checks"])
        if (is_hantro_decoder(row)) {
            EXPECT_EQ(row["verdict"], "error") << describe(row);
        } else {
            EXPECT_THAT(row["verdict"], testing::AnyOf("pass", "skip")) << describe(row);
        }
}

}  // namespace
}  // namespace relfence::lab
