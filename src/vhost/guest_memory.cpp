// SPDX-License-Identifier: MIT
#include <cerrno>
#include <limits>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

#include <fmt/format.h>

#include <relfence/vhost/guest_memory.hpp>

namespace relfence::vhost {
namespace {

constexpr auto address_limit = std::numeric_limits<std::uint64_t>::max();

std::string range(std::uint64_t address, std::uint64_t length) {
    return fmt::format("{:#x} bytes at {:#x}", length, address);
}

bool overlaps(std::uint64_t a, std::uint64_t b, std::uint64_t size_a, std::uint64_t size_b) {
    return a < b ? b - a < size_a : a - b < size_b;
}

/// Where @p address is in a region that begins at @p start, if all of the range is in it.
bool holds(std::uint64_t start, std::uint64_t size, std::uint64_t address, std::uint64_t length) {
    if (address < start) return false;
    const std::uint64_t at = address - start;
    return at <= size && length <= size - at;
}

}  // namespace

GuestMemory::GuestMemory(GuestMemory&& other) noexcept
    : regions_{std::exchange(other.regions_, {})}, mappings_{std::exchange(other.mappings_, {})} {}

GuestMemory& GuestMemory::operator=(GuestMemory&& other) noexcept {
    // What was mapped here goes with the other one.
    std::swap(regions_, other.regions_);
    std::swap(mappings_, other.mappings_);
    return *this;
}

GuestMemory::~GuestMemory() {
    for (const Mapping& mapping : mappings_) ::munmap(mapping.base, mapping.length);
}

Result<void> GuestMemory::add(int fd, std::uint64_t offset, std::uint64_t size,
                              std::uint64_t guest_address, std::uint64_t user_address) {
    const std::string subject = "memory region of " + range(guest_address, size);
    if (size == 0) return fail("is empty", subject);
    if (size > address_limit - offset || size > address_limit - guest_address ||
        size > address_limit - user_address)
        return fail("wraps around", subject);
    for (const Region& region : regions_) {
        if (overlaps(region.guest_address, guest_address, region.bytes.size(), size) ||
            overlaps(region.user_address, user_address, region.bytes.size(), size))
            return fail("overlaps another one", subject);
    }
    // A mapping may be longer than its file; touching the rest would kill us.
    struct stat status {};
    if (::fstat(fd, &status) != 0) return fail_errno("fstat", subject);
    if (status.st_size < 0 || offset + size > static_cast<std::uint64_t>(status.st_size))
        return fail("is longer than its file", subject);
    const std::uint64_t length = offset + size;
    void* const base = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) return fail_errno("mmap", subject);
    mappings_.push_back({base, length});
    regions_.push_back(
        {guest_address, user_address, std::span{static_cast<std::byte*>(base) + offset, size}});
    return {};
}

void GuestMemory::add_plain(std::span<std::byte> bytes, std::uint64_t guest_address) {
    regions_.push_back({guest_address, guest_address, bytes});
}

Result<std::span<std::byte>> GuestMemory::slice(std::uint64_t guest_address,
                                                std::uint64_t length) const {
    for (const Region& region : regions_) {
        if (holds(region.guest_address, region.bytes.size(), guest_address, length))
            return region.bytes.subspan(guest_address - region.guest_address, length);
    }
    return fail_errno("guest memory", range(guest_address, length), EFAULT);
}

Result<std::span<std::byte>> GuestMemory::slice_user(std::uint64_t user_address,
                                                     std::uint64_t length) const {
    for (const Region& region : regions_) {
        if (holds(region.user_address, region.bytes.size(), user_address, length))
            return region.bytes.subspan(user_address - region.user_address, length);
    }
    return fail_errno("guest memory (front end's address)", range(user_address, length), EFAULT);
}

}  // namespace relfence::vhost
