// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/board/device_model.hpp>
#include <relfence/regs/register_bank.hpp>

#include "vp8/tables.hpp"

namespace relfence::board::vpu {

/// One frame to decode, as the driver programmed it: see vp8_fields.
struct Vp8Job {
    bool key_frame = false;
    unsigned columns = 0;  ///< macroblocks
    unsigned rows = 0;
    bool bilinear = false;    ///< else six taps
    bool full_pixel = false;  ///< vectors have no fractions
    bool skip_flags = false;  ///< macroblocks say whether they have coefficients
    bool filter = false;      ///< the loop filter runs
    bool simple_filter = false;
    unsigned sharpness = 0;
    /// Per segment; only the first one without segments.
    std::array<unsigned, 4> levels{};
    std::array<unsigned, 4> quantisers{};
    std::array<int, 4> reference_deltas{};
    std::array<int, 4> mode_deltas{};
    std::array<int, 5> quantiser_deltas{};
    bool segments = false;
    bool segment_update = false;  ///< the stream has a new map

    /// The first partition, from the 64 bits on in which the first macroblock begins.
    std::uint64_t modes = 0;
    std::uint32_t modes_length = 0;
    unsigned modes_start_bit = 0;
    std::uint8_t bool_range = 0;
    std::uint8_t bool_value = 0;
    struct Partition {
        std::uint64_t address = 0;
        std::uint64_t length = 0;
    };
    std::vector<Partition> coefficients;  ///< 1, 2, 4 or 8

    std::uint64_t probabilities = 0;
    std::uint64_t segment_map = 0;
    std::uint64_t output = 0;
    std::array<std::uint64_t, 3> references{};  ///< last, golden, alternative
    std::array<bool, 3> sign_bias{};

    [[nodiscard]] unsigned width() const { return columns * 16; }
    [[nodiscard]] unsigned height() const { return rows * 16; }
    /// NV12 without padding, as v4l2_fill_pixfmt_mp() has it for whole macroblocks.
    [[nodiscard]] std::uint64_t frame_bytes() const {
        return std::uint64_t{width()} * height() * 3 / 2;
    }
};

/// Which parts of a reference the vectors of a frame point to.
struct Vp8Needs {
    bool any = false;
    /// One per macroblock of the reference, row by row; empty if not any.
    std::vector<std::uint8_t> tiles;
};

/// Takes a job out of the registers. Fails with EBADMSG for what no VP8 frame can have, since the
/// hardware ends such a job with an error.
[[nodiscard]] Result<Vp8Job> read_vp8_job(const regs::RegisterBank& registers);

/// The probability table that the driver puts into memory.
struct Vp8Probabilities {
    vp8::Probability skip_false = 0, intra = 0, last = 0, golden = 0;
    std::array<vp8::Probability, 3> segment{};
    vp8::ModeProbabilities modes;
    vp8::CoefficientTable coefficients{};
};

/// Reads the table. Source of its layout: hantro_vp8_prob_update() of Linux 6.12.
/// Fails with EFAULT where there is no memory.
[[nodiscard]] Result<Vp8Probabilities> read_vp8_probabilities(const Dma& dma,
                                                              std::uint64_t address);

}  // namespace relfence::board::vpu
