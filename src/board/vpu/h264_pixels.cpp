// SPDX-License-Identifier: MIT
#include <cstring>
#include <libyuv.h>

extern "C" {
#include <libavutil/frame.h>
}

#include "board/vpu/h264_stream.hpp"

namespace relfence::board::vpu {
namespace {

/// Lines of one plane of the picture (NV12: a line of chroma is as long as one of luma).
void append_lines(const H264Job& job, const AVFrame& frame, bool chroma, std::size_t begin,
                  std::size_t end, MemoryWrites& writes) {
    const std::size_t stride = job.stride();
    const std::uint64_t base = job.output + (chroma ? job.luma_size() : 0);
    const std::size_t step = job.field ? 2 : 1, first = job.bottom ? 1 : 0;
    const auto line_to = [&](std::size_t line, std::byte* to) {
        auto* out = reinterpret_cast<std::uint8_t*>(to);
        const auto row = static_cast<std::ptrdiff_t>(line);
        if (!chroma) {
            std::memcpy(out, frame.data[0] + row * frame.linesize[0], stride);
            return;
        }
        libyuv::MergeUVPlane(frame.data[1] + row * frame.linesize[1], 0,
                             frame.data[2] + row * frame.linesize[2], 0, out, 0,
                             static_cast<int>(stride / 2), 1);
    };
    if (!job.field) {
        std::vector<std::byte> bytes((end - begin) * stride);
        for (std::size_t line = begin; line < end; ++line)
            line_to(line, bytes.data() + (line - begin) * stride);
        writes.emplace_back(base + begin * stride, std::move(bytes));
        return;
    }
    // The lines between belong to the other field, which may be shown or read meanwhile.
    for (std::size_t line = begin; line < end; ++line) {
        const std::size_t place = line * step + first;
        std::vector<std::byte> bytes(stride);
        line_to(place, bytes.data());
        writes.emplace_back(base + place * stride, std::move(bytes));
    }
}

}  // namespace

MemoryWrites picture_writes(const H264Job& job, const AVFrame& frame) {
    MemoryWrites writes;
    const std::size_t rows = job.mb_height / (job.field ? 2U : 1U);
    for (std::size_t row = 0; row < rows; ++row) {
        append_lines(job, frame, false, row * 16, row * 16 + 16, writes);
        if (!job.monochrome) append_lines(job, frame, true, row * 8, row * 8 + 8, writes);
    }
    return writes;
}

void load_picture(const H264Job& job, std::span<const std::byte> nv12, AVFrame& frame) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(nv12.data());
    const auto width = static_cast<int>(job.stride());
    const auto height = static_cast<int>(job.mb_height) * 16;
    libyuv::CopyPlane(bytes, width, frame.data[0], frame.linesize[0], width, height);
    if (!job.monochrome)
        libyuv::SplitUVPlane(bytes + job.luma_size(), width, frame.data[1], frame.linesize[1],
                             frame.data[2], frame.linesize[2], width / 2, height / 2);
}

}  // namespace relfence::board::vpu
