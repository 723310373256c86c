// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::vhost {

/// The guest's memory as it handed it over in VHOST_USER_SET_MEM_TABLE: the only way to reach it is
/// a slice that was checked against the table.
///
/// The memory is shared with a running guest that may change any byte at any time: read a value
/// once, then check it. Owns the mappings. Slices die with it. Safe for concurrent readers of the
/// table; it never changes after it was made.
class GuestMemory {
  public:
    /// One region of the table, mapped.
    struct Region {
        std::uint64_t guest_address =
            0;  ///< where the guest sees it: what a device is programmed with
        std::uint64_t user_address =
            0;  ///< the front end's own address of it: what a vring is set up with
        std::span<std::byte> bytes;  ///< where we see it
    };

    GuestMemory() = default;
    GuestMemory(GuestMemory&& other) noexcept;
    GuestMemory& operator=(GuestMemory&& other) noexcept;
    ~GuestMemory();

    /// Maps one more region. @param fd the memory; not kept
    /// @param offset where in @p fd the region begins; the mapping starts at 0 and covers it, since
    ///        an offset need not be page aligned
    /// @return an error when it overlaps another one, wraps around or cannot be mapped
    [[nodiscard]] Result<void> add(int fd, std::uint64_t offset, std::uint64_t size,
                                   std::uint64_t guest_address, std::uint64_t user_address);
    /// A region of plain memory that the caller owns and keeps: for tests of device models.
    void add_plain(std::span<std::byte> bytes, std::uint64_t guest_address);

    /// @p length bytes at a guest physical address. @return an error (EFAULT) that names the range
    ///         when any byte of it is outside every region; a range never crosses two regions
    [[nodiscard]] Result<std::span<std::byte>> slice(std::uint64_t guest_address,
                                                     std::uint64_t length) const;
    /// The same for an address of the front end's own address space.
    [[nodiscard]] Result<std::span<std::byte>> slice_user(std::uint64_t user_address,
                                                          std::uint64_t length) const;
    [[nodiscard]] bool empty() const { return regions_.empty(); }

  private:
    struct Mapping {
        void* base = nullptr;
        std::size_t length = 0;
    };
    std::vector<Region> regions_;
    std::vector<Mapping> mappings_;
};

}  // namespace relfence::vhost
