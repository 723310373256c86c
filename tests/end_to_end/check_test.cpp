// SPDX-License-Identifier: MIT
// relfence check and list on the lab's kernels: an untouched kernel must fail exactly the checks of
// the producer's fence, the series must pass them.
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "stock_fixture.hpp"

namespace relfence::lab {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

/// Test drivers are done at once otherwise; how long real hardware takes is its own affair.
constexpr const char* slow_down =
    "echo 150 > /sys/module/visl/parameters/visl_transtime_ms; "
    "echo 150 > /sys/module/vicodec/parameters/job_ms; ";

const std::string relfence = RELFENCE;

/// What an untouched kernel does not do.
const std::set<std::string> producer_checks{"in-flight-fence", "fence-signals",    "in-flight-poll",
                                            "shared-exports",  "imported-udmabuf", "imported-heap",
                                            "imported-vgem",   "frame-complete",   "failed-job",
                                            "abort-streamoff", "abort-close"};

bool is_hantro_decoder(const json& row) {
    return row["driver"] == "hantro-vpu" && row["role"] == "stateless decoder";
}

/// What cannot be tried on a device, for reasons that have nothing to do with fences.
bool cannot_be_tried(const json& row) {
    const std::string check = row["check"];
    const std::string driver = row["driver"];
    const std::string stream = row["stream"];
    if (check == "held-capture")
        return driver != "visl" && !(is_hantro_decoder(row) && stream == "h264");
    // Broken frames of the other codecs are shown as they come, and a converter breaks none.
    if (check == "failed-job") return driver != "vicodec" || stream != "fwht";
    // Takes contiguous memory only.
    return check.starts_with("imported-") && driver == "hantro-vpu";
}

std::string expected(const json& row, const std::string& kernel) {
    const std::string check = row["check"];
    if (cannot_be_tried(row)) return "skip";
    // What V4L2 does not do, in no version of the series.
    if (check == "reader-fence") return "fail";
    // Its frame is there at once, and what takes time is nothing.
    if (check == "frame-complete" && row["driver"] == "vim2m" && kernel == "baseline")
        return "skip";
    return kernel == "baseline" && producer_checks.contains(check) ? "fail" : "pass";
}

std::string describe(const json& row) {
    return row["driver"].get<std::string>() + " " + row["stream"].get<std::string>() + " " +
           row["check"].get<std::string>() + ": " + row["verdict"].get<std::string>() + ", " +
           row["text"].get<std::string>();
}

class Check : public StockTest, public testing::WithParamInterface<BoardAndKernel> {
  protected:
    [[nodiscard]] json read_json(const std::string& name) const {
        return json::parse(read_file(media / name).value_or(""), nullptr, false);
    }
};

TEST_P(Check, FailsTheChecksThatTheKernelDeserves) {
    // Before and after, all that a device says of itself; and what a user gets wrong.
    const std::string states = "for i in 0 1 2 3 4 5 6 7; do v4l2-ctl -d $i --all; done > ";
    const auto seen = run(
        GetParam(),
        std::string{slow_down} + states + "before 2>&1; " + relfence +
            " list --json > list.json; " + relfence +
            " check --all --json > check.json; echo $? > code; " + states + "after 2>&1; " +
            relfence + " check -d /dev/null 2> null; echo $? >> null; " + relfence +
            " check -d /dev/video77 2> absent; echo $? >> absent; chmod 0600 /dev/video0; setpriv "
            "--reuid=65534 --clear-groups " +
            relfence + " check -d /dev/video0 2> forbidden; echo $? >> forbidden; " + relfence +
            " check --filter nonsense 2> nonsense; echo $? >> nonsense",
        {"--duration", "40ms"});
    ASSERT_EQ(seen.code, 0) << seen.error;
    EXPECT_THAT(seen.complaints(), IsEmpty());

    const auto& [board, kernel] = GetParam();
    const json report = read_json("check.json");
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
    // The reader's fence fails on each.
    EXPECT_EQ(read_file(media / "code").value_or(""), "1\n");

    EXPECT_EQ(read_file(media / "before").value_or("a"), read_file(media / "after").value_or("b"));
    const json list = read_json("list.json");
    ASSERT_TRUE(list.is_object());
    EXPECT_EQ(list["video"].size(), 8U);
    EXPECT_EQ(list["kernel"]["sync_file_ioctls"], true);

    EXPECT_EQ(read_file(media / "null").value_or(""),
              "relfence: /dev/null: is no video device (relfence list names those that are)\n2\n");
    EXPECT_EQ(read_file(media / "absent").value_or(""),
              "relfence: /dev/video77: is not there (relfence list names what is)\n2\n");
    EXPECT_THAT(read_file(media / "forbidden").value_or(""), HasSubstr("is not yours to open"));
    EXPECT_THAT(read_file(media / "nonsense").value_or(""), HasSubstr("is the name of no check"));
}

INSTANTIATE_TEST_SUITE_P(Each, Check,
                         testing::Combine(testing::Values("fresnel", "ohm"),
                                          testing::Values("baseline", "v2")),
                         name_of);

/// v1 of the series gives frames a fence at QBUF: one that waits for userspace. On its own memory
/// it gives none, and on that of others only where a GPU had a fence before.
TEST_F(StockTest, CheckFindsFencesWithoutAJob) {
    const auto seen = run(
        {"fresnel", "v1"},
        std::string{slow_down} + relfence +
            " check --filter starved-output --filter held-capture --ktap > check.ktap; echo $?");
    EXPECT_EQ(seen.output, "1\n");
    const std::string ktap = read_file(media / "check.ktap").value_or("");
    EXPECT_THAT(
        ktap,
        HasSubstr("# videobuf2 vb2-release, active without a job\n    not ok 1 starved-output"));
    EXPECT_THAT(
        ktap,
        HasSubstr("# videobuf2 vb2-release, active without a job\n    not ok 2 held-capture"));
}

/// Hardware that hangs takes no more than the checks that met it.
TEST_F(StockTest, CheckSaysThatHardwareFailed) {
    const auto seen = run({"fresnel", "v2"},
                          relfence + " check --filter in-flight-fence --json > check.json; echo $?",
                          {"--time", "virtual", "--fault", "vdpu:*:hang"});
    EXPECT_EQ(seen.output, "2\n");
    const json report = json::parse(read_file(media / "check.json").value_or(""), nullptr, false);
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
