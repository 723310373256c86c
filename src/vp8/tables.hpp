// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace relfence::vp8 {

/// The chance of a 0, of 256.
using Probability = std::uint8_t;

/// [block type 4][band 8][context 3][node 11], flat. RFC 6386, section 13.
using CoefficientTable = std::array<Probability, std::size_t{4} * 8 * 3 * 11>;
/// Of one component of a motion vector, in the order of a frame header. RFC 6386, section 17.2.
using MotionTable = std::array<Probability, 19>;

/// Where the parts of a MotionTable are.
enum MotionIndex : unsigned {
    motion_is_long = 0,
    motion_sign = 1,
    motion_short = 2,  ///< 7 nodes of the tree of 0 to 7
    motion_long = 9,   ///< 10 bits
};

/// How likely the prediction modes and motion vectors of macroblocks are.
struct ModeProbabilities {
    std::array<Probability, 4> luma{};
    std::array<Probability, 3> chroma{};
    std::array<MotionTable, 2> motion{};  ///< row, column
    friend bool operator==(const ModeProbabilities&, const ModeProbabilities&) = default;
};

/// How likely a header tells a new coefficient probability.
extern const CoefficientTable coefficient_update;
/// What a key frame resets them to.
extern const CoefficientTable default_coefficients;
/// How likely a header tells a new motion probability.
extern const std::array<MotionTable, 2> motion_update;
/// What a key frame resets the modes of later frames to.
extern const ModeProbabilities default_modes;
/// The fixed ones of key frames themselves; `motion` is as in default_modes.
extern const ModeProbabilities key_frame_modes;

/// The ten ways to predict a 4x4 block, in the order of RFC 6386, section 8.
enum BlockMode : std::uint8_t { b_dc, b_tm, b_ve, b_he, b_ld, b_rd, b_vr, b_vl, b_hd, b_hu };
using BlockModeTable = std::array<Probability, 9>;
/// In a key frame, [mode above][mode to the left], flat.
extern const std::array<BlockModeTable, 100> key_frame_block_modes;
/// In every other frame.
extern const BlockModeTable block_modes;

}  // namespace relfence::vp8
