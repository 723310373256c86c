// SPDX-License-Identifier: MIT
#include "board/vpu/vp8_decoder.hpp"

#include <algorithm>
#include <libyuv/planar_functions.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#include "board/vpu/vp8_frame.hpp"
#include "board/vpu/vp8_job.hpp"

namespace relfence::board::vpu {
namespace {

constexpr std::size_t most_codecs = 4;

constexpr std::array<vpx_ref_frame_type_t, 3> reference_names{VP8_LAST_FRAME, VP8_GOLD_FRAME,
                                                              VP8_ALTR_FRAME};

const std::byte* as_memory(const std::uint8_t* bytes) {
    return reinterpret_cast<const std::byte*>(bytes);
}

/// The picture as NV12, by rows of macroblocks.
MemoryWrites frame_writes(const vpx_image_t& image, const Vp8Job& job) {
    MemoryWrites writes;
    writes.reserve(std::size_t{2} * job.rows + 1);
    const std::size_t width = job.width();
    const std::uint64_t chroma_at = job.output + width * job.height();
    for (unsigned row = 0; row < job.rows; ++row) {
        MemoryWrite luma{job.output + row * width * 16, {}};
        luma.bytes.reserve(width * 16);
        for (unsigned line = 0; line < 16; ++line) {
            const std::byte* const from =
                as_memory(image.planes[VPX_PLANE_Y]) +
                static_cast<std::ptrdiff_t>(image.stride[VPX_PLANE_Y]) * (row * 16 + line);
            luma.bytes.insert(luma.bytes.end(), from, from + width);
        }
        writes.push_back(std::move(luma));
        MemoryWrite chroma{chroma_at + row * width * 8, std::vector<std::byte>(width * 8)};
        const auto plane = [&](int index) {
            return image.planes[index] +
                   static_cast<std::ptrdiff_t>(image.stride[index]) * (row * 8);
        };
        libyuv::MergeUVPlane(plane(VPX_PLANE_U), image.stride[VPX_PLANE_U], plane(VPX_PLANE_V),
                             image.stride[VPX_PLANE_V],
                             reinterpret_cast<std::uint8_t*>(chroma.bytes.data()),
                             static_cast<int>(width), static_cast<int>(width / 2), 8);
        writes.push_back(std::move(chroma));
    }
    return writes;
}

MemoryWrite segment_write(const std::vector<std::uint8_t>& segments, std::uint64_t address) {
    MemoryWrite write{address, std::vector<std::byte>((segments.size() + 3) / 4)};
    for (std::size_t i = 0; i < segments.size(); ++i)
        write.bytes[i / 4] |= std::byte{segments[i]} << (i % 4 * 2);
    return write;
}

}  // namespace

/// A libvpx decoder for frames of one size.
class Vp8Decoder::Codec {
  public:
    static Result<std::unique_ptr<Codec>> create(unsigned width, unsigned height) {
        std::unique_ptr<Codec> codec{new Codec{width, height}};
        const vpx_codec_dec_cfg_t config{1, width, height};
        if (vpx_codec_dec_init(&codec->context_, vpx_codec_vp8_dx(), &config, 0) != VPX_CODEC_OK)
            return codec->failed("init");
        return codec;
    }
    Codec(const Codec&) = delete;
    Codec& operator=(const Codec&) = delete;
    ~Codec() { vpx_codec_destroy(&context_); }

    [[nodiscard]] bool is_for(unsigned width, unsigned height) const {
        return width == width_ && height == height_;
    }

    /// @return the picture, valid until the next call
    Result<const vpx_image_t*> decode(const std::vector<std::uint8_t>& frame) {
        if (vpx_codec_decode(&context_, frame.data(), static_cast<unsigned>(frame.size()), nullptr,
                             0) != VPX_CODEC_OK)
            return failed("decode");
        vpx_codec_iter_t iterator = nullptr;
        const vpx_image_t* const image = vpx_codec_get_frame(&context_, &iterator);
        int corrupted = 0;
        vpx_codec_control(&context_, VP8D_GET_FRAME_CORRUPTED, &corrupted);
        if (image == nullptr || corrupted != 0)
            return fail_errno("vp8", "a coefficient partition ends too early", EBADMSG);
        if (image->d_w != width_ || image->d_h != height_)
            return fail_errno("vp8", "the picture has another size", EBADMSG);
        started_ = true;
        return image;
    }

    /// References can be set once there was any frame.
    Result<void> start() {
        if (started_) return {};
        const auto image = decode(grey_vp8_frame(width_, height_));
        if (!image) return tl::make_unexpected(image.error());
        return {};
    }

    Result<void> set_reference(vpx_ref_frame_type_t name, std::span<const std::byte> nv12) {
        const std::size_t luma = std::size_t{width_} * height_;
        const int width = static_cast<int>(width_);
        const int height = static_cast<int>(height_);
        chroma_.resize(luma / 2);
        auto* const pixels = reinterpret_cast<const std::uint8_t*>(nv12.data());
        libyuv::SplitUVPlane(pixels + luma, width, chroma_.data(), width / 2, &chroma_[luma / 4],
                             width / 2, width / 2, height / 2);
        vpx_ref_frame_t reference{};
        reference.frame_type = name;
        // libvpx only reads it.
        vpx_img_wrap(&reference.img, VPX_IMG_FMT_I420, width_, height_, 1,
                     const_cast<std::uint8_t*>(pixels));
        reference.img.planes[VPX_PLANE_U] = chroma_.data();
        reference.img.planes[VPX_PLANE_V] = &chroma_[luma / 4];
        if (vpx_codec_control(&context_, VP8_SET_REFERENCE, &reference) != VPX_CODEC_OK)
            return failed("set reference");
        return {};
    }

  private:
    Codec(unsigned width, unsigned height) : width_{width}, height_{height} {}
    tl::unexpected<Error> failed(std::string_view what) {
        const char* const detail = vpx_codec_error_detail(&context_);
        return fail_errno(what, detail != nullptr ? detail : vpx_codec_error(&context_), EBADMSG);
    }

    unsigned width_;
    unsigned height_;
    bool started_ = false;
    vpx_codec_ctx_t context_{};
    std::vector<std::uint8_t> chroma_;
};

Vp8Decoder::Vp8Decoder() = default;
Vp8Decoder::Vp8Decoder(Vp8Decoder&& other) noexcept = default;
Vp8Decoder& Vp8Decoder::operator=(Vp8Decoder&& other) noexcept = default;
Vp8Decoder::~Vp8Decoder() = default;

Result<Vp8Decoder::Codec*> Vp8Decoder::codec_for(unsigned width, unsigned height) {
    const auto known = std::ranges::find_if(
        codecs_, [&](const auto& codec) { return codec->is_for(width, height); });
    if (known != codecs_.end()) {
        std::rotate(codecs_.begin(), known, known + 1);
    } else {
        auto codec = Codec::create(width, height);
        if (!codec) return tl::make_unexpected(codec.error());
        codecs_.insert(codecs_.begin(), std::move(*codec));
        if (codecs_.size() > most_codecs) codecs_.pop_back();
    }
    return codecs_.front().get();
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
    const auto decode_with = [&]() -> Result<MemoryWrites> {
        if (!job->key_frame)
            if (auto ok = (*codec)->start(); !ok) return tl::make_unexpected(ok.error());
        for (std::size_t i = 0; i < reference_names.size(); ++i) {
            if (!frame->uses[i]) continue;
            const auto memory = dma.slice(job->references[i], job->frame_bytes());
            if (!memory) return tl::make_unexpected(memory.error());
            if (auto ok = (*codec)->set_reference(reference_names[i], *memory); !ok)
                return tl::make_unexpected(ok.error());
        }
        const auto image = (*codec)->decode(frame->bytes);
        if (!image) return tl::make_unexpected(image.error());
        return frame_writes(**image, *job);
    };
    auto writes = decode_with();
    // A decoder that met a bad stream does not forget it.
    if (!writes) {
        codecs_.erase(codecs_.begin());
        return writes;
    }
    if (job->segment_update) writes->push_back(segment_write(frame->segments, job->segment_map));
    return writes;
}

}  // namespace relfence::board::vpu
