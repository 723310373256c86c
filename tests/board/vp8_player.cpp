// SPDX-License-Identifier: MIT
#include "vp8_player.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <openssl/evp.h>
#include <stdexcept>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#include <fmt/format.h>

namespace relfence::testing {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t stream_bytes = std::size_t{4} << 20U;
/// Three references, the one that is written, and one more as a client has it.
constexpr std::size_t pictures = 5;

}  // namespace

Result<std::span<std::byte>> PlainMemory::slice(std::uint64_t address, std::uint64_t length) const {
    if (address < base || length > bytes_.size() || address - base > bytes_.size() - length)
        return fail_errno("slice", fmt::format("{:#x}, {} bytes", address, length), EFAULT);
    return std::span{bytes_}.subspan(address - base, length);
}

std::uint32_t PlainMemory::allocate(std::size_t length) {
    const std::size_t begin = used_;
    used_ += (length + page - 1) / page * page;
    if (used_ > bytes_.size()) throw std::length_error{"the test's memory is too small"};
    return static_cast<std::uint32_t>(base + begin);
}

std::span<std::byte> PlainMemory::at(std::uint64_t address, std::uint64_t length) const {
    return slice(address, length).value();
}

void Vp8Player::make_buffers(unsigned width, unsigned height) {
    width_ = width;
    height_ = height;
    const std::size_t columns = (width + 15) / 16;
    const std::size_t rows = (height + 15) / 16;
    const std::size_t picture = columns * rows * 384;
    memory_.emplace(stream_bytes + pictures * (picture + page) + columns * rows + 4 * page);
    buffers_.stream = memory_->allocate(stream_bytes);
    buffers_.probabilities = memory_->allocate(vp8_probability_bytes);
    buffers_.segment_map = memory_->allocate((columns * rows / 4 + 1 + 63) / 64 * 64);
    pictures_.clear();
    for (std::size_t i = 0; i < pictures; ++i) pictures_.push_back({memory_->allocate(picture), 0});
}

std::uint32_t Vp8Player::address_of(std::uint64_t timestamp) const {
    const auto found = std::ranges::find(pictures_, timestamp, &Picture::timestamp);
    return timestamp != 0 && found != pictures_.end() ? found->address : 0;
}

std::vector<std::uint8_t> Vp8Player::cropped(std::uint32_t address) const {
    const std::size_t stride = (width_ + 15) / 16 * 16;
    const std::size_t lines = (height_ + 15) / 16 * 16;
    const auto nv12 = memory_->at(address, stride * lines * 3 / 2);
    std::vector<std::uint8_t> result;
    for (std::size_t y = 0; y < height_; ++y)
        for (std::size_t x = 0; x < width_; ++x)
            result.push_back(static_cast<std::uint8_t>(nv12[y * stride + x]));
    for (const std::size_t plane : {0U, 1U})
        for (std::size_t y = 0; y < (height_ + 1) / 2; ++y)
            for (std::size_t x = 0; x < (width_ + 1) / 2; ++x)
                result.push_back(
                    static_cast<std::uint8_t>(nv12[(lines + y) * stride + 2 * x + plane]));
    return result;
}

Result<std::optional<std::vector<std::uint8_t>>> Vp8Player::play(
    std::span<const std::uint8_t> frame) {
    auto parsed = parser_.parse(frame);
    if (!parsed) return tl::make_unexpected(parsed.error());
    v4l2_ctrl_vp8_frame& control = parsed->control;
    if (control.width != width_ || control.height != height_)
        make_buffers(control.width, control.height);
    references_.tell(control);
    const auto free = std::ranges::find_if(pictures_, [&](const Picture& picture) {
        return picture.timestamp == 0 || !references_.holds(picture.timestamp);
    });
    const std::uint64_t timestamp = next_timestamp_;
    next_timestamp_ += 1000;
    free->timestamp = timestamp;
    references_.update(*parsed, timestamp);

    Vp8Buffers buffers = buffers_;
    buffers.output = free->address;
    buffers.last = address_of(control.last_frame_ts);
    buffers.golden = address_of(control.golden_frame_ts);
    buffers.alternative = address_of(control.alt_frame_ts);
    std::memcpy(memory_->at(buffers.stream, frame.size()).data(), frame.data(), frame.size());
    // As the driver does for key frames.
    const auto map =
        memory_->at(buffers.segment_map, (width_ + 15) / 16 * ((height_ + 15) / 16) / 4 + 1);
    if (parsed->key_frame()) std::ranges::fill(map, std::byte{0});
    write_vp8_probabilities(control, memory_->at(buffers.probabilities, vp8_probability_bytes));
    program_vp8(registers_, control, buffers, width_, height_);
    if (tamper_) tamper_(registers_, *memory_, buffers);

    const double start = processor_seconds();
    const auto writes = engine_.decode(registers_, *memory_);
    seconds_ += processor_seconds() - start;
    if (!writes) return tl::make_unexpected(writes.error());
    for (const board::MemoryWrite& write : *writes) {
        const auto memory = memory_->slice(write.address, write.bytes.size());
        if (!memory) return tl::make_unexpected(memory.error());
        std::ranges::copy(write.bytes, memory->begin());
    }
    if (!parsed->shown() || skip_pictures_) return std::optional<std::vector<std::uint8_t>>{};
    return std::optional{cropped(buffers.output)};
}

std::vector<std::vector<std::uint8_t>> play_with_libvpx(
    const std::vector<std::vector<std::uint8_t>>& frames) {
    vpx_codec_ctx_t context{};
    vpx_codec_dec_init(&context, vpx_codec_vp8_dx(), nullptr, 0);
    std::vector<std::vector<std::uint8_t>> shown;
    for (const auto& frame : frames) {
        if (vpx_codec_decode(&context, frame.data(), static_cast<unsigned>(frame.size()), nullptr,
                             0) != VPX_CODEC_OK)
            throw std::runtime_error{"libvpx does not decode its own stream"};
        vpx_codec_iter_t iterator = nullptr;
        const vpx_image_t* const image = vpx_codec_get_frame(&context, &iterator);
        if (image == nullptr) continue;
        auto& picture = shown.emplace_back();
        for (int plane = 0; plane < 3; ++plane) {
            const unsigned width = plane == 0 ? image->d_w : (image->d_w + 1) / 2;
            const unsigned height = plane == 0 ? image->d_h : (image->d_h + 1) / 2;
            for (unsigned y = 0; y < height; ++y) {
                const auto* const line =
                    image->planes[plane] + static_cast<std::ptrdiff_t>(image->stride[plane]) * y;
                picture.insert(picture.end(), line, line + width);
            }
        }
    }
    vpx_codec_destroy(&context);
    return shown;
}

double processor_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::string md5(std::span<const std::uint8_t> bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_md5(), nullptr);
    std::string text;
    for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

}  // namespace relfence::testing
