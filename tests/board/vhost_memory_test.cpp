// SPDX-License-Identifier: MIT
// The guest's memory: what is inside is reached, and nothing else.
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <relfence/base/unique_fd.hpp>
#include <relfence/vhost/guest_memory.hpp>

namespace relfence::vhost {
namespace {

constexpr std::uint64_t page = 4096;
constexpr auto top = std::numeric_limits<std::uint64_t>::max();

UniqueFd memory_file(std::uint64_t size) {
    UniqueFd fd{::memfd_create("guest", MFD_CLOEXEC)};
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
    return fd;
}

TEST(GuestMemory, ReachesTheFileAtBothAddresses) {
    const UniqueFd fd = memory_file(4 * page);
    GuestMemory memory;
    // Offset not page aligned, as User Mode Linux has it.
    ASSERT_TRUE(memory.add(fd.get(), page + 8, 2 * page, 0x1000, 0x7000'0000));
    const std::uint8_t byte = 0x5a;
    ASSERT_EQ(::pwrite(fd.get(), &byte, 1, page + 8 + 16), 1);
    const auto guest = memory.slice(0x1010, 1);
    ASSERT_TRUE(guest);
    EXPECT_EQ((*guest)[0], std::byte{0x5a});
    const auto user = memory.slice_user(0x7000'0010, 1);
    ASSERT_TRUE(user);
    EXPECT_EQ(user->data(), guest->data());
    (*guest)[0] = std::byte{0x33};
    std::uint8_t seen = 0;
    ASSERT_EQ(::pread(fd.get(), &seen, 1, page + 8 + 16), 1);
    EXPECT_EQ(seen, 0x33) << "the guest must see what a device writes";
}

TEST(GuestMemory, RefusesEveryByteOutside) {
    std::array<std::byte, 64> bytes{};
    GuestMemory memory;
    memory.add_plain(bytes, 0x1000);
    EXPECT_TRUE(memory.slice(0x1000, 64));
    EXPECT_TRUE(memory.slice(0x103f, 1));
    EXPECT_TRUE(memory.slice(0x1040, 0));
    for (const auto& [address, length] : {std::pair<std::uint64_t, std::uint64_t>{0xfff, 1},
                                          {0x1000, 65},
                                          {0x103f, 2},
                                          {0x1040, 1},
                                          {0x1001, top},
                                          {top, 1},
                                          {top, 2},
                                          {0, top}}) {
        const auto slice = memory.slice(address, length);
        ASSERT_FALSE(slice) << address << " " << length;
        EXPECT_EQ(slice.error().code, EFAULT);
        EXPECT_FALSE(memory.slice_user(address, length));
    }
    EXPECT_EQ(memory.slice(0x2000, 16).error().subject, "0x10 bytes at 0x2000");
}

TEST(GuestMemory, ARangeDoesNotCrossRegions) {
    std::array<std::byte, 32> bytes{};
    GuestMemory memory;
    memory.add_plain(std::span{bytes}.first(16), 0x1000);
    memory.add_plain(std::span{bytes}.last(16), 0x1010);
    EXPECT_TRUE(memory.slice(0x1010, 16));
    EXPECT_FALSE(memory.slice(0x1008, 16));
}

TEST(GuestMemory, RefusesBrokenRegions) {
    const UniqueFd fd = memory_file(4 * page);
    GuestMemory memory;
    ASSERT_TRUE(memory.add(fd.get(), 0, 2 * page, 0x10000, 0x50000));
    EXPECT_EQ(memory.add(fd.get(), 0, 0, 0, 0).error().operation, "is empty");
    EXPECT_EQ(memory.add(fd.get(), 0, page, 0x11fff, 0).error().operation, "overlaps another one");
    EXPECT_EQ(memory.add(fd.get(), 0, page, 0xf001, 0).error().operation, "overlaps another one");
    EXPECT_EQ(memory.add(fd.get(), 0, page, 0, 0x51000).error().operation, "overlaps another one");
    EXPECT_EQ(memory.add(fd.get(), 0, page, top - page + 1, 0).error().operation, "wraps around");
    EXPECT_EQ(memory.add(fd.get(), top - 1, page, 0, 0).error().operation, "wraps around");
    EXPECT_EQ(memory.add(fd.get(), 0, page, 0, top - 1).error().operation, "wraps around");
    EXPECT_EQ(memory.add(fd.get(), page, 4 * page, 0, 0).error().operation,
              "is longer than its file");
    EXPECT_EQ(memory.add(-1, 0, page, 0, 0).error().code, EBADF);
    EXPECT_TRUE(memory.add(fd.get(), 2 * page, 2 * page, 0x12000, 0x52000)) << "neighbours";
}

TEST(GuestMemory, MovesItsMappings) {
    const UniqueFd fd = memory_file(page);
    GuestMemory first;
    ASSERT_TRUE(first.add(fd.get(), 0, page, 0, 0));
    GuestMemory second = std::move(first);
    EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is the test
    ASSERT_TRUE(second.slice(0, page));
    (*second.slice(0, 1))[0] = std::byte{1};
    second = GuestMemory{};
    EXPECT_TRUE(second.empty());
}

}  // namespace
}  // namespace relfence::vhost
