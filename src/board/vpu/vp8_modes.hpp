// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "board/vpu/vp8_job.hpp"
#include "vp8/bool_coder.hpp"

namespace relfence::board::vpu {

/// The probability with which every bit of a segment id is written that the stream has not.
inline constexpr vp8::Probability segment_id_probability = 128;

/// Reads the headers of all macroblocks of a frame from one bool decoder and writes each decision
/// into a bool encoder.
///
/// The decoder is somewhere in the middle of a partition, in the state the driver left it in; the
/// encoder has just written a frame header of the model's own. An arithmetic code can be cut and
/// pasted only where both sides happen to have the same range, so macroblocks are coded again until
/// then. Reading them takes the whole of RFC 6386, sections 8, 10, 11 and 16 to 18, because the
/// probability of a decision depends on the neighbours' modes and vectors; it goes on to the end
/// for the segments and for what has to be fetched from the references.
class Vp8ModeEcho {
  public:
    /// All are borrowed for the life of this.
    /// @param read what the stream was made with @param write what the new header says
    Vp8ModeEcho(const Vp8Job& job, const Vp8Probabilities& read,
                const vp8::ModeProbabilities& write, vp8::BoolDecoder& from, vp8::BoolEncoder& to);

    /// Ends the encoder's partition.
    /// @param segments the segment of each macroblock: taken from here, or put here when the stream
    ///        has a new map; of no meaning without segments
    void run(std::span<std::uint8_t> segments);
    /// What has to be fetched from the last, golden and alternative frame; valid after run().
    [[nodiscard]] std::array<Vp8Needs, 3>& needs() { return needs_; }

  private:
    struct Vector {
        std::int16_t row = 0;
        std::int16_t column = 0;
        friend bool operator==(const Vector&, const Vector&) = default;
    };
    /// What the macroblocks to the right and below need to know of one in an inter frame.
    struct Neighbour {
        Vector vector;               ///< of the last 4x4 block
        std::uint8_t reference = 0;  ///< 0: intra
        bool split = false;
    };
    /// The vectors of its outer 4x4 blocks; they count for a split macroblock alone.
    struct Edges {
        std::array<Vector, 4> right{};
        std::array<Vector, 4> bottom{};
    };
    /// The macroblock that is read, and those around it. `above` and `left` tell how it is split.
    struct Around {
        const Neighbour& above;
        const Neighbour& left;
        const Neighbour& corner;
        Edges& edges;  ///< still of the one above, to be overwritten
        const Edges& edges_left;
    };
    /// All vectors of a macroblock lie between these.
    struct Range {
        Vector low, high;
    };
    struct Candidates;
    struct Bounds {
        int left, right, top, bottom;
    };

    bool echo(vp8::Probability probability) { return echo(probability, probability); }
    bool echo(vp8::Probability read, vp8::Probability write) {
        const bool bit = from_.read(read);
        if (!spliced_) write_bool(bit, write);
        return bit;
    }
    void write_bool(bool bit, vp8::Probability probability);
    template <std::size_t nodes>
    unsigned echo_tree(const std::array<std::int8_t, nodes>& tree, const vp8::Probability* read,
                       const vp8::Probability* write);
    void segment(std::uint8_t& id);
    void key_frame_macroblock(vp8::BlockMode* above, vp8::BlockMode* left);
    void intra_macroblock();
    [[nodiscard]] Neighbour inter_macroblock(const Around& around, const Bounds& bounds,
                                             Range& range);
    [[nodiscard]] Candidates find_vectors(unsigned reference, const Around& around) const;
    [[nodiscard]] Vector split_vectors(const Around& around, Vector best, Range& range);
    void note_need(Vp8Needs& need, unsigned row, unsigned column, const Range& range) const;
    Vector difference(Vector to);
    int component(unsigned which);
    static Vector clamp(Vector vector, const Bounds& bounds);

    const Vp8Job& job_;
    const Vp8Probabilities& read_;
    const vp8::ModeProbabilities& write_;
    vp8::BoolDecoder& from_;
    vp8::BoolEncoder& to_;
    bool can_splice_;
    bool spliced_ = false;
    std::array<Vp8Needs, 3> needs_;
};

}  // namespace relfence::board::vpu
