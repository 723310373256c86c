// SPDX-License-Identifier: MIT
// The case requeue-at-once must fail where buffers come back before their job is over: kernel
// `mutant`, by a module parameter. Nothing else about that kernel is wrong here, and without the
// parameter the case passes.
#include <gmock/gmock.h>

#include "stock_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::IsEmpty;

class RequeueControl : public StockTest {
  protected:
    /// What the case says of each driver. @param late_ms of the kernel
    [[nodiscard]] std::string seen_with(unsigned late_ms) const {
        const auto seen =
            run({"fresnel", "mutant"},
                "echo " + std::to_string(late_ms) +
                    " > /sys/module/v4l2_mem2mem/parameters/finish_late_ms; " + RELFENCE_CASES +
                    " run --case requeue-at-once --out seen.jsonl --artifacts .",
                {"--time", "virtual", "--duration", "200ms", "--fault", "vdpu:*:hang", "--fault",
                 "rga:*:hang"});
        EXPECT_EQ(seen.code, 0) << seen.error;
        EXPECT_THAT(seen.complaints(), IsEmpty());
        return seen.output;
    }
};

TEST_F(RequeueControl, EachDriverPassesUnchanged) {
    EXPECT_EQ(seen_with(0),
              "requeue-at-once/hantro-vpu: 8 of 8 had a fence\n"
              "requeue-at-once/rockchip-rga: 8 of 8 had a fence\n"
              "requeue-at-once/vim2m: 8 of 8 had a fence\n"
              "requeue-at-once/vicodec: 8 of 8 had a fence\n"
              "requeue-at-once/visl: 8 of 8 had a fence\n");
}

// What is left are frames before which the client has stopped the stream, which waits for the end
// of the job. It never stops vicodec; the first frame met it idle.
TEST_F(RequeueControl, EachDriverFailsWhenBuffersComeBackBeforeTheEndOfTheJob) {
    EXPECT_EQ(seen_with(20),
              "requeue-at-once/hantro-vpu: 2 of 8 had a fence\n"
              "requeue-at-once/rockchip-rga: 2 of 8 had a fence\n"
              "requeue-at-once/vim2m: 2 of 8 had a fence\n"
              "requeue-at-once/vicodec: 1 of 8 had a fence\n"
              "requeue-at-once/visl: 2 of 8 had a fence\n");
}

}  // namespace
}  // namespace relfence::lab
