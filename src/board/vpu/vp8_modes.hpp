// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "board/vpu/vp8_job.hpp"
#include "vp8/bool_coder.hpp"

namespace relfence::board::vpu {

/// The probability with which every bit of a segment id is written.
inline constexpr vp8::Probability segment_id_probability = 128;

/// Reads the headers of all macroblocks of a frame from one bool decoder and writes each decision
/// into a bool encoder.
///
/// The decoder is somewhere in the middle of a partition, in the state the driver left it in; the
/// encoder has just written a frame header of the model's own. Since an arithmetic code cannot be
/// cut and pasted, the macroblocks are coded again. That needs the whole of RFC 6386, sections 8,
/// 10, 11 and 16 to 18, because the probability of a decision depends on the neighbours' modes and
/// vectors.
class Vp8ModeEcho {
  public:
    /// All are borrowed for the life of this.
    /// @param read what the stream was made with @param write what the new header says
    Vp8ModeEcho(const Vp8Job& job, const Vp8Probabilities& read,
                const vp8::ModeProbabilities& write, vp8::BoolDecoder& from, vp8::BoolEncoder& to)
        : job_{job}, read_{read}, write_{write}, from_{from}, to_{to} {}

    /// @param segments the segment of each macroblock: taken from here, or put here when the stream
    ///        has a new map; of no meaning without segments
    void run(std::span<std::uint8_t> segments);
    /// Whether any macroblock is predicted from the last, golden or alternative frame.
    [[nodiscard]] const std::array<bool, 3>& uses() const { return uses_; }

  private:
    struct Vector {
        std::int16_t row = 0;
        std::int16_t column = 0;
        friend bool operator==(const Vector&, const Vector&) = default;
    };
    /// What the macroblocks to the right and below need to know of one in an inter frame.
    struct Neighbour {
        std::uint8_t reference = 0;  ///< 0: intra
        bool split = false;
        Vector vector;  ///< of the last 4x4 block
        std::array<Vector, 4> right{};
        std::array<Vector, 4> bottom{};
    };
    struct Candidates;
    struct Bounds {
        int left, right, top, bottom;
    };

    bool echo(vp8::Probability probability) { return echo(probability, probability); }
    bool echo(vp8::Probability read, vp8::Probability write) {
        const bool bit = from_.read(read);
        to_.write(bit, write);
        return bit;
    }
    template <std::size_t nodes>
    unsigned echo_tree(const std::array<std::int8_t, nodes>& tree, const vp8::Probability* read,
                       const vp8::Probability* write);
    void segment(std::uint8_t& id);
    void key_frame_macroblock(vp8::BlockMode* above, vp8::BlockMode* left);
    void intra_macroblock();
    void inter_macroblock(Neighbour& here, const Neighbour& above, const Neighbour& left,
                          const Neighbour& corner, const Bounds& bounds);
    Candidates find_vectors(unsigned reference, const Neighbour& above, const Neighbour& left,
                            const Neighbour& corner) const;
    void split_vectors(Neighbour& here, const Neighbour& above, const Neighbour& left, Vector best);
    Vector difference(Vector to);
    int component(unsigned which);
    static Vector clamp(Vector vector, const Bounds& bounds);

    const Vp8Job& job_;
    const Vp8Probabilities& read_;
    const vp8::ModeProbabilities& write_;
    vp8::BoolDecoder& from_;
    vp8::BoolEncoder& to_;
    std::array<bool, 3> uses_{};
};

}  // namespace relfence::board::vpu
