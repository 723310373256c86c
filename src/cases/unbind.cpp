// SPDX-License-Identifier: MIT
// unbind: the driver is taken from its device in mid-job, while a player has the device open.
// Whoever waits for the frames must not wait for ever, and the player must be able to go.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <relfence/base/unique_fd.hpp>

#include "cases/case.hpp"
#include "cases/held_frames.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// For unbinding, which waits for the running job: at the longest for its watchdog.
constexpr auto unbind_patience = 10s;

/// The device of a driver that has a video node. @return its name on the platform bus
Result<std::string> find_device(const fs::path& driver) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{driver, error})
        if (fs::exists(entry.path() / "video4linux", error))
            return entry.path().filename().string();
    return fail("has no video device", driver.string());
}

Result<void> write_to(const fs::path& file, const std::string& text) {
    std::ofstream out{file};
    out << text << std::flush;
    if (!out) return fail_errno("write", file.string(), EIO);
    return {};
}

/// Unbinds in a process of its own. @return whether it came to an end
Result<bool> unbind_device(const fs::path& driver, const std::string& device) {
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("fork", "unbind");
    if (child == 0) {
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
        ::_exit(write_to(driver / "unbind", device) ? 0 : 1);
    }
    int status = 0;
    if (!ended_within(child, unbind_patience, &status)) return false;
    if (status != 0) return fail("could not be unbound", device);
    return true;
}

Result<std::string> see(const std::string& name) {
    const fs::path driver = fs::path{"/sys/bus/platform/drivers"} / name;
    const auto device = find_device(driver);
    if (!device) return tl::make_unexpected(device.error());
    auto victim = Victim::start(name);
    if (!victim) return tl::make_unexpected(victim.error());
    auto dma_bufs = victim->dma_bufs();
    if (!dma_bufs) return tl::make_unexpected(dma_bufs.error());
    std::vector<int> numbers;
    for (const UniqueFd& dma_buf : *dma_bufs) numbers.push_back(dma_buf.get());
    const auto held = HeldFrames::take(numbers);
    if (!held) return tl::make_unexpected(held.error());
    const auto unbound = unbind_device(driver, *device);
    if (!unbound) return tl::make_unexpected(unbound.error());
    auto text = held->what_became_of_them();
    if (!text) return text;
    if (!*unbound) return *text + "; unbinding never ends";
    // The last ones that have anything of the device: what is left of it goes with them.
    if (!victim->kill()) return *text + "; the player never ends";
    dma_bufs->clear();
    if (auto ok = write_to(driver / "bind", *device); !ok) return *text + "; cannot be bound again";
    auto jobs = players::open_jobs(name, 1, {}, 0ms);
    if (!jobs) return *text + "; bound again, but has no device";
    if (!jobs->source->submit(0, viewing::Before::stale) || !jobs->source->finish())
        return *text + "; bound again, but does not work";
    return *text + "; works when bound again";
}

}  // namespace

Outcome unbind(const Setup& setup) {
    return Outcome::of(see(setup.driver));
}

}  // namespace relfence::cases
