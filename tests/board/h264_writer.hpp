// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace relfence::board {

/// A stream that no encoder in Debian makes: field pictures, long term references. The slices are
/// libx264's, with headers of our own around them.
///
/// Each field is a picture of half the height, coded by itself; as a field it is scanned, predicted
/// and filtered otherwise, so that the scene gets lost more and more. It is a valid stream all the
/// same, in which CAVLC's symbols do not depend on what the decoder makes of them.
struct H264Writing {
    int frames = 16;
    /// What libx264 is asked for. Fields need cabac=0; there is no reference but by its default.
    std::string options{};
    bool fields = true;         ///< else every picture is a progressive frame
    int frame_every = 0;        ///< every so many frames one is coded as a frame; 0: none
    bool bottom_first = false;  ///< of each pair
    bool mbaff = false;         ///< the sequence has MBAFF, of which only fields are coded here
    bool first_field_in_front = false;  ///< the first field is the first reference of the second
    /// Every fourth frame keeps the one before for long; IDR frames are kept too, but of fields
    /// libavcodec 5.1 forgets the first one when the second gets the same index.
    bool long_term = false;
    bool counts_of_type_2 = false;  ///< order counts that follow from the numbers; without B
};
[[nodiscard]] std::vector<std::uint8_t> write_h264(const H264Writing& writing);

}  // namespace relfence::board
