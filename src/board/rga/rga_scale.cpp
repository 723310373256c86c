// SPDX-License-Identifier: MIT
#include "rga_scale.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "rga_simd.hpp"

namespace relfence::board::rga {

namespace {

constexpr int kWeightBits = 14;
constexpr std::int32_t kOne = 1 << kWeightBits;

/// Which source pixels make each destination pixel of an axis.
struct Filter {
    struct Tap {
        std::uint32_t source;
        std::int32_t weight;
    };
    std::vector<Tap> taps;
    std::vector<std::uint32_t> begin;  ///< of each destination pixel's taps, and one more

    void start() { begin.push_back(static_cast<std::uint32_t>(taps.size())); }
    /// Makes the weights of the current pixel add up to one: grey stays grey.
    void finish() {
        const auto first = taps.begin() + begin.back();
        std::int32_t sum = 0;
        for (auto tap = first; tap != taps.end(); ++tap) sum += tap->weight;
        auto largest = std::max_element(
            first, taps.end(), [](const Tap& a, const Tap& b) { return a.weight < b.weight; });
        largest->weight += kOne - sum;
    }
};

/// The family of cubics of Mitchell and Netravali.
double cubic(Cubic kind, double distance) {
    double b = 0;
    double c = 0;
    switch (kind) {
        case Cubic::catmull_rom:
            c = 0.5;
            break;
        case Cubic::mitchell:
            b = c = 1.0 / 3;
            break;
        case Cubic::hermite:
            break;
        case Cubic::b_spline:
            b = 1;
            break;
    }
    const double x = std::abs(distance);
    if (x < 1)
        return ((12 - 9 * b - 6 * c) * x * x * x + (-18 + 12 * b + 6 * c) * x * x + 6 - 2 * b) / 6;
    if (x < 2)
        return ((-b - 6 * c) * x * x * x + (6 * b + 30 * c) * x * x + (-12 * b - 48 * c) * x +
                8 * b + 24 * c) /
               6;
    return 0;
}

std::int32_t to_weight(double value) {
    return static_cast<std::int32_t>(std::lround(value * kOne));
}

Filter make_filter(const Scale& scale, std::uint32_t from, std::uint32_t to, Cubic kind,
                   bool bilinear) {
    Filter filter;
    filter.begin.reserve(to + 1);
    const auto clamp = [&](std::int64_t at) {
        return static_cast<std::uint32_t>(std::clamp<std::int64_t>(at, 0, from - 1));
    };
    for (std::uint32_t i = 0; i < to; ++i) {
        filter.start();
        if (scale.mode == Scale::Mode::down) {
            // In units of 1/factor of a source pixel, so that the borders are whole numbers.
            const std::uint64_t begin = std::uint64_t{i} << 16;
            const std::uint64_t end = begin + (1 << 16);
            const std::uint64_t last = std::min<std::uint64_t>((end - 1) / scale.factor, from - 1);
            for (std::uint64_t s = begin / scale.factor; s <= last; ++s) {
                const std::uint64_t covered =
                    std::min(end, (s + 1) * scale.factor) - std::max(begin, s * scale.factor);
                filter.taps.push_back({static_cast<std::uint32_t>(s),
                                       static_cast<std::int32_t>(covered >> (16 - kWeightBits))});
            }
            if (filter.taps.size() == filter.begin.back()) filter.taps.push_back({from - 1, kOne});
        } else if (scale.mode == Scale::Mode::up) {
            const std::uint64_t position = std::uint64_t{i} * scale.factor;
            const auto at = static_cast<std::int64_t>(position >> 16);
            const double rest = static_cast<double>(position & 0xffff) / 65536;
            if (bilinear) {
                filter.taps.push_back({clamp(at), to_weight(1 - rest)});
                filter.taps.push_back({clamp(at + 1), to_weight(rest)});
            } else {
                for (int k = -1; k <= 2; ++k)
                    filter.taps.push_back({clamp(at + k), to_weight(cubic(kind, rest - k))});
            }
        } else {
            filter.taps.push_back({clamp(i), kOne});
        }
        filter.finish();
    }
    filter.begin.push_back(static_cast<std::uint32_t>(filter.taps.size()));
    return filter;
}

std::uint8_t round_off(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp((sum + kOne / 2) >> kWeightBits, 0, 255));
}

RELFENCE_PIXEL_LOOP
void horizontal_row(const Filter& filter, const std::uint8_t* from, std::uint8_t* to,
                    std::uint32_t width) {
    for (std::uint32_t x = 0; x < width; ++x, to += 4) {
        std::int32_t sum[4] = {};
        for (std::uint32_t t = filter.begin[x]; t < filter.begin[x + 1]; ++t) {
            const std::uint8_t* pixel = from + std::size_t{filter.taps[t].source} * 4;
            for (int c = 0; c < 4; ++c) sum[c] += pixel[c] * filter.taps[t].weight;
        }
        for (int c = 0; c < 4; ++c) to[c] = round_off(sum[c]);
    }
}

RELFENCE_PIXEL_LOOP
void add_row(std::int32_t weight, const std::uint8_t* from, std::int32_t* sums, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sums[i] += from[i] * weight;
}

RELFENCE_PIXEL_LOOP
void round_row(const std::int32_t* sums, std::uint8_t* to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = round_off(sums[i]);
}

Raster horizontally(const Raster& in, const Filter& filter, std::uint32_t width) {
    Raster out(width, in.height());
    for (std::uint32_t y = 0; y < in.height(); ++y)
        horizontal_row(filter, in.row(y), out.row(y), width);
    return out;
}

Raster vertically(const Raster& in, const Filter& filter, std::uint32_t height) {
    Raster out(in.width(), height);
    std::vector<std::int32_t> sums(in.stride());
    for (std::uint32_t y = 0; y < height; ++y) {
        std::fill(sums.begin(), sums.end(), 0);
        for (std::uint32_t t = filter.begin[y]; t < filter.begin[y + 1]; ++t)
            add_row(filter.taps[t].weight, in.row(filter.taps[t].source), sums.data(), sums.size());
        round_row(sums.data(), out.row(y), sums.size());
    }
    return out;
}

bool same(const Scale& scale, std::uint32_t from, std::uint32_t to) {
    return scale.mode == Scale::Mode::none && from == to;
}

}  // namespace

Raster scale(Raster picture, const Blit& blit, std::uint32_t width, std::uint32_t height) {
    const auto in_x = [&] {
        if (same(blit.horizontal, picture.width(), width)) return;
        picture = horizontally(
            picture, make_filter(blit.horizontal, picture.width(), width, blit.cubic, false),
            width);
    };
    const auto in_y = [&] {
        if (same(blit.vertical, picture.height(), height)) return;
        picture = vertically(picture,
                             make_filter(blit.vertical, picture.height(), height, blit.cubic,
                                         blit.vertical_bilinear),
                             height);
    };
    // What makes the picture smaller comes first.
    if (width <= picture.width()) {
        in_x();
        in_y();
    } else {
        in_y();
        in_x();
    }
    return picture;
}

}  // namespace relfence::board::rga
