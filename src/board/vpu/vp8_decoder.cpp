// SPDX-License-Identifier: MIT
#include "board/vpu/vp8_decoder.hpp"

#include <algorithm>

#include "board/vpu/vp8_codec.hpp"
#include "board/vpu/vp8_frame.hpp"
#include "board/vpu/vp8_job.hpp"

namespace relfence::board::vpu {
namespace {

constexpr std::size_t most_codecs = 4;

MemoryWrite segment_write(const std::vector<std::uint8_t>& segments, std::uint64_t address) {
    std::vector<std::byte> bytes((segments.size() + 3) / 4);
    for (std::size_t i = 0; i < segments.size(); ++i)
        bytes[i / 4] |= std::byte{segments[i]} << (i % 4 * 2);
    return {address, std::move(bytes)};
}

Result<MemoryWrites> decode_with(const std::shared_ptr<Vp8Codec>& codec, const Vp8Job& job,
                                 const Vp8Frame& frame, const Dma& dma) {
    for (std::size_t i = 0; i < job.references.size(); ++i) {
        if (!frame.needs[i].any) continue;
        const auto memory = dma.slice(job.references[i], job.frame_bytes());
        if (!memory) return tl::make_unexpected(memory.error());
        codec->fetch(i, *memory, frame.needs[i].tiles);
    }
    auto picture = codec->decode(frame.bytes, job.key_frame);
    if (!picture) return tl::make_unexpected(picture.error());
    MemoryWrites writes;
    writes.reserve(picture->size());
    for (const auto& [offset, bytes] : *picture)
        writes.emplace_back(job.output + offset, bytes, codec);
    return writes;
}

}  // namespace

Vp8Decoder::Vp8Decoder() = default;
Vp8Decoder::Vp8Decoder(Vp8Decoder&& other) noexcept = default;
Vp8Decoder& Vp8Decoder::operator=(Vp8Decoder&& other) noexcept = default;
Vp8Decoder::~Vp8Decoder() = default;

Result<std::shared_ptr<Vp8Codec>> Vp8Decoder::codec_for(unsigned width, unsigned height) {
    const auto known = std::ranges::find_if(
        codecs_, [&](const auto& codec) { return codec->is_for(width, height); });
    if (known != codecs_.end()) {
        std::rotate(codecs_.begin(), known, known + 1);
    } else {
        auto codec = Vp8Codec::create(width, height);
        if (!codec) return tl::make_unexpected(codec.error());
        codecs_.insert(codecs_.begin(), std::move(*codec));
        if (codecs_.size() > most_codecs) codecs_.pop_back();
    }
    return codecs_.front();
}

Result<MemoryWrites> Vp8Decoder::decode(const regs::RegisterBank& registers, const Dma& dma) {
    const auto job = read_vp8_job(registers);
    if (!job) return tl::make_unexpected(job.error());
    if (const auto output = dma.slice(job->output, job->frame_bytes()); !output)
        return tl::make_unexpected(output.error());
    const auto frame = make_vp8_frame(*job, dma);
    if (!frame) return tl::make_unexpected(frame.error());

    const auto codec = codec_for(job->width(), job->height());
    if (!codec) return tl::make_unexpected(codec.error());
    auto writes = decode_with(*codec, *job, *frame, dma);
    if (!writes) {
        // libvpx does not forget a bad stream.
        codecs_.erase(codecs_.begin());
        return writes;
    }
    if (job->segment_update) writes->push_back(segment_write(frame->segments, job->segment_map));
    return writes;
}

}  // namespace relfence::board::vpu
