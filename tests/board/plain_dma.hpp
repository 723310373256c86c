// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <relfence/board/device_model.hpp>
#include <relfence/vhost/guest_memory.hpp>

namespace relfence::board {

/// A guest of one region of plain memory, with an allocator as plain: for tests of what an engine
/// computes.
class PlainDma : public Dma {
  public:
    static constexpr std::uint64_t base = 0x10000000;

    explicit PlainDma(std::size_t size) : bytes_(size) { memory_.add_plain(bytes_, base); }

    [[nodiscard]] Result<std::span<std::byte>> slice(std::uint64_t address,
                                                     std::uint64_t length) const override {
        return memory_.slice(address, length);
    }
    /// The next @p size bytes, page aligned and with a page of nobody behind them.
    std::uint64_t allocate(std::size_t size) {
        const std::uint64_t address = base + next_;
        next_ += (size + 2 * page - 1) / page * page;
        return address;
    }
    [[nodiscard]] std::span<std::uint8_t> at(std::uint64_t address, std::size_t length) {
        return {reinterpret_cast<std::uint8_t*>(bytes_.data()) + (address - base), length};
    }
    /// Where the memory ends: the first address that is not there.
    [[nodiscard]] std::uint64_t end() const { return base + bytes_.size(); }
    /// Does what an engine would do. A write to where no memory is throws std::out_of_range.
    void apply(const MemoryWrites& writes) {
        for (const MemoryWrite& write : writes) {
            auto to = memory_.slice(write.address, write.bytes.size());
            if (!to) throw std::out_of_range{to.error().message()};
            std::ranges::copy(write.bytes, to->begin());
        }
    }

  private:
    static constexpr std::size_t page = 4096;
    std::vector<std::byte> bytes_;
    vhost::GuestMemory memory_;
    std::size_t next_ = 0;
};

}  // namespace relfence::board
