// SPDX-License-Identifier: MIT
// The pixel part of the RGA model, programmed as the driver programs it and compared with
// rga_reference.hpp. Each comparison has a control: the same picture made wrong must not pass.
#include "board/rga/rga_pixels.hpp"

#include <libyuv/scale_argb.h>
#include <random>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/regs/register_bank.hpp>

#include "board/rga/rga_command.hpp"
#include "board/rga/rga_mmu.hpp"
#include "board/rga/rga_registers.hpp"
#include "rga_driver.hpp"
#include "rga_reference.hpp"

namespace {

using namespace rga_test;
namespace rga = relfence::board::rga;

/// One job on one source and one destination buffer.
class Bench {
  public:
    Bench(Frame in, Frame out, std::uint32_t pages = 2048)
        : memory_(pages),
          in_(std::move(in)),
          out_(std::move(out)),
          src_(memory_, in_),
          dst_(memory_, out_) {
        std::vector<std::uint8_t> noise(src_.size());
        for (auto& b : noise) b = static_cast<std::uint8_t>(random_());
        src_.fill(noise);
        dst_.fill(std::vector<std::uint8_t>(dst_.size(), kOld));
    }
    void paint(const std::function<Pixel(double, double)>& picture) {
        auto bytes = src_.bytes();
        for (std::uint32_t y = 0; y < in_.height; ++y) {
            for (std::uint32_t x = 0; x < in_.width; ++x) {
                const Pixel p = picture(double(x) / in_.width, double(y) / in_.height);
                if (in_.fmt->yuv()) {
                    const auto at = places(in_, src_.offsets(), x, y);
                    bytes[at.y] = std::uint8_t(p[0]);
                    bytes[at.u] = std::uint8_t(p[1]);
                    bytes[at.v] = std::uint8_t(p[2]);
                } else {
                    const auto l = layout(*in_.fmt);
                    for (std::size_t c = 0; c < 4 && l.bytes > 2; ++c) {
                        if (l.place[c] >= 0)
                            bytes[std::size_t{y} * in_.stride +
                                  std::size_t{x} * std::size_t(l.bytes) + std::size_t(l.place[c])] =
                                std::uint8_t(p[c]);
                    }
                }
            }
        }
        src_.fill(bytes);
    }
    void run(Command command) {
        relfence::regs::RegisterBank bank("rga", rga::kBlockSize, rga::kRegisters, rga::kFields);
        bank.on_unknown([this](const std::string& what) { complaints.push_back(what); });
        for (std::uint32_t i = 0; i < command.size(); ++i)
            bank.write(rga::kCommandBlock + i * 4, command[i]);
        const auto blit = rga::decode(bank, complaints);
        ASSERT_TRUE(blit) << blit.error().message();
        rga::PageMap source;
        if (!blit->fill) {
            auto walked =
                rga::PageMap::walk(memory_, blit->source.translation,
                                   std::span(blit->source.planes).first(blit->source.plane_count),
                                   "source", complaints);
            ASSERT_TRUE(walked);
            source = *walked;
        }
        const auto target =
            rga::PageMap::walk(memory_, blit->target.translation,
                               std::span(blit->target.planes).first(blit->target.plane_count),
                               "destination", complaints);
        ASSERT_TRUE(target);
        const auto writes = rga::render(*blit, memory_, source, *target);
        ASSERT_TRUE(writes) << writes.error().message();
        memory_.apply(*writes);
    }
    void run(const Controls& controls = {}) { run(command(in_, src_, out_, dst_, controls)); }

    [[nodiscard]] Picture source() const { return read(in_, src_); }
    [[nodiscard]] Picture result() const { return read(out_, dst_); }
    [[nodiscard]] const Frame& in() const { return in_; }
    [[nodiscard]] const Frame& out() const { return out_; }
    [[nodiscard]] const Buffer& src() const { return src_; }
    [[nodiscard]] const Buffer& dst() const { return dst_; }

    /// What the driver's user should see: converted, turned, chroma of the destination's format.
    [[nodiscard]] Picture expected(std::uint32_t degrees = 0, bool left_right = false,
                                   bool up_down = false) const {
        return finish(turned(converted_source(), degrees, left_right, up_down));
    }
    [[nodiscard]] Picture converted_source() const {
        Picture p = source();
        if (in_.fmt->yuv() && !out_.fmt->yuv())
            p = each_pixel(p, [&](const Pixel& x) { return yuv_to_rgb(x, in_.rec709); });
        return p;
    }
    [[nodiscard]] Picture finish(Picture p) const {
        if (!in_.fmt->yuv() && out_.fmt->yuv())
            p = each_pixel(p, [&](const Pixel& x) { return rgb_to_yuv(x, out_.rec709); });
        if (out_.fmt->yuv())
            p = each_pixel(p, [](Pixel x) {
                x[3] = 255;
                return x;
            });
        return with_chroma_of(p, *out_.fmt);
    }
    [[nodiscard]] Pixel tolerated() const {
        // libyuv's conversion to RGB has 6-bit coefficients; all else rounds up to three times.
        return tolerance(*out_.fmt, in_.fmt->yuv() == out_.fmt->yuv() ? 1.0
                                    : in_.fmt->yuv()                  ? 3.0
                                                                      : 1.5);
    }
    /// How many bytes outside of the destination's rectangle are not what they were.
    [[nodiscard]] std::size_t spilled() const {
        const auto bytes = dst_.bytes();
        std::vector<bool> ours(bytes.size());
        const Rect& r = out_.crop;
        for (std::uint32_t y = r.top; y < r.top + r.height; ++y) {
            for (std::uint32_t x = r.left; x < r.left + r.width; ++x) {
                if (out_.fmt->yuv()) {
                    const auto at = places(out_, dst_.offsets(), x, y);
                    ours[at.y] = ours[at.u] = ours[at.v] = true;
                } else {
                    const std::size_t size = out_.fmt->depth / 8;
                    for (std::size_t i = 0; i < size; ++i)
                        ours[std::size_t{y} * out_.stride + x * size + i] = true;
                }
            }
        }
        std::size_t count = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (!ours[i] && bytes[i] != kOld) ++count;
        }
        return count;
    }

    std::vector<std::string> complaints;

  private:
    static constexpr std::uint8_t kOld = 0xa5;
    std::mt19937 random_{1};
    Memory memory_;
    Frame in_;
    Frame out_;
    Buffer src_;
    Buffer dst_;
};

/// A source format against every destination format.
class FromFormat : public testing::TestWithParam<Format> {};

/// Catches a channel in the wrong place, a wrong matrix or range, wrong plane offsets, an ignored
/// page table, and writes beyond the rectangle.
TEST_P(FromFormat, Converts) {
    const Format& from = GetParam();
    for (const Format& to : kFormats) {
        SCOPED_TRACE(to.name);
        Bench bench({from, 64, 48}, {to, 64, 48});
        bench.run();
        EXPECT_LE(excess(bench.result(), bench.expected(), bench.tolerated()), 0);
        EXPECT_EQ(bench.spilled(), 0U);
        EXPECT_THAT(bench.complaints, testing::IsEmpty());
        // Control: red and blue (Cb and Cr) exchanged.
        const auto wrong = each_pixel(bench.expected(), [&](Pixel p) {
            std::swap(p[to.yuv() ? 1 : 0], p[2]);
            return p;
        });
        EXPECT_GT(excess(bench.result(), wrong, bench.tolerated()), 0);
    }
}

/// The same with Rec. 709, and with the matrix of Rec. 601 as the control.
TEST_P(FromFormat, ConvertsRec709) {
    const Format& from = GetParam();
    for (const Format& to : kFormats) {
        if (from.yuv() == to.yuv()) continue;
        SCOPED_TRACE(to.name);
        Frame in(from, 64, 48);
        Frame out(to, 64, 48);
        in.rec709 = out.rec709 = true;
        Bench bench(in, out);
        bench.run();
        EXPECT_LE(excess(bench.result(), bench.expected(), bench.tolerated()), 0);
        const Bench other({from, 64, 48}, {to, 64, 48});  // the same noise
        EXPECT_GT(excess(bench.result(), other.expected(), bench.tolerated()), 0);
    }
}

/// Rectangles of both pictures at once, turned: offsets of crop and compose.
TEST_P(FromFormat, CropsComposesAndTurns) {
    const Format& from = GetParam();
    for (const Format& to : kFormats) {
        SCOPED_TRACE(to.name);
        Frame in(from, 80, 60);
        in.crop = {8, 4, 48, 40};
        Frame out(to, 96, 72);
        out.crop = {12, 6, 40, 48};
        Bench bench(in, out);
        bench.run(Controls{false, false, 90});
        EXPECT_LE(excess(bench.result(), bench.expected(90), bench.tolerated()), 0);
        EXPECT_EQ(bench.spilled(), 0U);
        EXPECT_THAT(bench.complaints, testing::IsEmpty());
        EXPECT_GT(excess(bench.result(), bench.expected(270), bench.tolerated()), 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Rga, FromFormat, testing::ValuesIn(kFormats),
                         [](const auto& each) { return std::string(each.param.name); });

/// Every turn into a destination format.
class ToFormat : public testing::TestWithParam<Format> {};

/// Every rotation with every mirror. The hardware mirrors what was rotated, and its x mirror (which
/// the driver sets for V4L2_CID_VFLIP) exchanges left and right.
TEST_P(ToFormat, TurnsAsTheDriverAsksFor) {
    const Format& to = GetParam();
    for (const Controls controls :
         {Controls{false, false, 0}, Controls{false, true, 0}, Controls{true, false, 0},
          Controls{true, true, 0}, Controls{false, false, 90}, Controls{false, true, 90},
          Controls{true, false, 90}, Controls{true, true, 90}, Controls{false, false, 180},
          Controls{false, true, 180}, Controls{true, false, 180}, Controls{true, true, 180},
          Controls{false, false, 270}, Controls{false, true, 270}, Controls{true, false, 270},
          Controls{true, true, 270}}) {
        const auto [hflip, vflip, rotate] = controls;
        SCOPED_TRACE(fmt::format("rotate {} hflip {} vflip {}", rotate, hflip, vflip));
        const bool quarter = rotate % 180 != 0;
        Bench bench({format("ABGR32"), 64, 40}, {to, quarter ? 40U : 64U, quarter ? 64U : 40U});
        bench.run(controls);
        const Picture want = bench.expected(rotate, vflip, hflip);
        EXPECT_LE(excess(bench.result(), want, bench.tolerated()), 0);
        EXPECT_EQ(bench.spilled(), 0U);
        EXPECT_THAT(bench.complaints, testing::IsEmpty());
        // Controls: every other turn of the same size.
        int different = 0;
        for (const std::uint32_t other : {rotate, (rotate + 180) % 360}) {
            for (const int mirrors : {0, 1, 2, 3}) {
                const Picture wrong = bench.expected(other, (mirrors & 1) != 0, (mirrors & 2) != 0);
                if (excess(wrong, want, {0, 0, 0, 0}) <= 0) continue;  // the same by another name
                ++different;
                EXPECT_GT(excess(bench.result(), wrong, bench.tolerated()), 0)
                    << other << " " << mirrors;
            }
        }
        EXPECT_EQ(different, 6);
    }
}

INSTANTIATE_TEST_SUITE_P(Rga, ToFormat, testing::ValuesIn(kFormats),
                         [](const auto& each) { return std::string(each.param.name); });

/// A copy keeps every byte, also those that a common form would round.
TEST(RgaCopy, KeepsBytes) {
    for (const Format& f : kFormats) {
        if (std::string(f.name) == "XBGR32") continue;  // X may become anything
        Bench bench({f, 64, 48}, {f, 64, 48});
        bench.run();
        const auto a = bench.src().bytes();
        const auto b = bench.dst().bytes();
        std::size_t size = 0;
        for (const auto s : bench.in().plane_sizes) size += s;
        if (f.mem_planes == 1) {
            EXPECT_TRUE(std::equal(a.begin(), a.begin() + std::ptrdiff_t(size), b.begin()))
                << f.name;
        }
        EXPECT_LE(excess(bench.result(), bench.source(), {0, 0, 0, 0}), 0) << f.name;
    }
}

/// Turned twice the same way is where it began: no chroma sample goes astray.
TEST(RgaCopy, MirroredTwiceIsTheSame) {
    const Frame f(format("NV12"), 64, 48);
    Bench once(f, f);
    once.run(Controls{true, false, 0});
    EXPECT_LE(excess(once.result(), turned(once.source(), 0, false, true), {0, 0, 0, 0}), 0);
    EXPECT_GT(excess(once.result(), once.source(), {0, 0, 0, 0}), 0);
}

/// Full range, which the driver has a name for and never sets.
TEST(RgaConvert, FullRange) {
    Bench to_rgb({format("NV12"), 64, 48}, {format("RGB24"), 64, 48});
    auto c = command(to_rgb.in(), to_rgb.src(), to_rgb.out(), to_rgb.dst());
    c[1] = (c[1] & ~(3U << 8)) | 2U << 8;
    to_rgb.run(c);
    const auto full =
        each_pixel(to_rgb.source(), [](const Pixel& p) { return yuv_to_rgb(p, false, true); });
    EXPECT_LE(excess(to_rgb.result(), full, to_rgb.tolerated()), 0);
    EXPECT_GT(excess(to_rgb.result(), to_rgb.expected(), to_rgb.tolerated()), 0);

    Bench to_yuv({format("RGB24"), 64, 48}, {format("NV16"), 64, 48});
    c = command(to_yuv.in(), to_yuv.src(), to_yuv.out(), to_yuv.dst());
    c[14] = (c[14] & ~(3U << 16)) | 2U << 16;
    to_yuv.run(c);
    const auto yuv = with_chroma_of(
        each_pixel(to_yuv.source(), [](const Pixel& p) { return rgb_to_yuv(p, false, true); }),
        *to_yuv.out().fmt);
    EXPECT_LE(excess(to_yuv.result(), yuv, to_yuv.tolerated()), 0);
    EXPECT_GT(excess(to_yuv.result(), to_yuv.expected(), to_yuv.tolerated()), 0);
}

/// A fill writes its rectangle and needs no source.
TEST(RgaFill, WritesOneColour) {
    for (const Format& f : kFormats) {
        Frame out(f, 64, 48);
        out.crop = {4, 8, 32, 16};
        Bench bench({format("ABGR32"), 64, 48}, out);
        auto c = command(bench.in(), bench.src(), bench.out(), bench.dst());
        c[0] = 2;            // rectangle fill
        c[1] = 0xf;          // no source format is looked at
        c[11] = 0x80204060;  // A, B, G, R
        c[14] = (c[14] & 0x7f) | (f.yuv() ? 1U << 16 : 0);
        bench.run(c);
        Picture want(32, 16);
        for (Pixel& p : want.pixels) p = {0x60, 0x40, 0x20, 0x80};
        if (f.yuv()) want = each_pixel(want, [](const Pixel& p) { return rgb_to_yuv(p, false); });
        for (Pixel& p : want.pixels)
            if (f.yuv()) p[3] = 255;
        EXPECT_LE(excess(bench.result(), want, tolerance(f, 1)), 0) << f.name;
        EXPECT_EQ(bench.spilled(), 0U) << f.name;
        EXPECT_THAT(bench.complaints, testing::IsEmpty()) << f.name;
        std::swap(want.pixels[5][0], want.pixels[5][2]);
        if (!f.yuv()) {
            EXPECT_GT(excess(bench.result(), want, tolerance(f, 1)), 0) << f.name;
        }
    }
}

/// The mean of an interval of the source, in floating point and with the exact ratio.
double mean_of(const Picture& p, std::size_t c, double begin, double end, std::uint32_t other,
               bool x_axis) {
    double sum = 0;
    const std::uint32_t size = x_axis ? p.width : p.height;
    for (auto i = static_cast<std::uint32_t>(begin); i < size && i < end; ++i) {
        const double part = std::min(end, i + 1.0) - std::max(begin, double(i));
        sum += part * (x_axis ? p.at(i, other) : p.at(other, i))[c];
    }
    return sum / (end - begin);
}

double catmull_rom(const Picture& p, std::size_t c, double at, std::uint32_t other, bool x_axis) {
    const auto value = [&](double i) {
        const double limit = (x_axis ? p.width : p.height) - 1;
        const auto n = static_cast<std::uint32_t>(std::clamp(i, 0.0, limit));
        return (x_axis ? p.at(n, other) : p.at(other, n))[c];
    };
    const double base = std::floor(at);
    const double t = at - base;
    const double a = value(base - 1), b = value(base), d = value(base + 1), e = value(base + 2);
    return b + 0.5 * t * (d - a + t * (2 * a - 5 * b + 4 * d - e + t * (3 * (b - d) + e - a)));
}

Picture scaled_axis(const Picture& in, std::uint32_t size, bool x_axis) {
    const std::uint32_t from = x_axis ? in.width : in.height;
    Picture out(x_axis ? size : in.width, x_axis ? in.height : size);
    for (std::uint32_t y = 0; y < out.height; ++y) {
        for (std::uint32_t x = 0; x < out.width; ++x) {
            const std::uint32_t i = x_axis ? x : y;
            const std::uint32_t other = x_axis ? y : x;
            for (std::size_t c = 0; c < 4; ++c) {
                double& v = out.at(x, y)[c];
                if (from == size)
                    v = in.at(x, y)[c];
                else if (from > size)
                    v = mean_of(in, c, double(i) * from / size, (i + 1.0) * from / size, other,
                                x_axis);
                else
                    v = clamp255(
                        catmull_rom(in, c, i * (from - 1.0) / (size - 1.0), other, x_axis));
            }
        }
    }
    return out;
}

struct Size {
    std::uint32_t in_w, in_h, out_w, out_h;
};

class EveryRatio : public testing::TestWithParam<Size> {};

/// Waves that a scaler can get wrong, neither flat nor noise.
Pixel waves(double x, double y) {
    const double a = std::sin(x * 20) * std::cos(y * 14);
    const double b = std::sin((x + y) * 9);
    return {128 + 90 * a, 128 + 100 * b, 128 + 60 * a * b, 255};
}

/// Against the filters that the manual names, in floating point, within 4 of 255: 14-bit weights,
/// rounding between the axes, and a factor that is not quite the ratio (the driver adds one).
/// Against libyuv, which centres its samples elsewhere, by PSNR.
TEST_P(EveryRatio, Scales) {
    const Size s = GetParam();
    for (const char* to : {"ABGR32", "NV12"}) {
        Bench bench({format("ABGR32"), s.in_w, s.in_h}, {format(to), s.out_w, s.out_h}, 8192);
        bench.paint(waves);
        bench.run();
        EXPECT_THAT(bench.complaints, testing::IsEmpty());
        const bool x_first = s.out_w <= s.in_w;
        Picture want = scaled_axis(bench.source(), x_first ? s.out_w : s.out_h, x_first);
        want = bench.finish(scaled_axis(want, x_first ? s.out_h : s.out_w, !x_first));
        EXPECT_LE(excess(bench.result(), want, {4, 4, 4, 4}), 0) << to;
        EXPECT_GT(psnr(bench.result(), want), 45) << to;
        // Controls: mirrored, and one pixel to the left.
        EXPECT_GT(excess(bench.result(), turned(want, 0, true, false), {4, 4, 4, 4}), 0);
        if (std::string(to) != "ABGR32") continue;

        std::vector<std::uint8_t> by_libyuv(std::size_t{s.out_w} * s.out_h * 4);
        libyuv::ARGBScale(bench.src().bytes().data(), int(s.in_w) * 4, int(s.in_w), int(s.in_h),
                          by_libyuv.data(), int(s.out_w) * 4, int(s.out_w), int(s.out_h),
                          libyuv::kFilterBox);
        Picture theirs(s.out_w, s.out_h);
        for (std::size_t i = 0; i < theirs.pixels.size(); ++i) {
            const std::uint8_t* p = by_libyuv.data() + i * 4;
            theirs.pixels[i] = {double(p[2]), double(p[1]), double(p[0]), double(p[3])};
        }
        EXPECT_GT(psnr(bench.result(), theirs), 25);
        EXPECT_LT(psnr(bench.result(), turned(theirs, 0, true, false)), 20);
    }
}

INSTANTIATE_TEST_SUITE_P(Rga, EveryRatio,
                         testing::Values(Size{128, 96, 64, 48}, Size{128, 96, 96, 80},
                                         Size{128, 96, 40, 36}, Size{128, 96, 128, 48},
                                         Size{128, 96, 64, 96}, Size{128, 96, 256, 192},
                                         Size{128, 96, 200, 160}, Size{128, 96, 64, 192},
                                         Size{128, 96, 256, 48}, Size{576, 64, 36, 64},
                                         Size{64, 36, 64, 576}, Size{320, 180, 640, 360},
                                         Size{640, 360, 320, 180}, Size{2176, 64, 2176, 128}));

/// Scaling and turning at once: the scale is that of the source's axes, before the turn.
TEST(RgaScale, ComesBeforeTheTurn) {
    Bench bench({format("NV12"), 128, 96}, {format("BGR24"), 120, 40});
    bench.paint(waves);
    bench.run(Controls{false, false, 270});
    EXPECT_THAT(bench.complaints, testing::IsEmpty());
    const Picture rgb = bench.converted_source();
    const Picture want =
        turned(scaled_axis(scaled_axis(rgb, 40, true), 120, false), 270, false, false);
    EXPECT_LE(excess(bench.result(), want, {5, 5, 5, 255}), 0);
    EXPECT_GT(excess(bench.result(), turned(want, 180, false, false), {5, 5, 5, 255}), 0);
}

/// A flat picture stays flat to the last bit, whatever the filter: its weights add up to one.
TEST(RgaScale, KeepsFlatColours) {
    for (const std::uint32_t cubic : {0U, 1U, 2U, 3U}) {
        for (const std::uint32_t bilinear : {0U, 1U}) {
            Bench bench({format("ABGR32"), 64, 48}, {format("ABGR32"), 200, 140});
            bench.paint([](double, double) { return Pixel{200, 100, 50, 77}; });
            auto c = command(bench.in(), bench.src(), bench.out(), bench.dst());
            c[1] |= cubic << 24 | bilinear << 26;
            bench.run(c);
            Picture want(200, 140);
            for (Pixel& p : want.pixels) p = {200, 100, 50, 77};
            EXPECT_LE(excess(bench.result(), want, {0, 0, 0, 0}), 0) << cubic << bilinear;
        }
    }
}

/// The four cubics and the bilinear filter are not the same one.
TEST(RgaScale, HasTheFiltersOfTheRegister) {
    std::vector<Picture> results;
    for (const std::uint32_t bits : {0U, 1U, 2U, 3U, 4U}) {
        Bench bench({format("ABGR32"), 64, 48}, {format("ABGR32"), 64, 100});
        auto c = command(bench.in(), bench.src(), bench.out(), bench.dst());
        c[1] |= bits << 24;
        bench.run(c);
        for (const Picture& other : results)
            EXPECT_GT(excess(bench.result(), other, {1, 1, 1, 1}), 0) << bits;
        results.push_back(bench.result());
    }
}

}  // namespace
