// SPDX-License-Identifier: MIT
#include "board/vpu/jpeg_encode.hpp"

#include <algorithm>
#include <libyuv.h>
#include <span>

#include <fmt/format.h>

#include "board/vpu/jpeg_registers.hpp"
#include "board/vpu/jpeg_scan.hpp"

namespace relfence::board::vpu {
namespace {

using jpeg::InputFormat;

/// What the registers ask for.
struct Job {
    InputFormat format{};
    std::uint32_t mb_width = 0, mb_height = 0;
    std::uint32_t width = 0, height = 0;  ///< without the fill
    std::uint32_t row_length = 0;
    QuantisationTable luma{}, chroma{};
    std::uint64_t planes[3]{};
    std::uint64_t output = 0;
    std::uint32_t limit = 0;
};

/// Position in a table, row by row, of each byte of the table in the registers: rows 0 to 3 and
/// 4 to 7 of each pair of columns in turn (hw_reorder in the driver's hantro_jpeg.c).
constexpr std::array<std::uint8_t, 64> position_in_table = [] {
    std::array<std::uint8_t, 64> positions{};
    for (unsigned i = 0; i < 64; ++i) {
        const unsigned pair = i / 16, lower = i / 8 % 2, second = i / 4 % 2, row = i % 4;
        positions[i] = static_cast<std::uint8_t>((lower * 4 + row) * 8 + pair * 2 + second);
    }
    return positions;
}();

Result<QuantisationTable> quantisation(const regs::RegisterBank& registers, std::uint32_t first) {
    QuantisationTable table{};
    for (unsigned i = 0; i < 64; ++i) {
        const std::uint32_t word = registers.value(first + (i & ~3U));
        const auto step = static_cast<std::uint8_t>(word >> (24 - 8 * (i % 4)));
        if (step == 0)
            return fail_errno("encode JPEG", fmt::format("quantisation step {} is 0", i), EINVAL);
        table[position_in_table[i]] = step;
    }
    return table;
}

tl::unexpected<Error> refuse(std::string_view what) {
    return fail_errno("encode JPEG", what, EINVAL);
}

/// The settings that have one value only in everything that the driver programs.
Result<void> check_constants(const regs::RegisterBank& registers) {
    if (registers.get(jpeg::encode_format) != jpeg::encode_format_jpeg)
        return refuse("the encoding format is not JPEG");
    if (registers.get(jpeg::frame_type) != jpeg::frame_type_intra)
        return refuse("a JPEG that is not intra");
    if (registers.get(jpeg::input_swap) != jpeg::swap_all ||
        registers.get(jpeg::output_swap) != jpeg::swap_all)
        return refuse("this byte order is not modelled");
    if (registers.get(jpeg::input_rotation) != 0) return refuse("rotation is not modelled");
    if (registers.get(jpeg::luma_offset) != 0 || registers.get(jpeg::chroma_offset) != 0)
        return refuse("an offset of the input is not modelled");
    if (registers.get(jpeg::stream_start_offset) != 0)
        return refuse("a stream that begins within a word is not modelled");
    if (registers.value(jpeg::output_stream) % 8 != 0)
        return refuse("the output is not 64 bit aligned");
    return {};
}

Result<Job> read_job(const regs::RegisterBank& registers) {
    if (auto fine = check_constants(registers); !fine) return tl::unexpected{fine.error()};
    const std::uint32_t format = registers.get(jpeg::input_format);
    if (format > static_cast<std::uint32_t>(InputFormat::uyvy422))
        return refuse(fmt::format("input format {} is not modelled", format));
    Job job;
    job.format = static_cast<InputFormat>(format);
    job.mb_width = registers.get(jpeg::mb_width);
    job.mb_height = registers.get(jpeg::mb_height);
    if (job.mb_width == 0 || job.mb_height == 0)
        return refuse(
            fmt::format("a picture of {} by {} macroblocks", job.mb_width, job.mb_height));
    job.width = job.mb_width * 16 - registers.get(jpeg::right_fill_d4) * 4;
    job.height = job.mb_height * 16 - registers.get(jpeg::bottom_fill);
    job.row_length = registers.get(jpeg::row_length);
    if (job.row_length < job.width)
        return refuse(fmt::format("rows of {} pixels, {} of them used", job.row_length, job.width));
    auto luma = quantisation(registers, jpeg::luma_quantisation);
    if (!luma) return tl::unexpected{luma.error()};
    auto chroma = quantisation(registers, jpeg::chroma_quantisation);
    if (!chroma) return tl::unexpected{chroma.error()};
    job.luma = *luma;
    job.chroma = *chroma;
    job.planes[0] = registers.value(jpeg::in_plane_0);
    job.planes[1] = registers.value(jpeg::in_plane_1);
    job.planes[2] = registers.value(jpeg::in_plane_2);
    job.output = registers.value(jpeg::output_stream);
    job.limit = registers.value(jpeg::stream_limit);
    return job;
}

/// The pixels of a plane that are used: @p rows rows @p stride apart, @p row_bytes of each.
Result<const std::uint8_t*> plane(const Dma& dma, std::uint64_t address, std::uint32_t stride,
                                  std::uint32_t row_bytes, std::uint32_t rows) {
    auto bytes = dma.slice(address, std::uint64_t{stride} * (rows - 1) + row_bytes);
    if (!bytes) return tl::unexpected{bytes.error()};
    return reinterpret_cast<const std::uint8_t*>(bytes->data());
}

/// Repeats the last pixel of each row and then the last row up to whole macroblocks.
void fill(std::vector<std::uint8_t>& pixels, std::size_t stride, std::size_t width,
          std::size_t height) {
    for (std::size_t row = 0; row < height && width < stride; ++row)
        std::fill_n(&pixels[row * stride + width], stride - width,
                    pixels[row * stride + width - 1]);
    for (std::size_t row = height; row < pixels.size() / stride; ++row)
        std::copy_n(&pixels[(height - 1) * stride], stride, &pixels[row * stride]);
}

/// Reads the programmed picture. Packed 4:2:2 loses half of its chroma rows by the mean of two; how
/// the hardware does it is not documented.
Result<MacroblockPicture> read_picture(const Job& job, const Dma& dma) {
    MacroblockPicture picture = MacroblockPicture::of(job.mb_width, job.mb_height);
    const bool packed = job.format == InputFormat::yuyv422 || job.format == InputFormat::uyvy422;
    const int width = static_cast<int>(job.width), height = static_cast<int>(job.height);
    const int y_stride = static_cast<int>(picture.width()), c_stride = y_stride / 2;
    // Widths are multiples of 4; a height may be odd, and its last chroma row stands for one row.
    const std::uint32_t c_width = job.width / 2, c_height = (job.height + 1) / 2;

    const std::uint32_t stride_0 = job.row_length * (packed ? 2 : 1);
    auto first = plane(dma, job.planes[0], stride_0, job.width * (packed ? 2 : 1), job.height);
    if (!first) return tl::unexpected{first.error()};
    const int stride = static_cast<int>(stride_0);
    std::uint8_t *const y = picture.y.data(), *const cb = picture.cb.data(),
                        *const cr = picture.cr.data();
    if (job.format == InputFormat::yuyv422) {
        libyuv::YUY2ToI420(*first, stride, y, y_stride, cb, c_stride, cr, c_stride, width, height);
    } else if (job.format == InputFormat::uyvy422) {
        libyuv::UYVYToI420(*first, stride, y, y_stride, cb, c_stride, cr, c_stride, width, height);
    } else if (job.format == InputFormat::yuv420sp) {
        auto both = plane(dma, job.planes[1], job.row_length, job.width, c_height);
        if (!both) return tl::unexpected{both.error()};
        libyuv::CopyPlane(*first, stride, y, y_stride, width, height);
        libyuv::SplitUVPlane(*both, stride, cb, c_stride, cr, c_stride, static_cast<int>(c_width),
                             static_cast<int>(c_height));
    } else {
        auto second = plane(dma, job.planes[1], job.row_length / 2, c_width, c_height);
        if (!second) return tl::unexpected{second.error()};
        auto third = plane(dma, job.planes[2], job.row_length / 2, c_width, c_height);
        if (!third) return tl::unexpected{third.error()};
        libyuv::CopyPlane(*first, stride, y, y_stride, width, height);
        libyuv::CopyPlane(*second, stride / 2, cb, c_stride, static_cast<int>(c_width),
                          static_cast<int>(c_height));
        libyuv::CopyPlane(*third, stride / 2, cr, c_stride, static_cast<int>(c_width),
                          static_cast<int>(c_height));
    }
    fill(picture.y, picture.width(), job.width, job.height);
    fill(picture.cb, picture.width() / 2, c_width, c_height);
    fill(picture.cr, picture.width() / 2, c_width, c_height);
    return picture;
}

}  // namespace

Result<JpegScan> encode_jpeg(const regs::RegisterBank& registers, const Dma& dma) {
    auto job = read_job(registers);
    if (!job) return tl::unexpected{job.error()};
    auto picture = read_picture(*job, dma);
    if (!picture) return tl::unexpected{picture.error()};
    auto scan = encode_scan(*picture, job->luma, job->chroma);
    if (!scan) return tl::unexpected{scan.error()};

    JpegScan result;
    result.buffer_full = scan->bytes.size() > job->limit;
    const std::size_t length = std::min<std::size_t>(scan->bytes.size(), job->limit);
    result.bits = static_cast<std::uint32_t>(length * 8);
    if (length == 0) return result;
    if (auto room = dma.slice(job->output, length); !room) return tl::unexpected{room.error()};
    std::size_t begin = 0;
    for (std::size_t row_end : scan->row_ends) {
        const std::size_t end = std::min(row_end, length);
        if (end <= begin) continue;
        const auto* bytes = scan->bytes.data();
        result.writes.push_back({job->output + begin, {bytes + begin, bytes + end}});
        begin = end;
    }
    return result;
}

}  // namespace relfence::board::vpu
