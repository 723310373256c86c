// SPDX-License-Identifier: MIT
// A board that ends while real drivers use it.
#include <csignal>

#include <gmock/gmock.h>

#include "stock_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class StockTrouble : public StockTest {
  protected:
    const BoardAndKernel where{"fresnel", "baseline"};
};

/// v4l2-ctl sets the JPEG format a second time, while OUTPUT buffers exist; hantro refuses that,
/// but has switched to its default raw format by then: three planes, of which the third has no
/// buffer. Source: hantro_reset_raw_fmt() sets vpu_src_fmt before hantro_set_fmt_out() gives EBUSY.
constexpr const char* driver_bug =
    "for n in /sys/class/video4linux/*; do case $(cat $n/name) in *-enc) d=/dev/${n##*/};; esac; "
    "done; v4l2-ctl -d $d --set-fmt-video-out=width=320,height=240,pixelformat=NM12 "
    "--set-fmt-video=width=320,height=240,pixelformat=JPEG --stream-mmap --stream-out-mmap "
    "--stream-count=4 2>&1";

TEST_F(StockTrouble, ADriversBadAddressIsNamed) {
    const Seen seen = run(where, driver_bug);
    EXPECT_EQ(seen.code, 0) << seen.error;
    EXPECT_THAT(seen.complaints(), Contains(HasSubstr("bytes at 0x0: Bad address")));
}

TEST_F(StockTrouble, AStrictBoardEndsAtADriversBug) {
    const Seen seen = run(where, driver_bug, {"--strict"});
    EXPECT_EQ(seen.code, 125);
    EXPECT_THAT(seen.error, HasSubstr("relfence-lab: the board ended: driver bug"));
    EXPECT_THAT(seen.error, HasSubstr("Bad address"));
    EXPECT_THAT(list("tmp"), IsEmpty());
}

// Without the board no driver of the guest comes to an end, and none may be waited for.
TEST_F(StockTrouble, ABoardThatDiesIsTheEndOfTheGuest) {
    std::optional<Seen> seen;
    std::thread lab{[&] {
        seen = run(where,
                   "d=$(grep -l vpu-enc /sys/class/video4linux/*/name); d=${d%/name}; "
                   "v4l2-ctl -d /dev/${d##*/} --stream-mmap "
                   "--stream-out-mmap --stream-count=1000000 2>&1");
    }};
    EXPECT_TRUE(eventually([&] { return get("events").find("job 20 done") != std::string::npos; }));
    const auto board = find_running((root / "tmp").string(), "relfence-board");
    EXPECT_TRUE(board);
    if (board) ::kill(*board, SIGKILL);
    lab.join();
    EXPECT_EQ(seen->code, 125);
    EXPECT_THAT(seen->error, HasSubstr("relfence-lab: the board ended: killed by signal 9"));
    EXPECT_FALSE(is_running((root / "tmp").string()));
    EXPECT_THAT(list("tmp"), IsEmpty());
}

}  // namespace
}  // namespace relfence::lab
