// SPDX-License-Identifier: MIT
// Keeping the board's thread off the processor of its guest.
#include <csignal>
#include <sched.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "board/machine/guest_processor.hpp"

namespace relfence::board {
namespace {

std::vector<int> allowed() {
    cpu_set_t set;
    CPU_ZERO(&set);
    EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
    std::vector<int> result;
    for (int i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(static_cast<std::size_t>(i), &set)) result.push_back(i);
    return result;
}

void stay_on(pid_t who, int processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(processor), &one);
    EXPECT_EQ(::sched_setaffinity(who, sizeof one, &one), 0);
}

/// A process that spins on one processor, as a guest does, under a name that is hard to read.
class Spinning {
  public:
    explicit Spinning(int processor) {
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::pthread_setname_np(::pthread_self(), ") S 1 (");
            stay_on(0, processor);
            [[maybe_unused]] const auto told = ::write(ready[1], "", 1);
            for (volatile bool on = true; on;) {
            }
        }
        char byte;
        EXPECT_EQ(::read(ready[0], &byte, 1), 1);
        for (const int fd : ready) ::close(fd);
    }
    ~Spinning() { end(); }
    Spinning(const Spinning&) = delete;
    Spinning& operator=(const Spinning&) = delete;
    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
};

/// In a thread of its own, whose processors are nobody else's.
template <typename What>
void in_a_thread(What what) {
    std::thread{what}.join();
}

class GuestProcessorTest : public testing::Test {
  protected:
    void SetUp() override {
        if (processors.size() < 2) GTEST_SKIP() << "there is but one processor";
    }
    const std::vector<int> processors = allowed();
};

TEST_F(GuestProcessorTest, IsLeftToTheGuest) {
    for (const int guests : {processors.front(), processors.back()}) {
        const Spinning guest{guests};
        in_a_thread([&] {
            const GuestProcessor processor{guest.pid()};
            stay_on(0, guests);
            EXPECT_TRUE(processor.leave());
            EXPECT_NE(::sched_getcpu(), guests);
            const std::vector<int> others = allowed();
            EXPECT_EQ(others.size(), processors.size() - 1);
            EXPECT_TRUE(processor.leave());
            EXPECT_EQ(allowed(), others) << "moved without need";
        });
    }
}

TEST_F(GuestProcessorTest, IsLeftAgainWhenTheGuestComesAfter) {
    const Spinning guest{processors.front()};
    in_a_thread([&] {
        const GuestProcessor processor{guest.pid()};
        for (const int guests : {processors.back(), processors.front(), processors.back()}) {
            stay_on(guest.pid(), guests);
            stay_on(0, guests);
            EXPECT_TRUE(processor.leave());
            EXPECT_NE(::sched_getcpu(), guests);
        }
    });
}

TEST_F(GuestProcessorTest, IsUsedAgainAfterwards) {
    const Spinning guest{processors.front()};
    in_a_thread([&] {
        {
            const GuestProcessor processor{guest.pid()};
            stay_on(0, processors.front());
            EXPECT_TRUE(processor.leave());
            EXPECT_NE(allowed(), processors);
        }
        EXPECT_EQ(allowed(), processors);
    });
}

TEST(GuestProcessorAlone, CannotBeLeft) {
    const std::vector<int> processors = allowed();
    const Spinning guest{processors.front()};
    in_a_thread([&] {
        stay_on(0, processors.front());
        const GuestProcessor processor{guest.pid()};
        EXPECT_FALSE(processor.leave());
        EXPECT_EQ(allowed(), std::vector<int>{processors.front()});
    });
}

TEST(GuestProcessorUnknown, IsNotLeft) {
    Spinning guest{allowed().front()};
    in_a_thread([&] {
        const std::vector<int> before = allowed();
        const GuestProcessor gone{guest.pid()};
        guest.end();
        EXPECT_FALSE(gone.leave());
        EXPECT_FALSE(GuestProcessor{0}.leave());
        EXPECT_EQ(allowed(), before);
    });
}

}  // namespace
}  // namespace relfence::board
