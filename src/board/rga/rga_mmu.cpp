// SPDX-License-Identifier: MIT
#include "rga_mmu.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace relfence::board::rga {

namespace {

tl::unexpected<Error> fault(std::string_view operation, std::string_view subject) {
    return tl::unexpected(Error{EFAULT, std::string(operation), std::string(subject), {}});
}

/// The numbers of all pages with a byte of a row, in order and once.
std::vector<std::uint32_t> pages_of(std::span<const Plane> planes) {
    std::vector<std::uint32_t> pages;
    for (const Plane& plane : planes) {
        if (plane.row_bytes == 0) continue;
        for (std::uint32_t row = 0; row < plane.rows; ++row) {
            const std::uint64_t start = plane.address + std::uint64_t{row} * plane.stride;
            const std::uint64_t last = (start + plane.row_bytes - 1) / kPageSize;
            for (std::uint64_t page = start / kPageSize; page <= last; ++page) {
                if (pages.empty() || pages.back() != page)
                    pages.push_back(static_cast<std::uint32_t>(page));
            }
        }
    }
    std::sort(pages.begin(), pages.end());
    pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
    return pages;
}

}  // namespace

Result<PageMap> PageMap::walk(const Dma& dma, const Translation& translation,
                              std::span<const Plane> planes, std::string_view what,
                              std::vector<std::string>& complaints) {
    const auto bad = [&](std::uint32_t page, std::string_view how) {
        return fault(what, fmt::format("page {} (offset {:#x}) {}", page,
                                       std::uint64_t{page} * kPageSize, how));
    };
    PageMap map;
    bool flags_reported = false;
    for (const std::uint32_t page : pages_of(planes)) {
        std::uint64_t bus = std::uint64_t{page} * kPageSize;
        if (translation.enabled) {
            const auto bytes = dma.slice(translation.table + std::uint64_t{page} * 4, 4);
            if (!bytes) return bad(page, "has its page table entry outside of memory");
            std::uint32_t entry = 0;
            std::memcpy(&entry, bytes->data(), sizeof entry);
            if (entry == 0) return bad(page, "has no entry in the page table");
            if (entry % kPageSize != 0 && !flags_reported) {
                complaints.push_back(
                    fmt::format("{}: the entry of page {} is no page's address", what, page));
                flags_reported = true;
            }
            bus = entry & ~(kPageSize - 1);
        }
        if (!map.runs_.empty()) {
            Run& last = map.runs_.back();
            const std::uint64_t length = std::uint64_t{last.pages} * kPageSize;
            // One slice for all, so that a run never crosses two pieces of memory.
            if (last.first_page + last.pages == page && last.bus + length == bus &&
                dma.slice(last.bus, length + kPageSize)) {
                ++last.pages;
                continue;
            }
        }
        if (!dma.slice(bus, kPageSize)) return bad(page, "is outside of memory");
        map.runs_.push_back({page, 1, bus});
    }
    return map;
}

const PageMap::Run* PageMap::find(std::uint32_t page) const {
    auto after = std::upper_bound(runs_.begin(), runs_.end(), page,
                                  [](std::uint32_t p, const Run& r) { return p < r.first_page; });
    if (after == runs_.begin()) return nullptr;
    --after;
    return page - after->first_page < after->pages ? &*after : nullptr;
}

Result<void> PageMap::pieces(
    std::uint32_t address, std::size_t length,
    const std::function<void(std::uint64_t, std::size_t, std::size_t)>& piece) const {
    std::size_t done = 0;
    while (done < length) {
        const std::uint64_t at = std::uint64_t{address} + done;
        const Run* run = find(static_cast<std::uint32_t>(at / kPageSize));
        if (run == nullptr || at >> 32 != 0) return fault("translate", "an address");
        const std::uint64_t into = at - std::uint64_t{run->first_page} * kPageSize;
        const std::uint64_t left = std::uint64_t{run->pages} * kPageSize - into;
        const std::size_t part = std::min<std::size_t>(length - done, left);
        piece(run->bus + into, done, part);
        done += part;
    }
    return {};
}

Result<void> PageMap::read(const Dma& dma, std::uint32_t address, std::span<std::byte> out) const {
    bool gone = false;
    auto all =
        pieces(address, out.size(), [&](std::uint64_t bus, std::size_t offset, std::size_t length) {
            const auto bytes = dma.slice(bus, length);
            if (!bytes)
                gone = true;
            else
                std::memcpy(out.data() + offset, bytes->data(), length);
        });
    if (!all) return all;
    if (gone) return fault("read", "memory that was there when the job began");
    return {};
}

}  // namespace relfence::board::rga
