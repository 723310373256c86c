// SPDX-License-Identifier: MIT
#include "board/vpu/vp8_codec.hpp"

#include <algorithm>
#include <cstring>
#include <libyuv/planar_functions.h>
#include <vpx/vp8dx.h>

#include "board/vpu/vp8_frame.hpp"

namespace relfence::board::vpu {
namespace {

constexpr std::array<vpx_ref_frame_type_t, 3> reference_names{VP8_LAST_FRAME, VP8_GOLD_FRAME,
                                                              VP8_ALTR_FRAME};
/// How far libvpx continues the edges of a picture: VP8BORDERINPIXELS. Half of it for chroma.
constexpr std::size_t border = 32;
/// Macroblocks of a row that are not fetched, if there are more in a row.
constexpr std::ptrdiff_t smallest_gap = 8;

tl::unexpected<Error> failed(vpx_codec_ctx_t& context, std::string_view what) {
    const char* const detail = vpx_codec_error_detail(&context);
    return fail_errno(what, detail != nullptr ? detail : vpx_codec_error(&context), EBADMSG);
}

std::uint8_t* line_of(const vpx_image_t& image, int plane, std::size_t line) {
    return image.planes[plane] +
           static_cast<std::ptrdiff_t>(image.stride[plane]) * static_cast<std::ptrdiff_t>(line);
}

/// Continues the edges that a run of a plane's pixels touches.
struct Edges {
    const vpx_image_t& image;
    int plane;
    std::size_t width, height;  ///< of the plane
    std::size_t margin;
    std::size_t from, to;  ///< the run

    void extend(std::size_t first, std::size_t lines) const {
        for (std::size_t y = first; y < first + lines; ++y) {
            std::uint8_t* const line = line_of(image, plane, y);
            if (from == 0) std::memset(line - margin, line[0], margin);
            if (to == width) std::memset(line + width, line[width - 1], margin);
        }
        const std::ptrdiff_t stride = image.stride[plane];
        const std::size_t left = from == 0 ? margin : 0;
        const std::size_t length = to - from + left + (to == width ? margin : 0);
        if (first == 0) {
            std::uint8_t* const top = line_of(image, plane, 0) + from - left;
            for (std::size_t i = 1; i <= margin; ++i)
                std::memcpy(top - stride * static_cast<std::ptrdiff_t>(i), top, length);
        }
        if (first + lines == height) {
            std::uint8_t* const bottom = line_of(image, plane, height - 1) + from - left;
            for (std::size_t i = 1; i <= margin; ++i)
                std::memcpy(bottom + stride * static_cast<std::ptrdiff_t>(i), bottom, length);
        }
    }
};

}  // namespace

Result<std::unique_ptr<Vp8Codec>> Vp8Codec::create(unsigned width, unsigned height) {
    std::unique_ptr<Vp8Codec> codec{new Vp8Codec{width, height}};
    if (auto ok = codec->start(); !ok) return tl::make_unexpected(ok.error());
    return codec;
}

Vp8Codec::~Vp8Codec() {
    vpx_codec_destroy(&key_frames_);
    vpx_codec_destroy(&inter_frames_);
}

Result<void> Vp8Codec::start() {
    const vpx_codec_dec_cfg_t config{1, width_, height_};
    for (vpx_codec_ctx_t* const context : {&key_frames_, &inter_frames_})
        if (vpx_codec_dec_init(context, vpx_codec_vp8_dx(), &config, 0) != VPX_CODEC_OK)
            return failed(*context, "libvpx");
    const std::array becomes{Vp8Becomes::all_references, Vp8Becomes::golden,
                             Vp8Becomes::alternative};
    for (std::size_t i = 0; i < becomes.size(); ++i) {
        const auto image = picture_of(inter_frames_, plain_vp8_frame(width_, height_, becomes[i]));
        if (!image) return tl::make_unexpected(image.error());
        references_[i] = **image;
    }
    return check_references();
}

/// Marks what is believed to be each reference and has libvpx show it.
Result<void> Vp8Codec::check_references() {
    vpx_ref_frame_t shown{};
    if (vpx_img_alloc(&shown.img, VPX_IMG_FMT_I420, width_, height_, 16) == nullptr)
        return fail_errno("allocate", "picture", ENOMEM);
    bool same = true;
    for (const unsigned round : {0U, 100U}) {
        for (unsigned i = 0; i < references_.size(); ++i)
            for (int plane = 0; plane < 3; ++plane)
                *line_of(references_[i], plane, 1) = static_cast<std::uint8_t>(round + i);
        for (unsigned i = 0; i < references_.size(); ++i) {
            shown.frame_type = reference_names[i];
            same = same &&
                   vpx_codec_control(&inter_frames_, VP8_COPY_REFERENCE, &shown) == VPX_CODEC_OK;
            for (int plane = 0; plane < 3; ++plane)
                same = same && *line_of(shown.img, plane, 1) == round + i;
        }
    }
    vpx_img_free(&shown.img);
    if (!same) return fail_errno("libvpx", "keeps its references elsewhere", ENOTSUP);
    return {};
}

Result<const vpx_image_t*> Vp8Codec::picture_of(vpx_codec_ctx_t& context,
                                                std::span<const std::uint8_t> frame) const {
    if (vpx_codec_decode(&context, frame.data(), static_cast<unsigned>(frame.size()), nullptr, 0) !=
        VPX_CODEC_OK)
        return failed(context, "decode");
    vpx_codec_iter_t iterator = nullptr;
    const vpx_image_t* const image = vpx_codec_get_frame(&context, &iterator);
    int corrupted = 0;
    vpx_codec_control(&context, VP8D_GET_FRAME_CORRUPTED, &corrupted);
    if (image == nullptr || corrupted != 0)
        return fail_errno("vp8", "a coefficient partition ends too early", EBADMSG);
    if (image->d_w != width_ || image->d_h != height_)
        return fail_errno("vp8", "the picture has another size", EBADMSG);
    return image;
}

/// Copies macroblocks @p from to @p to of a row.
void Vp8Codec::fetch_run(const vpx_image_t& reference, const std::uint8_t* nv12, unsigned row,
                         unsigned from, unsigned to) const {
    const std::size_t first = std::size_t{from} * 16;
    const std::size_t length = std::size_t{to - from} * 16;
    for (std::size_t line = row * std::size_t{16}; line < row * std::size_t{16} + 16; ++line)
        std::memcpy(line_of(reference, VPX_PLANE_Y, line) + first, nv12 + line * width_ + first,
                    length);
    const std::size_t chroma_line = row * std::size_t{8};
    libyuv::SplitUVPlane(
        nv12 + std::size_t{width_} * (height_ + chroma_line) + first, static_cast<int>(width_),
        line_of(reference, VPX_PLANE_U, chroma_line) + first / 2, reference.stride[VPX_PLANE_U],
        line_of(reference, VPX_PLANE_V, chroma_line) + first / 2, reference.stride[VPX_PLANE_V],
        static_cast<int>(length / 2), 8);
    Edges{reference, VPX_PLANE_Y, width_, height_, border, first, first + length}.extend(
        row * std::size_t{16}, 16);
    for (const int plane : {VPX_PLANE_U, VPX_PLANE_V})
        Edges{reference,  plane,     width_ / 2,          height_ / 2,
              border / 2, first / 2, (first + length) / 2}
            .extend(chroma_line, 8);
}

void Vp8Codec::fetch(std::size_t index, std::span<const std::byte> nv12,
                     std::span<const std::uint8_t> tiles) {
    const auto* const pixels = reinterpret_cast<const std::uint8_t*>(nv12.data());
    const unsigned columns = width_ / 16;
    for (unsigned row = 0; row < height_ / 16; ++row) {
        const auto line = tiles.subspan(std::size_t{row} * columns, columns);
        auto begin = std::ranges::find(line, 1);
        while (begin != line.end()) {
            // Small gaps are cheaper fetched than left out.
            auto end = begin, next = begin;
            do {
                end = std::find(next, line.end(), 0);
                next = std::find(end, line.end(), 1);
            } while (next != line.end() && next - end <= smallest_gap);
            fetch_run(references_[index], pixels, row, static_cast<unsigned>(begin - line.begin()),
                      static_cast<unsigned>(end - line.begin()));
            begin = next;
        }
    }
}

std::vector<Vp8Codec::Lines> Vp8Codec::lines_of(const vpx_image_t& image) {
    const std::size_t width = width_;
    chroma_.resize(width * height_ / 2);
    std::vector<Lines> lines;
    lines.reserve(height_ + height_ / 16);
    for (std::size_t row = 0; row < height_ / 16; ++row) {
        // libvpx has a border on both sides.
        for (std::size_t line = row * 16; line < row * 16 + 16; ++line)
            lines.push_back(
                {line * width, std::as_bytes(std::span{line_of(image, VPX_PLANE_Y, line), width})});
        const std::span chroma = std::span{chroma_}.subspan(row * width * 8, width * 8);
        libyuv::MergeUVPlane(line_of(image, VPX_PLANE_U, row * 8), image.stride[VPX_PLANE_U],
                             line_of(image, VPX_PLANE_V, row * 8), image.stride[VPX_PLANE_V],
                             chroma.data(), static_cast<int>(width), static_cast<int>(width / 2),
                             8);
        lines.push_back({width * height_ + row * width * 8, std::as_bytes(chroma)});
    }
    return lines;
}

Result<std::vector<Vp8Codec::Lines>> Vp8Codec::decode(std::span<const std::uint8_t> frame,
                                                      bool key_frame) {
    const auto image = picture_of(key_frame ? key_frames_ : inter_frames_, frame);
    if (!image) return tl::make_unexpected(image.error());
    return lines_of(**image);
}

}  // namespace relfence::board::vpu
