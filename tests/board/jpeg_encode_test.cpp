// SPDX-License-Identifier: MIT
#include "board/vpu/jpeg_encode.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <jpeglib.h>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "board/vpu/jpeg_registers.hpp"
#include "jpeg_driver.hpp"

namespace relfence::board {
namespace {

using vpu::encode_jpeg;
using vpu::JpegScan;

/// A picture with edges, ramps and noise, for any position.
std::uint8_t pixel(unsigned plane, unsigned x, unsigned y) {
    const unsigned noise = (x * 73856093U ^ y * 19349663U ^ plane * 83492791U) >> 7 & 15U;
    const unsigned wave = (x / 9 + y / 5 + plane) % 2 == 0 ? 40 : 0;
    return static_cast<std::uint8_t>(40 + (x * 2 + y + plane * 30) % 140 + wave + noise);
}

struct Planes {
    unsigned width = 0, height = 0;  ///< of luma
    std::vector<std::uint8_t> y, cb, cr;
};

/// What a picture has to become before it is encoded, written down once more and slowly: chroma of
/// packed formats is the mean of two rows, and what is beyond the crop repeats the last pixel.
Planes padded(const JpegJob& job) {
    const bool packed = job.format == SourceFormat::yuyv || job.format == SourceFormat::uyvy;
    Planes planes{job.width, job.height, {}, {}, {}};
    for (unsigned y = 0; y < job.height; ++y)
        for (unsigned x = 0; x < job.width; ++x)
            planes.y.push_back(
                pixel(0, std::min(x, job.crop_width - 1), std::min(y, job.crop_height - 1)));
    const unsigned c_width = job.crop_width / 2, c_height = (job.crop_height + 1) / 2;
    for (unsigned plane : {1U, 2U})
        for (unsigned y = 0; y < job.height / 2; ++y)
            for (unsigned x = 0; x < job.width / 2; ++x) {
                const unsigned column = std::min(x, c_width - 1), row = std::min(y, c_height - 1);
                unsigned value = pixel(plane, column, row);
                if (packed) {
                    const unsigned second = std::min(2 * row + 1, job.crop_height - 1);
                    value = (pixel(plane, column, 2 * row) + pixel(plane, column, second) + 1U) / 2;
                }
                (plane == 1 ? planes.cb : planes.cr).push_back(static_cast<std::uint8_t>(value));
            }
    return planes;
}

/// Everything after the SOS segment of a JPEG file: the scan and EOI.
std::vector<std::uint8_t> after_header(const std::vector<std::uint8_t>& file) {
    for (std::size_t i = 2; i + 4 < file.size(); i += 2U + (file[i + 2] * 256U + file[i + 3]))
        if (file[i + 1] == 0xda)
            return {file.begin() +
                        static_cast<std::ptrdiff_t>(i + 2U + (file[i + 2] * 256U + file[i + 3])),
                    file.end()};
    return {};
}

/// The file that libjpeg makes of the same planes.
std::vector<std::uint8_t> reference_file(const Planes& planes, const JpegJob& job) {
    jpeg_compress_struct encoder{};
    jpeg_error_mgr errors{};
    encoder.err = jpeg_std_error(&errors);
    jpeg_create_compress(&encoder);
    unsigned char* bytes = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&encoder, &bytes, &size);
    encoder.image_width = planes.width;
    encoder.image_height = planes.height;
    encoder.input_components = 3;
    encoder.in_color_space = JCS_YCbCr;
    jpeg_set_defaults(&encoder);  // 4:2:0
    for (int number : {0, 1}) {
        unsigned steps[64];
        std::ranges::copy(number == 0 ? job.luma : job.chroma, steps);
        jpeg_add_quant_table(&encoder, number, steps, 100, TRUE);
    }
    encoder.raw_data_in = TRUE;
    jpeg_start_compress(&encoder, TRUE);
    for (unsigned row = 0; row < planes.height; row += 16) {
        std::array<std::array<JSAMPROW, 16>, 3> rows{};
        JSAMPARRAY all[] = {rows[0].data(), rows[1].data(), rows[2].data()};
        for (unsigned i = 0; i < 16; ++i) {
            rows[0][i] = const_cast<JSAMPROW>(&planes.y[(row + i) * planes.width]);
            if (i >= 8) continue;
            rows[1][i] = const_cast<JSAMPROW>(&planes.cb[(row / 2 + i) * (planes.width / 2)]);
            rows[2][i] = const_cast<JSAMPROW>(&planes.cr[(row / 2 + i) * (planes.width / 2)]);
        }
        jpeg_write_raw_data(&encoder, all, 16);
    }
    jpeg_finish_compress(&encoder);
    std::vector<std::uint8_t> file{bytes, bytes + size};
    jpeg_destroy_compress(&encoder);
    std::free(bytes);
    return file;
}

/// The luma of a decoded file.
Planes decode(std::span<const std::uint8_t> file) {
    jpeg_decompress_struct decoder{};
    jpeg_error_mgr errors{};
    decoder.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, file.data(), static_cast<unsigned long>(file.size()));
    jpeg_read_header(&decoder, TRUE);
    decoder.out_color_space = JCS_YCbCr;
    jpeg_start_decompress(&decoder);
    Planes planes{decoder.output_width, decoder.output_height, {}, {}, {}};
    std::vector<std::uint8_t> row(decoder.output_width * 3UL);
    while (decoder.output_scanline < decoder.output_height) {
        JSAMPROW to = row.data();
        jpeg_read_scanlines(&decoder, &to, 1);
        for (unsigned x = 0; x < decoder.output_width; ++x) planes.y.push_back(row[x * 3]);
    }
    jpeg_finish_decompress(&decoder);
    EXPECT_EQ(errors.num_warnings, 0) << "a decoder warns of damaged data";
    jpeg_destroy_decompress(&decoder);
    return planes;
}

/// Annex K's tables, scaled for a quality as the driver and libjpeg do it.
void set_quality(JpegJob& job, int quality) {
    jpeg_compress_struct tables{};
    jpeg_error_mgr errors{};
    tables.err = jpeg_std_error(&errors);
    jpeg_create_compress(&tables);
    tables.in_color_space = JCS_YCbCr;
    tables.input_components = 3;
    jpeg_set_defaults(&tables);
    jpeg_set_quality(&tables, quality, TRUE);
    for (unsigned i = 0; i < 64; ++i) {
        job.luma[i] = static_cast<std::uint8_t>(tables.quant_tbl_ptrs[0]->quantval[i]);
        job.chroma[i] = static_cast<std::uint8_t>(tables.quant_tbl_ptrs[1]->quantval[i]);
    }
    jpeg_destroy_compress(&tables);
}

struct Size {
    unsigned width, height;  ///< of the picture, before it is rounded up to macroblocks
};

class JpegEncode : public testing::Test {
  protected:
    /// A job on buffers of its own, with the source's pixels; the rest is filled with 0xee.
    JpegJob prepare(SourceFormat format, Size size, int quality = 75) {
        JpegJob job;
        job.format = format;
        job.width = (size.width + 15) / 16 * 16;
        job.height = (size.height + 15) / 16 * 16;
        job.crop_width = size.width;
        job.crop_height = size.height;
        set_quality(job, quality);
        const unsigned luma = job.width * job.height;
        switch (format) {
            case SourceFormat::yuv420m:
                job.planes = {allocate(luma), allocate(luma / 4), allocate(luma / 4)};
                break;
            case SourceFormat::nv12m:
                job.planes = {allocate(luma), allocate(luma / 2)};
                break;
            case SourceFormat::yuyv:
            case SourceFormat::uyvy:
                job.planes = {allocate(luma * 2)};
        }
        job.capture_size = luma * 2 + jpeg_header_size;
        job.capture = allocate(job.capture_size);
        draw(job);
        return job;
    }

    /// Draws inside the crop only: an engine that reads beyond it gives another stream.
    void draw(const JpegJob& job) {
        const unsigned luma = job.width * job.height, half = job.width / 2;
        auto plane = [&](std::size_t i, std::size_t size) { return dma.at(job.planes[i], size); };
        for (unsigned y = 0; y < job.crop_height; ++y)
            for (unsigned x = 0; x < job.crop_width; ++x) {
                const std::uint8_t value = pixel(0, x, y);
                const std::size_t at = std::size_t{y} * job.width + x;
                if (job.format == SourceFormat::yuyv)
                    plane(0, luma * 2)[at * 2] = value;
                else if (job.format == SourceFormat::uyvy)
                    plane(0, luma * 2)[at * 2 + 1] = value;
                else
                    plane(0, luma)[at] = value;
            }
        const bool packed = job.planes.size() == 1;
        const unsigned rows = packed ? job.crop_height : (job.crop_height + 1) / 2;
        for (unsigned y = 0; y < rows; ++y)
            for (unsigned x = 0; x < job.crop_width / 2; ++x)
                for (unsigned c : {1U, 2U}) {
                    const std::uint8_t value = pixel(c, x, y);
                    const std::size_t pair = std::size_t{y} * half + x;
                    if (job.format == SourceFormat::yuyv)
                        plane(0, luma * 2)[pair * 4 + (c == 1 ? 1 : 3)] = value;
                    else if (job.format == SourceFormat::uyvy)
                        plane(0, luma * 2)[pair * 4 + (c == 1 ? 0 : 2)] = value;
                    else if (job.format == SourceFormat::nv12m)
                        plane(1, luma / 2)[pair * 2 + (c - 1)] = value;
                    else
                        plane(c, luma / 4)[pair] = value;
                }
    }

    std::uint64_t allocate(std::size_t size) {
        const std::uint64_t address = dma.allocate(size);
        std::ranges::fill(dma.at(address, size), std::uint8_t{0xee});
        return address;
    }

    Result<JpegScan> run(const JpegJob& job) {
        program_jpeg(job, dma, registers);
        return encode_jpeg(registers, dma);
    }

    std::vector<std::uint8_t> scan_in_memory(const JpegJob& job, std::uint32_t bits) {
        auto bytes = dma.at(job.capture + jpeg_header_size, bits / 8);
        return {bytes.begin(), bytes.end()};
    }

    PlainDma dma{32U << 20};
    regs::RegisterBank registers{"vepu", 0x400, vpu::jpeg::registers, vpu::jpeg::fields};
};

/// Catches wrong planes, strides, fills, orders of tables or samples: any of them gives other
/// bytes.
class JpegFormats : public JpegEncode, public testing::WithParamInterface<std::tuple<int, Size>> {};

TEST_P(JpegFormats, GivesTheScanThatLibjpegGives) {
    const auto [format, size] = GetParam();
    for (int quality : {5, 75, 95}) {
        const JpegJob job = prepare(static_cast<SourceFormat>(format), size, quality);
        auto scan = run(job);
        ASSERT_TRUE(scan) << scan.error().message();
        EXPECT_FALSE(scan->buffer_full);
        dma.apply(scan->writes);
        const std::vector<std::uint8_t> expected = after_header(reference_file(padded(job), job));
        ASSERT_GT(expected.size(), 100U);
        EXPECT_EQ(scan->bits, expected.size() * 8);
        EXPECT_TRUE(scan_in_memory(job, scan->bits) == expected) << "quality " << quality;

        const Planes decoded = decode(dma.at(job.capture, jpeg_header_size + scan->bits / 8));
        ASSERT_EQ(decoded.width, size.width);
        ASSERT_EQ(decoded.height, size.height);
        double squares = 0;
        for (unsigned i = 0; i < size.width * size.height; ++i) {
            const int error = decoded.y[i] - pixel(0, i % size.width, i / size.width);
            squares += error * error;
        }
        const double psnr = 10 * std::log10(255. * 255. * size.width * size.height / squares);
        EXPECT_GT(psnr, quality == 5 ? 21. : quality == 75 ? 31. : 41.);
    }
}

std::string name_of(const testing::TestParamInfo<std::tuple<int, Size>>& test) {
    static constexpr const char* formats[] = {"yuv420m", "nv12m", "yuyv", "uyvy"};
    const auto [format, size] = test.param;
    return fmt::format("{}_{}x{}", formats[format], size.width, size.height);
}
INSTANTIATE_TEST_SUITE_P(All, JpegFormats,
                         testing::Combine(testing::Range(0, 4),
                                          testing::Values(Size{96, 32}, Size{176, 144},
                                                          Size{100, 35}, Size{108, 49},
                                                          Size{320, 241})),
                         name_of);

/// Annex K's tables are nearly symmetric; with these, a step at a wrong place shows.
TEST_F(JpegEncode, PutsEachQuantisationStepInItsPlace) {
    JpegJob job = prepare(SourceFormat::nv12m, {176, 144});
    for (unsigned i = 0; i < 64; ++i) {
        job.luma[i] = static_cast<std::uint8_t>(1 + i * 37 % 64);
        job.chroma[i] = static_cast<std::uint8_t>(1 + i * 11 % 64);
    }
    auto scan = run(job);
    ASSERT_TRUE(scan) << scan.error().message();
    dma.apply(scan->writes);
    EXPECT_TRUE(scan_in_memory(job, scan->bits) == after_header(reference_file(padded(job), job)));
    // The control: two steps exchanged give another stream.
    std::swap(job.luma[1], job.luma[8]);
    EXPECT_FALSE(scan_in_memory(job, scan->bits) == after_header(reference_file(padded(job), job)));
}

/// A consumer that does not wait must see the stream grow.
TEST_F(JpegEncode, WritesAPiecePerRowOfMacroblocksInOrder) {
    const JpegJob job = prepare(SourceFormat::nv12m, {176, 144});
    auto scan = run(job);
    ASSERT_TRUE(scan);
    EXPECT_EQ(scan->writes.size(), 9U);
    std::uint64_t next = job.capture + jpeg_header_size;
    for (const MemoryWrite& write : scan->writes) {
        EXPECT_EQ(write.address, next);
        EXPECT_FALSE(write.bytes.empty());
        next += write.bytes.size();
    }
    EXPECT_EQ(next, job.capture + jpeg_header_size + scan->bits / 8);
}

/// Catches a write beyond the limit that the driver gave, and a limit that is off by one.
TEST_F(JpegEncode, StopsAtTheLimitOfTheOutput) {
    JpegJob job = prepare(SourceFormat::yuyv, {176, 144});
    auto whole = run(job);
    ASSERT_TRUE(whole);
    const std::uint32_t length = whole->bits / 8;

    job.capture_size = jpeg_header_size + length;
    auto exact = run(job);
    ASSERT_TRUE(exact);
    EXPECT_FALSE(exact->buffer_full);

    for (std::uint32_t limit : {length - 1, length / 2, 8U, 0U}) {
        job.capture_size = jpeg_header_size + limit;
        std::ranges::fill(dma.at(job.capture + jpeg_header_size, length), std::uint8_t{0xee});
        auto cut = run(job);
        ASSERT_TRUE(cut);
        EXPECT_TRUE(cut->buffer_full);
        EXPECT_EQ(cut->bits, limit * 8);
        dma.apply(cut->writes);
        for (std::uint8_t untouched :
             dma.at(job.capture + jpeg_header_size + limit, length - limit))
            ASSERT_EQ(untouched, 0xee);
    }
}

TEST_F(JpegEncode, ReportsAddressesThatAreNotMemoryAsABusError) {
    for (auto format : {SourceFormat::yuv420m, SourceFormat::nv12m, SourceFormat::yuyv}) {
        const JpegJob good = prepare(format, {96, 32});
        ASSERT_TRUE(run(good));
        for (std::size_t plane = 0; plane < good.planes.size(); ++plane) {
            JpegJob bad = good;
            bad.planes[plane] = dma.end() - 16;
            auto scan = run(bad);
            ASSERT_FALSE(scan);
            EXPECT_EQ(scan.error().code, EFAULT);
        }
    }
    program_jpeg(prepare(SourceFormat::nv12m, {96, 32}), dma, registers);
    registers.set(vpu::jpeg::output_stream, static_cast<std::uint32_t>(dma.end() - 8));
    auto scan = encode_jpeg(registers, dma);
    ASSERT_FALSE(scan);
    EXPECT_EQ(scan.error().code, EFAULT);
}

TEST_F(JpegEncode, RefusesWhatIsNotModelled) {
    const JpegJob job = prepare(SourceFormat::nv12m, {96, 32});
    using namespace vpu::jpeg;
    const std::pair<regs::Field, std::uint32_t> settings[] = {
        {encode_format, 3},
        {frame_type, 0},
        {input_swap, 6},
        {output_swap, 0},
        {input_rotation, 1},
        {luma_offset, 1},
        {chroma_offset, 1},
        {stream_start_offset, 8},
        {input_format, 4},
        {mb_width, 0},
        {mb_height, 0},
        {row_length, 64},
        {regs::Field{"luma step", luma_quantisation + 8, 8, 8}, 0},
        {regs::Field{"chroma step", chroma_quantisation, 24, 8}, 0},
        {regs::Field{"output", output_stream, 0, 3}, 4},
    };
    for (const auto& [field, value] : settings) {
        program_jpeg(job, dma, registers);
        ASSERT_TRUE(encode_jpeg(registers, dma));
        registers.put(field, value);
        auto scan = encode_jpeg(registers, dma);
        ASSERT_FALSE(scan) << field.name;
        EXPECT_EQ(scan.error().code, EINVAL) << scan.error().message();
    }
}

/// The tables must know everything that the driver does: strict runs end at an unknown register.
TEST_F(JpegEncode, KnowsEveryRegisterThatTheDriverWrites) {
    std::vector<std::string> reports;
    registers.on_unknown([&reports](const std::string& text) { reports.push_back(text); });
    for (int format = 0; format < 4; ++format)
        ASSERT_TRUE(run(prepare(static_cast<SourceFormat>(format), {100, 35})));
    EXPECT_THAT(reports, testing::IsEmpty());
    registers.write(0x1ac, 1);
    EXPECT_THAT(reports, testing::SizeIs(1));
}

}  // namespace
}  // namespace relfence::board
