// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace relfence::lab {

/// A frame that a clip shows.
struct ShownPicture {
    unsigned width = 0;
    unsigned height = 0;
    std::string md5;  ///< of its I420 planes without gaps
};

/// A coded clip, and what a decoder must make of it.
struct Clip {
    std::string name;      ///< "vp8-segments"
    std::string elements;  ///< of GStreamer, from the file's bytes to frames
    std::vector<std::uint8_t> bytes;
    std::vector<ShownPicture> frames;
    /// The one MD5 is that of all frames in a row, of which there may be any number.
    bool one_checksum = false;
};

/// What libvpx's encoder makes on the spot, and what its decoder makes of that.
[[nodiscard]] std::vector<Clip> vp8_clips();
/// The published vectors in @p directory with their MD5s; none where it is not there.
[[nodiscard]] std::vector<Clip> vp8_vectors(const std::string& directory);
/// MPEG-2 with B frames, and libavcodec's idea of it.
[[nodiscard]] std::vector<Clip> mpeg2_clips();
/// H.264 in progressive frames, and libavcodec's idea of it.
[[nodiscard]] std::vector<Clip> h264_clips();

/// Compares what a pipeline wrote with what it should have.
/// @param written I420 frames in a row, laid out as GStreamer does
/// @return a line for each frame that is wrong or not there; none if all is right
[[nodiscard]] std::vector<std::string> differences(const Clip& clip,
                                                   std::span<const std::uint8_t> written);

}  // namespace relfence::lab
