// SPDX-License-Identifier: MIT
// The clip that the lab plays on hantro, through the engine.
#include "players/vp8_clip.hpp"

#include <gtest/gtest.h>

#include <relfence/image/compare.hpp>
#include <relfence/image/scene.hpp>

#include "vp8_player.hpp"

namespace relfence::testing {
namespace {

/// A frame that needed an older one than the last could not be played with two buffers; and what is
/// judged in the guest must hold, while a neighbouring frame must fail it.
TEST(Vp8Clip, ShowsTheSceneFromTheLastFrameAlone) {
    const auto clip = players::make_vp8_clip(8);
    ASSERT_TRUE(clip) << clip.error().message();
    ASSERT_EQ(clip->coded.size(), 8U);
    board::vpu::Vp8Decoder engine;
    Vp8Player player{engine};
    player.tamper_with([](regs::RegisterBank& registers, PlainMemory&, const Vp8Buffers&) {
        // No memory there: golden and alternative frame.
        registers.write(0x220, 0x1000);
        registers.write(0x224, 0x1000);
    });
    for (unsigned index = 0; index < clip->coded.size(); ++index) {
        const auto picture = player.play(clip->coded[index]);
        ASSERT_TRUE(picture) << picture.error().message();
        const image::FrameView seen{image::Layout::yuv420, clip->width, clip->height, **picture};
        const auto psnr_of = [&](unsigned scene) {
            const auto drawn = image::convert(
                image::draw_scene(clip->width, clip->height, scene).view(), seen.layout);
            return image::psnr(seen, drawn->view()).value();
        };
        EXPECT_GT(psnr_of(index), players::psnr_bound) << index;
        EXPECT_LT(psnr_of(index + 1), players::psnr_bound) << index;
    }
}

}  // namespace
}  // namespace relfence::testing
