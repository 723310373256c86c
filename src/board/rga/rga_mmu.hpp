// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/board/device_model.hpp>

#include "rga_command.hpp"

namespace relfence::board::rga {

inline constexpr std::uint32_t kPageSize = 4096;

/// Where the pages that a job touches are in memory: a channel's page table as it was when the job
/// began.
///
/// The table has one 32-bit bus address per page and no length, as fill_descriptors() in rga-buf.c
/// writes it. An entry of 0 counts as "not mapped": a table comes zeroed from
/// dma_alloc_coherent(), so that is what follows the last entry. Value type; only knows pages that
/// walk() was asked for.
class PageMap {
  public:
    /// Looks up every page that the rows of @p planes touch, and no other.
    /// @param what "source" or "destination", for complaints
    /// @param complaints gets entries that are no page's address
    /// @return EFAULT, with the page's number, when a page is not mapped, or when its entry or it
    /// is
    ///         outside of memory
    [[nodiscard]] static Result<PageMap> walk(const Dma& dma, const Translation& translation,
                                              std::span<const Plane> planes, std::string_view what,
                                              std::vector<std::string>& complaints);

    /// Copies @p out.size() bytes at an address of the channel.
    /// @return EFAULT when a byte of it was not asked for in walk(), or is no longer there
    [[nodiscard]] Result<void> read(const Dma& dma, std::uint32_t address,
                                    std::span<std::byte> out) const;

    /// Calls @p piece with the bus address, the offset into the range and the length of each part
    /// of a range that is contiguous in memory. @return EFAULT as read()
    [[nodiscard]] Result<void> pieces(
        std::uint32_t address, std::size_t length,
        const std::function<void(std::uint64_t, std::size_t, std::size_t)>& piece) const;

  private:
    struct Run {
        std::uint32_t first_page;
        std::uint32_t pages;
        std::uint64_t bus;
    };
    [[nodiscard]] const Run* find(std::uint32_t page) const;

    std::vector<Run> runs_;  ///< by first_page
};

}  // namespace relfence::board::rga
