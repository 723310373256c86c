// SPDX-License-Identifier: MIT
#include "board/vpu/vp8_modes.hpp"

#include <algorithm>
#include <utility>

namespace relfence::board::vpu {
namespace {

using vp8::BlockMode;

// Trees as in RFC 6386, section 8.1: a positive number is the next pair of branches, and the node
// of a pair is half its index; others are leaves, negated.
constexpr std::array<std::int8_t, 8> luma_tree{0, 2, 4, 6, -1, -2, -3, -4};
constexpr std::array<std::int8_t, 8> key_luma_tree{-4, 2, 4, 6, 0, -1, -2, -3};
constexpr std::array<std::int8_t, 6> chroma_tree{0, 2, -1, 4, -2, -3};
constexpr std::array<std::int8_t, 18> block_tree{
    -vp8::b_dc, 2,          -vp8::b_tm, 4,  -vp8::b_ve, 6,  8,          12,        -vp8::b_he, 10,
    -vp8::b_rd, -vp8::b_vr, -vp8::b_ld, 14, -vp8::b_vl, 16, -vp8::b_hd, -vp8::b_hu};
constexpr std::array<std::int8_t, 14> short_vector_tree{2,  8,  4,  6,  0,  -1, -2,
                                                        -3, 10, 12, -4, -5, -6, -7};
constexpr unsigned by_blocks = 4;  // of the luma trees: each 4x4 block has a mode
/// The mode that a block has for its neighbours when the whole macroblock has DC, V, H or TM.
constexpr std::array<BlockMode, 4> block_mode_of{vp8::b_dc, vp8::b_ve, vp8::b_he, vp8::b_tm};

constexpr std::array<std::array<vp8::Probability, 4>, 6> vector_mode{{{7, 1, 1, 143},
                                                                      {14, 18, 14, 107},
                                                                      {135, 64, 57, 68},
                                                                      {60, 56, 128, 65},
                                                                      {159, 134, 128, 34},
                                                                      {234, 188, 128, 28}}};
/// By whether the vector above is 0, the left one is 0, and both are the same.
constexpr std::array<std::array<vp8::Probability, 3>, 8> split_vector_mode{{{147, 136, 18},
                                                                            {223, 1, 34},
                                                                            {106, 145, 1},
                                                                            {208, 1, 1},
                                                                            {179, 121, 1},
                                                                            {223, 1, 34},
                                                                            {179, 121, 1},
                                                                            {208, 1, 1}}};
/// How a macroblock is split: how many parts, and how many 4x4 blocks a part is wide and high.
struct Split {
    unsigned parts, columns, rows;
};
constexpr std::array<Split, 4> splits{{{2, 4, 2}, {2, 2, 4}, {4, 2, 2}, {16, 1, 1}}};

/// Vectors have units of an eighth of a pixel here.
constexpr int macroblock = 16 * 8;

}  // namespace

Vp8ModeEcho::Vp8ModeEcho(const Vp8Job& job, const Vp8Probabilities& read,
                         const vp8::ModeProbabilities& write, vp8::BoolDecoder& from,
                         vp8::BoolEncoder& to)
    : job_{job},
      read_{read},
      write_{write},
      from_{from},
      to_{to},
      // Nothing may be added, and every bool must have the same bounds.
      can_splice_{(!job.segments || job.segment_update) && read.modes == write} {}

void Vp8ModeEcho::write_bool(bool bit, vp8::Probability probability) {
    to_.write(bit, probability);
    if (!can_splice_ || to_.range() != from_.range()) return;
    to_.splice(from_);
    spliced_ = true;
}

template <std::size_t nodes>
unsigned Vp8ModeEcho::echo_tree(const std::array<std::int8_t, nodes>& tree,
                                const vp8::Probability* read, const vp8::Probability* write) {
    int at = 0;
    do {
        const auto node = static_cast<unsigned>(at) / 2;
        at = tree[static_cast<unsigned>(at) + (echo(read[node], write[node]) ? 1U : 0U)];
    } while (at > 0);
    return static_cast<unsigned>(-at);
}

void Vp8ModeEcho::segment(std::uint8_t& id) {
    if (job_.segment_update) {
        const bool high = echo(read_.segment[0]);
        const bool low = echo(read_.segment[high ? 2 : 1]);
        id = static_cast<std::uint8_t>((high ? 2 : 0) + (low ? 1 : 0));
    } else {
        to_.write((id & 2U) != 0, segment_id_probability);
        to_.write((id & 1U) != 0, segment_id_probability);
    }
}

void Vp8ModeEcho::key_frame_macroblock(BlockMode* above, BlockMode* left) {
    const unsigned mode = echo_tree(key_luma_tree, read_.modes.luma.data(), write_.luma.data());
    if (mode == by_blocks) {
        for (unsigned row = 0; row < 4; ++row)
            for (unsigned column = 0; column < 4; ++column) {
                const vp8::Probability* const probabilities =
                    vp8::key_frame_block_modes[above[column] * std::size_t{10} + left[row]].data();
                above[column] = left[row] =
                    static_cast<BlockMode>(echo_tree(block_tree, probabilities, probabilities));
            }
    } else {
        std::fill_n(above, 4, block_mode_of[mode]);
        std::fill_n(left, 4, block_mode_of[mode]);
    }
    echo_tree(chroma_tree, read_.modes.chroma.data(), write_.chroma.data());
}

void Vp8ModeEcho::intra_macroblock() {
    if (echo_tree(luma_tree, read_.modes.luma.data(), write_.luma.data()) == by_blocks)
        for (unsigned block = 0; block < 16; ++block)
            echo_tree(block_tree, vp8::block_modes.data(), vp8::block_modes.data());
    echo_tree(chroma_tree, read_.modes.chroma.data(), write_.chroma.data());
}

int Vp8ModeEcho::component(unsigned which) {
    const vp8::MotionTable& read = read_.modes.motion[which];
    const vp8::MotionTable& write = write_.motion[which];
    const auto echo_at = [&](unsigned node) { return echo(read[node], write[node]); };
    unsigned magnitude = 0;
    if (echo_at(vp8::motion_is_long)) {
        // Bits 0 to 2, 9 to 4, and 3 unless it must be set because no higher one is.
        for (const unsigned bit : {0U, 1U, 2U, 9U, 8U, 7U, 6U, 5U, 4U})
            if (echo_at(vp8::motion_long + bit)) magnitude |= 1U << bit;
        if (magnitude < 16 || echo_at(vp8::motion_long + 3)) magnitude |= 8;
    } else {
        magnitude =
            echo_tree(short_vector_tree, &read[vp8::motion_short], &write[vp8::motion_short]);
    }
    const int value = static_cast<int>(magnitude) * 2;
    return magnitude != 0 && echo_at(vp8::motion_sign) ? -value : value;
}

/// Reads a vector as a difference to another.
Vp8ModeEcho::Vector Vp8ModeEcho::difference(Vector to) {
    const int row = component(0);
    const int column = component(1);
    return {static_cast<std::int16_t>(to.row + row), static_cast<std::int16_t>(to.column + column)};
}

Vp8ModeEcho::Vector Vp8ModeEcho::clamp(Vector vector, const Bounds& bounds) {
    return {static_cast<std::int16_t>(std::clamp<int>(vector.row, bounds.top, bounds.bottom)),
            static_cast<std::int16_t>(std::clamp<int>(vector.column, bounds.left, bounds.right))};
}

/// The vectors of the neighbours: none (the zero vector), the nearest, another near one, and how
/// much speaks for each.
struct Vp8ModeEcho::Candidates {
    std::array<Vector, 4> vectors{};
    std::array<unsigned, 4> weights{};
    unsigned last = 0;  ///< index of the last vector that was found
};

/// RFC 6386, section 18.3 and libvpx's vp8_find_near_mvs().
Vp8ModeEcho::Candidates Vp8ModeEcho::find_vectors(unsigned reference, const Around& around) const {
    Candidates found;
    const auto consider = [&](const Neighbour& neighbour, unsigned weight) {
        if (neighbour.reference == 0) return;
        Vector vector = neighbour.vector;
        if (vector == Vector{}) {
            found.weights[0] += weight;
            return;
        }
        if (job_.sign_bias[neighbour.reference - 1U] != job_.sign_bias[reference - 1U])
            vector = {static_cast<std::int16_t>(-vector.row),
                      static_cast<std::int16_t>(-vector.column)};
        if (found.last == 0 || vector != found.vectors[found.last])
            found.vectors[++found.last] = vector;
        found.weights[found.last] += weight;
    };
    consider(around.above, 2);
    consider(around.left, 2);
    consider(around.corner, 1);
    return found;
}

/// @return the vector of the last block; those at the edges go to around.edges
Vp8ModeEcho::Vector Vp8ModeEcho::split_vectors(const Around& around, Vector best, Range& range) {
    std::array<Vector, 4> above{};
    above.fill(around.above.vector);
    if (around.above.split) above = around.edges.bottom;
    std::array<Vector, 4> left{};
    left.fill(around.left.vector);
    if (around.left.split) left = around.edges_left.right;

    unsigned kind = 3;
    if (echo(110)) kind = echo(111) ? (echo(150) ? 1 : 0) : 2;
    const Split& split = splits[kind];
    std::array<Vector, 16> vectors{};
    for (unsigned part = 0, row = 0, column = 0; part < split.parts; ++part) {
        const Vector to_left = column == 0 ? left[row] : vectors[row * 4 + column - 1];
        const Vector to_above = row == 0 ? above[column] : vectors[row * 4 + column - 4];
        const auto& probabilities =
            split_vector_mode[(to_above == Vector{} ? 4U : 0U) + (to_left == Vector{} ? 2U : 0U) +
                              (to_above == to_left ? 1U : 0U)];
        Vector vector = to_left;
        if (echo(probabilities[0])) {
            vector = to_above;
            if (echo(probabilities[1]))
                vector = echo(probabilities[2]) ? difference(best) : Vector{};
        }
        for (unsigned y = row; y < row + split.rows; ++y)
            std::fill_n(&vectors[y * 4 + column], split.columns, vector);
        column += split.columns;
        if (column == 4) {
            column = 0;
            row += split.rows;
        }
    }
    range = {vectors[0], vectors[0]};
    for (const Vector& vector : vectors) {
        range.low = {std::min(range.low.row, vector.row),
                     std::min(range.low.column, vector.column)};
        range.high = {std::max(range.high.row, vector.row),
                      std::max(range.high.column, vector.column)};
    }
    for (unsigned i = 0; i < 4; ++i) {
        around.edges.right[i] = vectors[i * 4 + 3];
        around.edges.bottom[i] = vectors[12 + i];
    }
    return vectors[15];
}

Vp8ModeEcho::Neighbour Vp8ModeEcho::inter_macroblock(const Around& around, const Bounds& bounds,
                                                     Range& range) {
    Neighbour here;
    here.reference = 1;
    if (echo(read_.last)) here.reference = echo(read_.golden) ? 3 : 2;

    Candidates found = find_vectors(here.reference, around);
    auto& weights = found.weights;
    if (!echo(vector_mode[weights[0]][0])) return here;
    if (weights[3] > 0 && found.vectors[found.last] == found.vectors[1]) ++weights[1];
    if (weights[2] > weights[1]) {
        std::swap(weights[1], weights[2]);
        std::swap(found.vectors[1], found.vectors[2]);
    }
    if (!echo(vector_mode[weights[1]][1])) {
        here.vector = clamp(found.vectors[1], bounds);
    } else if (!echo(vector_mode[weights[2]][2])) {
        here.vector = clamp(found.vectors[2], bounds);
    } else {
        const Vector best = weights[1] >= weights[0] ? clamp(found.vectors[1], bounds) : Vector{};
        const unsigned splits_around = (around.above.split ? 2U : 0U) +
                                       (around.left.split ? 2U : 0U) +
                                       (around.corner.split ? 1U : 0U);
        here.split = echo(vector_mode[splits_around][3]);
        if (here.split) {
            here.vector = split_vectors(around, best, range);
            return here;
        }
        here.vector = difference(best);
    }
    range = {here.vector, here.vector};
    return here;
}

/// The hardware fetches what the vectors point to, and so does the model: most frames need but a
/// little of the golden and the alternative frame.
void Vp8ModeEcho::note_need(Vp8Needs& need, unsigned row, unsigned column,
                            const Range& range) const {
    if (!need.any) {
        need.any = true;
        need.tiles.resize(std::size_t{job_.columns} * job_.rows);
    }
    std::uint8_t* const tiles = need.tiles.data();
    if (range.low == Vector{} && range.high == Vector{}) {
        tiles[std::size_t{row} * job_.columns + column] = 1;
        return;
    }
    // Filters reach 2 pixels back and 3 on, in the chroma planes of half the size too. What lies
    // outside continues the edge.
    constexpr int back = 6, on = 15 + 8;
    const auto tile = [](unsigned at, int vector, int reach, unsigned count) {
        const int pixel = static_cast<int>(at) * 16 + (vector >> 3) + reach;
        return static_cast<std::size_t>(std::clamp(pixel >> 4, 0, static_cast<int>(count) - 1));
    };
    const std::size_t left = tile(column, range.low.column, -back, job_.columns);
    const std::size_t right = tile(column, range.high.column, on, job_.columns);
    const std::size_t bottom = tile(row, range.high.row, on, job_.rows);
    for (std::size_t y = tile(row, range.low.row, -back, job_.rows); y <= bottom; ++y)
        std::fill_n(tiles + y * job_.columns + left, right - left + 1, std::uint8_t{1});
}

void Vp8ModeEcho::run(std::span<std::uint8_t> segments) {
    // One row of neighbours is enough: before a macroblock is read, its place still holds the one
    // above. The border at the left and above counts as intra.
    std::vector<Neighbour> neighbours(job_.key_frame ? 0 : job_.columns);
    std::vector<Edges> edges(neighbours.size());
    std::vector<BlockMode> above(job_.key_frame ? job_.columns * std::size_t{4} : 0, vp8::b_dc);
    const Neighbour border{};
    for (unsigned row = 0; row < job_.rows; ++row) {
        std::array<BlockMode, 4> left{vp8::b_dc, vp8::b_dc, vp8::b_dc, vp8::b_dc};
        Neighbour corner;
        for (unsigned column = 0; column < job_.columns; ++column) {
            if (job_.segments) segment(segments[std::size_t{row} * job_.columns + column]);
            if (job_.skip_flags) echo(read_.skip_false);
            if (job_.key_frame) {
                key_frame_macroblock(&above[column * std::size_t{4}], left.data());
                continue;
            }
            const Neighbour one_above = neighbours[column];
            Neighbour here;
            if (echo(read_.intra)) {
                const std::size_t before = column == 0 ? 0 : column - 1;
                const Around around{one_above, column == 0 ? border : neighbours[before], corner,
                                    edges[column], edges[before]};
                // A vector may end up to a macroblock beyond the frame.
                const Bounds bounds{-macroblock * static_cast<int>(column + 1),
                                    macroblock * static_cast<int>(job_.columns - column),
                                    -macroblock * static_cast<int>(row + 1),
                                    macroblock * static_cast<int>(job_.rows - row)};
                Range range{};
                here = inter_macroblock(around, bounds, range);
                note_need(needs_[here.reference - 1U], row, column, range);
            } else {
                intra_macroblock();
            }
            neighbours[column] = here;
            corner = one_above;
        }
    }
    if (!spliced_) to_.finish();
}

}  // namespace relfence::board::vpu
