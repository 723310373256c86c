// SPDX-License-Identifier: MIT
// The stateful decoder's side of relfence check beyond what vicodec asks for by itself.
#include <gmock/gmock.h>

#include "check_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::IsEmpty;

/// With fast jobs the drain comes after the frame and is told by a buffer of its own; with slow
/// ones the frame itself is the last.
TEST_F(CheckTest, StatefulDecodersMayWantSparesAndDrains) {
    std::string expected;
    std::string script;
    for (const char* const job_ms : {"0", "20"}) {
        script += std::string{"echo "} + job_ms + " > /sys/module/vicodec/parameters/job_ms; ";
        for (const unsigned depth : {1U, 3U})
            for (const unsigned spares : {0U, 1U, 4U})
                for (const unsigned drain : {0U, 1U}) {
                    // Drained decoders take one job at a time.
                    if (drain == 1 && depth != 1) continue;
                    const std::string way = std::to_string(depth) + " " + std::to_string(spares) +
                                            " " + std::to_string(drain);
                    script += RELFENCE_STATEFUL_CLIENT " " + way + "; ";
                    expected += "depth " + std::to_string(depth) + " spares " +
                                std::to_string(spares) + " drain " + std::to_string(drain) +
                                ": 13 of 13 pictures, " + std::to_string(depth + spares) +
                                " buffers\n";
                }
    }
    const auto seen = run({"fresnel", "v2"}, script);
    EXPECT_EQ(seen.code, 0) << seen.error;
    EXPECT_EQ(seen.output, expected);
    EXPECT_THAT(seen.complaints(), IsEmpty());
}

}  // namespace
}  // namespace relfence::lab
