// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <relfence/image/scene.hpp>

namespace relfence::image {
namespace {

struct Colour {
    std::uint8_t red, green, blue;
};

constexpr std::array<Colour, 8> bars{{{235, 235, 235},
                                      {235, 235, 16},
                                      {16, 235, 235},
                                      {16, 235, 16},
                                      {235, 16, 235},
                                      {235, 16, 16},
                                      {16, 16, 235},
                                      {16, 16, 16}}};
constexpr Colour white{235, 235, 235};
constexpr Colour black{16, 16, 16};
constexpr Colour orange{240, 140, 20};
constexpr Colour navy{20, 30, 90};

/// The digits 0 to 9, 5 columns by 7 rows, the leftmost column in bit 4.
constexpr std::array<std::array<std::uint8_t, 7>, 10> digits{{
    {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e},
    {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e},
    {0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f},
    {0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e},
    {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02},
    {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e},
    {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e},
    {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
    {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e},
    {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c},
}};

class Canvas {
  public:
    explicit Canvas(Frame& frame) : frame_{frame} {}

    void dot(int x, int y, Colour colour) {
        if (x < 0 || y < 0 || x >= width() || y >= height()) return;
        std::uint8_t* at =
            &frame_
                 .bytes[(static_cast<std::size_t>(y) * frame_.width + static_cast<std::size_t>(x)) *
                        4];
        at[0] = colour.blue;
        at[1] = colour.green;
        at[2] = colour.red;
        at[3] = 0xff;
    }
    void box(int left, int top, int w, int h, Colour colour) {
        for (int y = std::max(top, 0); y < std::min(top + h, height()); ++y)
            for (int x = std::max(left, 0); x < std::min(left + w, width()); ++x) dot(x, y, colour);
    }
    /// Copies row @p first to the rows up to @p last.
    void repeat_row(int first, int last) {
        const std::size_t row = std::size_t{frame_.width} * 4;
        const auto from = frame_.bytes.begin() +
                          static_cast<std::ptrdiff_t>(row * static_cast<std::size_t>(first));
        for (int y = first + 1; y < last; ++y)
            std::copy_n(from, row, from + static_cast<std::ptrdiff_t>(row) * (y - first));
    }
    void disc(int cx, int cy, int radius, Colour colour) {
        for (int y = -radius; y <= radius; ++y)
            for (int x = -radius; x <= radius; ++x)
                if (x * x + y * y <= radius * radius) dot(cx + x, cy + y, colour);
    }
    void number(int left, int top, int scale, unsigned value, Colour colour) {
        for (const char c : fmt::format("{:03}", value)) {
            const auto& rows = digits[static_cast<std::size_t>(c - '0')];
            for (int y = 0; y < 7; ++y)
                for (int x = 0; x < 5; ++x)
                    if ((rows[static_cast<std::size_t>(y)] >> (4 - x)) & 1)
                        box(left + x * scale, top + y * scale, scale, scale, colour);
            left += 6 * scale;
        }
    }
    [[nodiscard]] int width() const { return static_cast<int>(frame_.width); }
    [[nodiscard]] int height() const { return static_cast<int>(frame_.height); }

  private:
    Frame& frame_;
};

/// There and back between 0 and @p span, @p step a frame.
int bounce(unsigned index, int step, int span) {
    const int at = (static_cast<int>(index) * step) % (2 * span);
    return at < span ? at : 2 * span - at;
}

}  // namespace

Frame draw_scene(unsigned width, unsigned height, unsigned index) {
    Frame frame = Frame::zeros(Layout::xrgb8888, width, height);
    Canvas canvas{frame};
    const int w = canvas.width();
    const int h = canvas.height();
    const int bars_height = h * 5 / 8;
    // Bars and ramp move too: a tear is then a kink in every edge and not only in the ball.
    const int shift = static_cast<int>(index) * std::max(w / 80, 1);
    for (int x = 0; x < w; ++x) {
        const int at = (x + shift) % w;
        canvas.dot(x, 0, bars[static_cast<std::size_t>(at * 8 / w)]);
        const auto grey = static_cast<std::uint8_t>(16 + 219 * at / w);
        canvas.dot(x, bars_height, {grey, grey, grey});
    }
    canvas.repeat_row(0, bars_height);
    canvas.repeat_row(bars_height, h);
    // A marker in the first and the last rows, so that no two neighbouring frames agree there.
    const int marker = w / 12;
    canvas.box(bounce(index, w / 40, w - marker), 0, marker, h / 20, navy);
    canvas.box(w - marker - bounce(index, w / 40, w - marker), h - h / 20, marker, h / 20, navy);
    const int radius = h / 8;
    canvas.disc(radius + bounce(index, w / 50, w - 2 * radius),
                radius + bounce(index, h / 30, h - 2 * radius), radius, orange);
    const int scale = std::max(h / 45, 1);
    const int plate_width = 20 * scale;
    const int plate_height = 9 * scale;
    const int left = (w - plate_width) / 2;
    const int top = bars_height + (h - bars_height - plate_height) / 2;
    canvas.box(left, top, plate_width, plate_height, black);
    canvas.number(left + scale + scale / 2, top + scale, scale, index, white);
    return frame;
}

}  // namespace relfence::image
