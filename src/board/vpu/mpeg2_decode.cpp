// SPDX-License-Identifier: MIT
#include "board/vpu/mpeg2_decode.hpp"

#include <algorithm>
#include <cstring>
#include <libyuv.h>
#include <vector>

#include <fmt/format.h>

#include "board/vpu/mpeg2_codec.hpp"
#include "board/vpu/mpeg2_registers.hpp"
#include "board/vpu/mpeg2_stream.hpp"

namespace relfence::board::vpu {
namespace {

using Structure = Mpeg2Picture::Structure;
using Type = Mpeg2Picture::Type;

tl::unexpected<Error> refuse(std::string_view what) {
    return fail_errno("decode MPEG-2", what, EINVAL);
}

Result<Mpeg2Picture> read_picture(const regs::RegisterBank& registers, const Dma& dma) {
    auto get = [&registers](const regs::Field& field) { return registers.get(field); };
    auto flag = [&registers](const regs::Field& field) { return registers.get(field) != 0; };
    if (get(mpeg2::decoding_mode) != mpeg2::decoding_mode_mpeg2)
        return refuse(fmt::format("decoding mode {} is not MPEG-2", get(mpeg2::decoding_mode)));
    if (flag(mpeg2::rlc_mode)) return refuse("run-length data is not modelled");
    if (get(mpeg2::byte_order) != mpeg2::byte_order_plain)
        return refuse("this byte order is not modelled");
    Mpeg2Picture picture;
    picture.mb_width = get(mpeg2::mb_width);
    picture.mb_height = get(mpeg2::mb_height);
    if (picture.mb_width == 0 || picture.mb_height == 0)
        return refuse(
            fmt::format("a picture of {} by {} macroblocks", picture.mb_width, picture.mb_height));
    picture.progressive_sequence = !flag(mpeg2::interlaced);
    if (flag(mpeg2::field_mode))
        picture.structure = flag(mpeg2::top_field) ? Structure::top_field : Structure::bottom_field;
    if (picture.is_field() && picture.progressive_sequence)
        return refuse("a field of a progressive sequence");
    if (flag(mpeg2::b_picture))
        picture.type = Type::bidirectional;
    else if (flag(mpeg2::inter_picture))
        picture.type = Type::predicted;
    picture.f_code = {static_cast<std::uint8_t>(get(mpeg2::forward_horizontal_code)),
                      static_cast<std::uint8_t>(get(mpeg2::forward_vertical_code)),
                      static_cast<std::uint8_t>(get(mpeg2::backward_horizontal_code)),
                      static_cast<std::uint8_t>(get(mpeg2::backward_vertical_code))};
    picture.intra_dc_precision = static_cast<std::uint8_t>(get(mpeg2::intra_dc_precision));
    picture.top_field_first = flag(mpeg2::top_field_first);
    picture.frame_pred_frame_dct = flag(mpeg2::frame_pred_frame_dct);
    picture.concealment_motion_vectors = flag(mpeg2::concealment_vectors);
    picture.q_scale_type = flag(mpeg2::q_scale_type);
    picture.intra_vlc_format = flag(mpeg2::intra_vlc_format);
    picture.alternate_scan = flag(mpeg2::alternate_scan);

    auto tables = dma.slice(registers.value(mpeg2::quantisation_base), mpeg2::quantisation_size);
    if (!tables) return tl::unexpected{tables.error()};
    std::memcpy(picture.intra_matrix.data(), tables->data(), 64);
    std::memcpy(picture.non_intra_matrix.data(), tables->data() + 64, 64);
    if (std::ranges::count(picture.intra_matrix, 0) != 0 ||
        std::ranges::count(picture.non_intra_matrix, 0) != 0)
        return refuse("a quantisation step is 0");
    return picture;
}

/// The bytes of the stream, read once.
Result<std::vector<std::uint8_t>> read_stream(const regs::RegisterBank& registers, const Dma& dma) {
    const std::uint32_t length = registers.get(mpeg2::stream_length);
    auto bytes = dma.slice(registers.value(mpeg2::stream_base), length);
    if (!bytes) return tl::unexpected{bytes.error()};
    const std::size_t begin =
        std::min<std::size_t>((registers.get(mpeg2::stream_start_bit) + 7) / 8, length);
    std::vector<std::uint8_t> stream(length - begin);
    if (!stream.empty()) std::memcpy(stream.data(), bytes->data() + begin, stream.size());
    return stream;
}

/// An NV12 frame in the guest's memory, as large as the picture's macroblocks.
Result<std::uint8_t*> frame_at(const Dma& dma, std::uint64_t address, const Mpeg2Picture& picture) {
    const std::uint64_t luma = std::uint64_t{picture.width()} * picture.height();
    auto bytes = dma.slice(address, luma + luma / 2);
    if (!bytes) return tl::unexpected{bytes.error()};
    return reinterpret_cast<std::uint8_t*>(bytes->data());
}

/// Copies every @p step th line from @p first on out of NV12 in memory.
void load_lines(const std::uint8_t* nv12, const PlanarFrame& frame, const Mpeg2Picture& picture,
                int first, int step) {
    const int width = static_cast<int>(picture.width()),
              height = static_cast<int>(picture.height());
    const std::uint8_t* chroma = nv12 + std::ptrdiff_t{width} * height;
    const std::ptrdiff_t skipped = std::ptrdiff_t{width} * first;
    auto plane = [&](std::size_t i) {
        return frame.planes[i] + std::ptrdiff_t{frame.strides[i]} * first;
    };
    libyuv::CopyPlane(nv12 + skipped, width * step, plane(0), frame.strides[0] * step, width,
                      height / step);
    libyuv::SplitUVPlane(chroma + skipped, width * step, plane(1), frame.strides[1] * step,
                         plane(2), frame.strides[2] * step, width / 2, height / 2 / step);
}

/// Makes the decoder keep a reference, with its top field from one frame in memory and its bottom
/// field from the same or another.
Result<void> give_reference(Mpeg2Codec& codec, const Mpeg2Picture& picture, const Dma& dma,
                            std::uint64_t top_address, std::uint64_t bottom_address) {
    auto top = frame_at(dma, top_address, picture);
    if (!top) return tl::unexpected{top.error()};
    auto bottom = frame_at(dma, bottom_address, picture);
    if (!bottom) return tl::unexpected{bottom.error()};
    auto frame = codec.decode(reference_stream(picture), false);
    if (!frame) return tl::unexpected{frame.error()};
    if (*top == *bottom) {
        load_lines(*top, *frame, picture, 0, 1);
    } else {
        load_lines(*top, *frame, picture, 0, 2);
        load_lines(*bottom, *frame, picture, 1, 2);
    }
    return {};
}

/// The decoder as it has to be in front of the picture: with the references that this needs.
Result<Mpeg2Codec> prepared_codec(const regs::RegisterBank& registers, const Mpeg2Picture& picture,
                                  const Dma& dma) {
    auto codec = Mpeg2Codec::create();
    if (!codec) return codec;
    if (picture.type == Type::intra) {
        // libavcodec begins with a field only where it has a frame already.
        if (!picture.is_field()) return codec;
        if (auto frame = codec->decode(reference_stream(picture), false); !frame)
            return tl::unexpected{frame.error()};
        return codec;
    }
    if (auto given = give_reference(*codec, picture, dma, registers.value(mpeg2::forward_top_base),
                                    registers.value(mpeg2::forward_bottom_base));
        !given)
        return tl::unexpected{given.error()};
    if (picture.type == Type::predicted) return codec;
    if (auto given = give_reference(*codec, picture, dma, registers.value(mpeg2::backward_top_base),
                                    registers.value(mpeg2::backward_bottom_base));
        !given)
        return tl::unexpected{given.error()};
    return codec;
}

/// One line of output, or many of a frame that lie one after the other.
MemoryWrite write_lines(std::uint64_t address, const PlanarFrame& frame, int width, int first,
                        int count, bool chroma) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(width) * static_cast<std::size_t>(count));
    auto* to = reinterpret_cast<std::uint8_t*>(bytes.data());
    auto plane = [&](std::size_t i) {
        return frame.planes[i] + std::ptrdiff_t{frame.strides[i]} * first;
    };
    if (chroma)
        libyuv::MergeUVPlane(plane(1), frame.strides[1], plane(2), frame.strides[2], to, width,
                             width / 2, count);
    else
        libyuv::CopyPlane(plane(0), frame.strides[0], to, width, width, count);
    return {address, std::move(bytes)};
}

/// @param address of the frame, whatever field is written
MemoryWrites write_picture(std::uint64_t address, const PlanarFrame& frame,
                           const Mpeg2Picture& picture) {
    const int width = static_cast<int>(picture.width()),
              height = static_cast<int>(picture.height());
    const int step = picture.is_field() ? 2 : 1;
    const int parity = picture.structure == Structure::bottom_field ? 1 : 0;
    MemoryWrites writes;
    auto write_plane = [&](bool chroma, int begin, int end) {
        const std::uint64_t plane =
            address + (chroma ? static_cast<std::uint64_t>(width) * picture.height() : 0);
        // A frame's lines follow each other; a field's are every second one.
        const int at_once = picture.is_field() ? 1 : end - begin;
        for (int line = begin + parity; line < end; line += step * at_once)
            writes.push_back(write_lines(plane + static_cast<std::uint64_t>(line) * picture.width(),
                                         frame, width, line, at_once, chroma));
    };
    for (int line = 0; line < height; line += 16 * step) {
        const int end = std::min(line + 16 * step, height);
        write_plane(false, line, end);
        write_plane(true, line / 2, end / 2);
    }
    return writes;
}

}  // namespace

Result<MemoryWrites> decode_mpeg2(const regs::RegisterBank& registers, const Dma& dma) {
    auto picture = read_picture(registers, dma);
    if (!picture) return tl::unexpected{picture.error()};
    auto stream = read_stream(registers, dma);
    if (!stream) return tl::unexpected{stream.error()};
    // For a bottom field the driver gives the address of the frame's second line.
    std::uint64_t output = registers.value(mpeg2::output_base);
    if (picture->structure == Structure::bottom_field) output -= picture->width();
    if (auto room = frame_at(dma, output, *picture); !room) return tl::unexpected{room.error()};
    auto slices = find_slices(*stream, *picture);
    if (!slices) return tl::unexpected{slices.error()};

    auto codec = prepared_codec(registers, *picture, dma);
    if (!codec) return tl::unexpected{codec.error()};
    auto frame = codec->decode(picture_stream(*picture, *slices), !picture->is_field());
    if (!frame) return tl::unexpected{frame.error()};
    return write_picture(output, *frame, *picture);
}

}  // namespace relfence::board::vpu
