// SPDX-License-Identifier: MIT
// GStreamer's decoders for stateless hardware, as Debian has them, on hantro as Linux has it: bit
// by bit what libvpx and libavcodec make of the same clips, on the untouched kernel and on v2.
#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "stock_clips.hpp"
#include "stock_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

void append(std::vector<Clip>& clips, std::vector<Clip> more) {
    std::ranges::move(more, std::back_inserter(clips));
}

class StockDecoders : public StockTest, public testing::WithParamInterface<BoardAndKernel> {
  protected:
    static std::vector<Clip> clips_for(const std::string& board) {
        std::vector<Clip> clips = vp8_clips();
        append(clips, mpeg2_clips());
        append(clips, board == "ohm" ? h264_clips() : vp8_vectors(RELFENCE_VECTORS));
        return clips;
    }
    /// Plays the clips one after the other, in one guest.
    Seen play(const BoardAndKernel& where, const std::vector<Clip>& clips,
              const std::vector<std::string>& board_arguments = {}) const {
        std::string script;
        for (const Clip& clip : clips) {
            put_bytes(clip.name, clip.bytes);
            // Frames of one size for any hardware: I420 is what MD5s are made of.
            script += fmt::format(
                "gst-launch-1.0 -q filesrc location={0} ! {1} ! video/x-raw,format=NV12 ! "
                "videoconvert ! video/x-raw,format=I420 ! filesink location={0}.i420 2>&1 || "
                "echo {0}: exit status $?\n",
                clip.name, clip.elements);
        }
        return run(where, script, board_arguments);
    }
    [[nodiscard]] std::vector<std::string> differences_of(const std::vector<Clip>& clips) const {
        std::vector<std::string> all;
        for (const Clip& clip : clips)
            for (auto& line : differences(clip, get_bytes(clip.name + ".i420")))
                all.push_back(std::move(line));
        return all;
    }
};

// Catches whatever changes a sample on the way: parser, driver, registers, references, layout, and
// a frame that is handed on before it is there.
TEST_P(StockDecoders, ShowEveryFrameBitByBit) {
    const auto clips = clips_for(std::get<0>(GetParam()));
    const Seen seen = play(GetParam(), clips);
    EXPECT_EQ(seen.code, 0) << seen.error;
    EXPECT_EQ(seen.output, "") << "GStreamer complains";
    EXPECT_THAT(differences_of(clips), IsEmpty());
    EXPECT_THAT(seen.complaints(), IsEmpty());
    std::size_t frames = 0;
    for (const Clip& clip : clips) frames += clip.frames.size();
    RecordProperty("clips", static_cast<int>(clips.size()));
    RecordProperty("frames", static_cast<int>(frames));
}

INSTANTIATE_TEST_SUITE_P(Each, StockDecoders,
                         testing::Combine(testing::Values("fresnel", "ohm"),
                                          testing::Values("baseline", "v2")),
                         name_of);

using StockDecodersControl = StockDecoders;

// The test of the test above: it has to turn red for a wrong MD5, for a frame that is not there,
// and for hardware that fails.
TEST_P(StockDecodersControl, WrongFramesAreFound) {
    std::vector<Clip> clips = vp8_clips();
    clips.resize(2);
    const Seen good = play(GetParam(), clips);
    ASSERT_THAT(differences_of(clips), IsEmpty()) << good.output << good.error;

    auto& md5 = clips[0].frames[7].md5;
    md5[31] = md5[31] == '0' ? '1' : '0';
    EXPECT_THAT(differences_of(clips), testing::ElementsAre("vp8-plain: frame 7 differs"));
    clips[1].frames.push_back(clips[1].frames.back());
    EXPECT_THAT(differences_of(clips), Contains("vp8-odd-size: 30 frames of 31"));
}

TEST_P(StockDecodersControl, HardwareThatFailsIsFound) {
    std::vector<Clip> clips = vp8_clips();
    clips.resize(2);
    const Seen seen = play(GetParam(), clips, {"--time", "virtual", "--fault", "vdpu:5:error"});
    EXPECT_THAT(seen.events, HasSubstr("vdpu: job 5 fails: a fault"));
    EXPECT_THAT(differences_of(clips), Not(IsEmpty())) << seen.output;
    for (const auto& line : differences_of(clips))
        EXPECT_THAT(line, HasSubstr("vp8-plain")) << "the next clip has the hardware as new";
}

INSTANTIATE_TEST_SUITE_P(Each, StockDecodersControl,
                         testing::Combine(testing::Values("fresnel"), testing::Values("baseline")),
                         name_of);

}  // namespace
}  // namespace relfence::lab
