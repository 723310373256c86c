// SPDX-License-Identifier: MIT
#include "board/vpu/h264_fields.hpp"

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "h264_client.hpp"
#include "h264_writer.hpp"

namespace relfence::board {
namespace {

using testing::IsEmpty;

struct Case {
    const char* name;
    H264Writing writing;
    friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
};

H264Writing fields(const std::string& options) {
    H264Writing writing;
    writing.options = "cabac=0:" + options;
    return writing;
}
H264Writing changed(H264Writing writing, const std::function<void(H264Writing&)>& change) {
    change(writing);
    return writing;
}

/// Catches a field that is written into the other one's lines, a reference that is taken from the
/// wrong field, and a list of fields that is not what the driver leaves to the hardware.
class H264WrittenStreams : public testing::TestWithParam<Case> {
  protected:
    H264Hardware hardware;
};

TEST_P(H264WrittenStreams, GiveThePixelsThatLibavcodecGives) {
    const H264Writing& writing = GetParam().writing;
    H264Client client{hardware, write_h264(writing)};
    client.decode_all();
    EXPECT_EQ(client.compared(), static_cast<std::size_t>(writing.frames));
    EXPECT_THAT(client.wrong_frames(), IsEmpty());
    // Only a picture that becomes a long term reference later is put in again.
    if (writing.long_term) {
        EXPECT_GT(hardware.engine.replaced_references(), 0U);
    } else {
        EXPECT_EQ(hardware.engine.replaced_references(), 0U);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, H264WrittenStreams,
    testing::Values(
        Case{"FieldsOfIntra", fields("keyint=1")}, Case{"FieldsOfP", fields("bframes=0:ref=1")},
        Case{"FieldsOfManyReferences", fields("bframes=0:ref=4")},
        Case{"FieldsFromTheFirstField",
             changed(fields("bframes=0:ref=2"), [](auto& w) { w.first_field_in_front = true; })},
        Case{"FieldsBottomFirst",
             changed(fields("bframes=0:ref=3"), [](auto& w) { w.bottom_first = true; })},
        Case{"FieldsOfB", fields("bframes=2:ref=2:direct=spatial:weightb=0:b-pyramid=none")},
        Case{"FieldsOfBImplicit", fields("bframes=2:ref=2:direct=spatial:b-pyramid=none")},
        Case{"FieldsOfBPyramid", fields("bframes=3:ref=3:direct=spatial:b-pyramid=normal")},
        Case{"FieldsOfBTemporal", fields("bframes=2:ref=1:direct=temporal:b-pyramid=none")},
        Case{"FieldsOf8x8", fields("bframes=1:ref=2:8x8dct=1:direct=spatial")},
        Case{"FieldsOfSlices", fields("bframes=0:ref=2:slices=2")},
        Case{"FieldsOfMbaffSequence",
             changed(fields("bframes=1:ref=2:direct=spatial"), [](auto& w) { w.mbaff = true; })},
        Case{"FieldsAndFrames",
             changed(fields("bframes=0:ref=3:8x8dct=1"), [](auto& w) { w.frame_every = 3; })},
        Case{"FieldsAndFramesOfB",
             changed(fields("bframes=2:ref=3:direct=spatial"), [](auto& w) { w.frame_every = 2; })},
        Case{"FieldsAndFramesBottomFirst", changed(fields("bframes=2:ref=3:direct=spatial"),
                                                   [](auto& w) {
                                                       w.frame_every = 2;
                                                       w.bottom_first = true;
                                                   })},
        Case{"FieldsKeptForLong",
             changed(fields("bframes=0:ref=3"), [](auto& w) { w.long_term = true; })},
        Case{"FieldsAndFramesKeptForLong", changed(fields("bframes=0:ref=4"),
                                                   [](auto& w) {
                                                       w.long_term = true;
                                                       w.frame_every = 3;
                                                   })},
        Case{"FramesKeptForLong", changed(fields("bframes=0:ref=4:keyint=16"),
                                          [](auto& w) {
                                              w.long_term = true;
                                              w.fields = false;
                                          })},
        Case{"FieldsOfType2Counts",
             changed(fields("bframes=0:ref=3"), [](auto& w) { w.counts_of_type_2 = true; })},
        Case{"FramesOfType2Counts", changed(fields("bframes=0:ref=3"),
                                            [](auto& w) {
                                                w.counts_of_type_2 = true;
                                                w.fields = false;
                                            })}),
    [](const auto& one) { return std::string{one.param.name}; });

class H264Fields : public testing::Test {
  protected:
    H264Hardware hardware;
};

/// Catches a job of one field that touches the lines of the other, which somebody may be reading.
TEST_F(H264Fields, AreWrittenLineByLineAndLeaveTheOtherOneAlone) {
    H264Client client{hardware, write_h264(fields("bframes=0:ref=1"))};
    for (std::uint64_t parity = 0; parity < 2; ++parity) {
        client.program();
        const std::uint64_t base =
            hardware.registers.get(vpu::h264_fields::dec_out_base) - (parity == 1 ? 176 : 0);
        const auto writes = client.run();
        ASSERT_TRUE(writes) << writes.error().message();
        EXPECT_EQ(writes->size(), 80U + 40);
        for (const MemoryWrite& write : *writes) {
            EXPECT_EQ(write.bytes.size(), 176U);
            EXPECT_EQ((write.address - base) / 176 % 2, parity);
            EXPECT_EQ((write.address - base) % 176, 0U);
            EXPECT_LT(write.address, base + 176 * 160 * 3 / 2);
        }
        client.apply(*writes);
    }
    EXPECT_THAT(client.wrong_frames(), IsEmpty());
}

/// Catches a second field that is predicted from pixels of the decoder's own: between the two jobs
/// the CAPTURE buffer is held, and only memory has the first field.
TEST_F(H264Fields, OfAHeldBufferArePredictedFromWhatIsInIt) {
    H264Client client{hardware, write_h264(changed(fields("bframes=0:ref=1"), [](auto& w) {
                          w.first_field_in_front = true;
                      }))};
    for (int job = 0; job < 3; ++job) ASSERT_NO_FATAL_FAILURE(client.decode_next());
    ASSERT_TRUE(client.next().second_field);
    auto luma = client.buffer(client.next().frame).first(std::size_t{176} * 160);
    for (std::size_t line = 0; line < 160; line += 2)
        for (std::uint8_t& pixel : luma.subspan(line * 176, 176))
            pixel = static_cast<std::uint8_t>(pixel ^ 0x20);
    const std::size_t frame = client.next().frame;
    ASSERT_NO_FATAL_FAILURE(client.decode_next());
    // The first field is wrong in every pixel; the second must be in most.
    EXPECT_GT(client.wrong_pixels(frame), std::size_t{176} * 120);
}

/// Catches a decoder that waits for a second field that never comes, or takes another one for it.
TEST_F(H264Fields, GoOnAfterALostField) {
    for (const std::size_t lost : {2U, 3U, 6U, 7U}) {
        SCOPED_TRACE(lost);
        H264Client client{hardware, write_h264(fields("bframes=1:ref=2:b-pyramid=none"))};
        for (std::size_t job = 0; !client.ended(); ++job) {
            if (job != lost) {
                ASSERT_NO_FATAL_FAILURE(client.decode_next());
                continue;
            }
            client.program();
            client.pass_over();
        }
        // What comes after the next IDR frame is whole again.
        for (const std::size_t frame : client.wrong_frames()) EXPECT_LT(frame, 10U);
    }
}

/// Catches what is kept of a stream being needed for more than motion.
TEST_F(H264Fields, BeginInTheMiddle) {
    for (const int jobs : {5, 6}) {
        SCOPED_TRACE(jobs);
        H264Client client{hardware, write_h264(fields("bframes=0:ref=2"))};
        for (int job = 0; job < jobs; ++job) ASSERT_NO_FATAL_FAILURE(client.decode_next());
        hardware.engine = vpu::H264Decoder{};
        ASSERT_NO_FATAL_FAILURE(client.decode_all());
        EXPECT_THAT(client.wrong_frames(), IsEmpty());
        EXPECT_GT(hardware.engine.replaced_references(), 0U);
    }
}

}  // namespace
}  // namespace relfence::board
