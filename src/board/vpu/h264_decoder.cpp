// SPDX-License-Identifier: MIT
#include "board/vpu/h264_decoder.hpp"

#include <algorithm>
#include <list>

#include "board/vpu/h264_fields.hpp"
#include "board/vpu/h264_job.hpp"
#include "board/vpu/h264_stream.hpp"

namespace relfence::board::vpu {
namespace {

/// Streams that are kept; a driver that closes one says nothing. One that comes back after more
/// than so many others goes on without the motion of its references.
constexpr std::size_t most_streams = 32;

}  // namespace

struct H264Decoder::Streams {
    struct Entry {
        std::uint64_t tables;
        H264Stream stream;
    };
    std::list<Entry> used;  ///< the last one used first

    H264Stream& of(std::uint64_t tables) {
        auto found = std::find_if(used.begin(), used.end(),
                                  [&](const Entry& entry) { return entry.tables == tables; });
        if (found == used.end()) {
            if (used.size() == most_streams) used.pop_back();
            used.push_front({tables, {}});
        } else {
            used.splice(used.begin(), used, found);
        }
        return used.front().stream;
    }
};

H264Decoder::H264Decoder() : streams_(std::make_unique<Streams>()) {}
H264Decoder::~H264Decoder() = default;
H264Decoder::H264Decoder(H264Decoder&&) noexcept = default;
H264Decoder& H264Decoder::operator=(H264Decoder&&) noexcept = default;

Result<MemoryWrites> H264Decoder::decode(const regs::RegisterBank& registers, const Dma& dma) {
    const auto job = read_h264_job(registers, dma);
    if (!job) return tl::make_unexpected(job.error());
    H264Stream& stream = streams_->of(registers.get(h264_fields::qtable_base));
    const std::uint64_t before = stream.replaced();
    auto writes = stream.decode(*job, dma);
    replaced_ += stream.replaced() - before;
    return writes;
}

}  // namespace relfence::board::vpu
