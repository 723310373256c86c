// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <relfence/base/error.hpp>
#include <relfence/base/statistics.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence {
namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Quantile, IsLinearBetweenNeighbours) {
    EXPECT_DOUBLE_EQ(quantile({1, 2, 3, 4, 5}, 0.5), 3);
    EXPECT_DOUBLE_EQ(quantile({10, 20}, 0.25), 12.5);
    EXPECT_DOUBLE_EQ(quantile({7}, 0.9), 7);
}

TEST(UniqueFd, ClosesOnDestructionAndOnReset) {
    int seen = -1;
    {
        auto fd = open_fd("/dev/null", O_RDONLY);
        ASSERT_TRUE(fd) << fd.error().message();
        seen = fd->get();
        EXPECT_TRUE(is_open(seen));
        EXPECT_TRUE(::fcntl(seen, F_GETFD) & FD_CLOEXEC);
    }
    EXPECT_FALSE(is_open(seen));
}

TEST(UniqueFd, MoveLeavesOneOwner) {
    auto fd = open_fd("/dev/null", O_RDONLY);
    ASSERT_TRUE(fd);
    const int number = fd->get();
    UniqueFd other = std::move(*fd);
    EXPECT_EQ(other.get(), number);
    EXPECT_TRUE(is_open(number));
    other.reset();
    EXPECT_FALSE(is_open(number));
}

TEST(Error, NamesOperationSubjectAndErrno) {
    const auto fd = open_fd("/does/not/exist", O_RDONLY);
    ASSERT_FALSE(fd);
    EXPECT_EQ(fd.error().code, ENOENT);
    EXPECT_EQ(fd.error().message(), "open /does/not/exist: No such file or directory");
}

TEST(Error, WithoutErrnoSaysWhatAndHint) {
    const tl::unexpected<Error> error =
        fail("is not a kernel tree", "/tmp", "name one with --tree");
    EXPECT_EQ(error.value().message(), "/tmp: is not a kernel tree (name one with --tree)");
}

}  // namespace
}  // namespace relfence
