// SPDX-License-Identifier: MIT
// decoder-to-rga: a second device is handed the decoder's frame before it is there, and reads it as
// soon as the dma-buf says that it may.
#include <algorithm>
#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "cases/case.hpp"
#include "players/player.hpp"
#include "players/rga_converter.hpp"
#include "viewing/consumer.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;
using players::Player;
using players::RgaConverter;

constexpr unsigned rga_buffers = 4;
constexpr auto rga_patience = 5s;

using Picture = std::vector<std::uint8_t>;

/// The dma-bufs of the pool, by buffer.
Result<std::vector<int>> pool_of(viewing::Producer& producer) {
    std::vector<int> pool(producer.depth(), -1);
    if (auto ok = producer.rewind(); !ok) return tl::make_unexpected(ok.error());
    for (unsigned index = 0; index < producer.depth(); ++index) {
        const auto handover = producer.submit(index, viewing::Before::stale);
        if (!handover) return tl::make_unexpected(handover.error());
        if (handover->buffer >= pool.size()) return fail("has no such buffer", "pool");
        pool[handover->buffer] = handover->dma_buf;
        if (auto ok = producer.finish(); !ok) return tl::make_unexpected(ok.error());
    }
    if (std::ranges::find(pool, -1) != pool.end()) return fail("does not use each buffer", "pool");
    return pool;
}

/// What comes out of the RGA, frame by frame.
/// @param eager hands each frame on when its dma-buf says so, else when DQBUF does
Result<std::vector<Picture>> convert_all(viewing::Producer& producer, RgaConverter& rga,
                                         unsigned frames, bool eager) {
    std::vector<Picture> pictures;
    if (auto ok = producer.rewind(); !ok) return tl::make_unexpected(ok.error());
    for (unsigned index = 0; index < frames; ++index) {
        const auto handover = producer.submit(index, viewing::Before::zeros);
        if (!handover) return tl::make_unexpected(handover.error());
        if (eager) {
            const auto claim = viewing::Claim::take(handover->dma_buf, viewing::Wait::poll);
            if (!claim) return tl::make_unexpected(claim.error());
            if (auto ok = claim->await(rga_patience); !ok) return tl::make_unexpected(ok.error());
        } else if (auto ok = producer.finish(); !ok) {
            return tl::make_unexpected(ok.error());
        }
        const auto picture = rga.convert(handover->buffer);
        if (!picture) return tl::make_unexpected(picture.error());
        pictures.emplace_back(picture->begin(), picture->end());
        if (!eager) continue;
        if (auto ok = producer.finish(); !ok) return tl::make_unexpected(ok.error());
        players::let_driver_go_idle();
    }
    return pictures;
}

Result<std::string> compare_ways(Player& player, unsigned frames) {
    viewing::Producer& producer = *player.producer;
    const auto pool = pool_of(producer);
    if (!pool) return tl::make_unexpected(pool.error());
    const auto format = producer.format();
    auto rga = RgaConverter::open(*pool, format.width, format.height);
    if (!rga) return tl::make_unexpected(rga.error());
    const auto right = convert_all(producer, *rga, frames, false);
    if (!right) return tl::make_unexpected(right.error());
    const auto seen = convert_all(producer, *rga, frames, true);
    if (!seen) return tl::make_unexpected(seen.error());
    unsigned differ = 0;
    for (unsigned i = 0; i < frames; ++i) differ += (*right)[i] == (*seen)[i] ? 0U : 1U;
    // The control: frames that all look the same would be right whoever waits.
    if (std::ranges::adjacent_find(*right) != right->end())
        return fail("shows the same picture twice", "clip");
    return fmt::format("{} of {} frames differ", differ, frames);
}

}  // namespace

Outcome decoder_to_rga(const Setup& setup) {
    const unsigned frames = setup.quick ? 8 : 20;
    auto player = players::open_player(setup.driver, image::Layout::nv12, frames, rga_buffers);
    if (!player) return Outcome::error(player.error());
    return Outcome::of(compare_ways(*player, frames));
}

}  // namespace relfence::cases
