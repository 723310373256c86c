// SPDX-License-Identifier: MIT
#include "clips.hpp"

#include <chrono>
#include <fstream>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

namespace relfence::bench {
namespace {

void put(std::string& bytes, std::uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xffU);
}

}  // namespace

Result<void> write_ivf(const std::filesystem::path& path, const testing::Vp8Stream& stream,
                       unsigned width, unsigned height, unsigned times) {
    std::string bytes = "DKIF";
    put(bytes, 0, 2);
    put(bytes, 32, 2);
    bytes += "VP80";
    put(bytes, width, 2);
    put(bytes, height, 2);
    put(bytes, 30, 4);
    put(bytes, 1, 4);
    put(bytes, stream.size() * times, 4);
    put(bytes, 0, 4);
    std::uint64_t timestamp = 0;
    for (unsigned round = 0; round < times; ++round)
        for (const auto& frame : stream) {
            put(bytes, frame.size(), 4);
            put(bytes, timestamp++, 8);
            bytes.append(frame.begin(), frame.end());
        }
    std::ofstream file{path, std::ios::binary};
    file << bytes << std::flush;
    if (!file) return fail_errno("write", path.string());
    return {};
}

Result<double> native_rate(const testing::Vp8Stream& stream, unsigned times) {
    vpx_codec_ctx_t context{};
    const vpx_codec_dec_cfg_t config{1, 0, 0};
    if (vpx_codec_dec_init(&context, vpx_codec_vp8_dx(), &config, 0) != VPX_CODEC_OK)
        return fail("does not begin", "libvpx");
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned round = 0; round < times; ++round)
        for (const auto& frame : stream) {
            if (vpx_codec_decode(&context, frame.data(), static_cast<unsigned>(frame.size()),
                                 nullptr, 0) != VPX_CODEC_OK)
                return fail("does not decode a frame", "libvpx");
            vpx_codec_iter_t iterator = nullptr;
            vpx_codec_get_frame(&context, &iterator);
        }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    vpx_codec_destroy(&context);
    return static_cast<double>(stream.size() * times) / took.count();
}

}  // namespace relfence::bench
