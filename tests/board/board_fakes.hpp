// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <relfence/board/device_model.hpp>

namespace relfence::board::testing {

/// Time that passes when the test says so. Computations run at once, or when the test asks for it.
class SteppedTimeline : public Timeline {
  public:
    [[nodiscard]] Nanoseconds now() const override { return now_; }
    Id at(Nanoseconds when, std::function<void()> what) override {
        events_.emplace(std::pair{std::max(when, now_), ++last_}, std::move(what));
        return last_;
    }
    void cancel(Id id) override {
        std::erase_if(events_, [id](const auto& event) { return event.first.second == id; });
    }
    void compute(std::function<void()> work, std::function<void()> done) override {
        if (hold_computations) {
            computations_.emplace_back(std::move(work), std::move(done));
            return;
        }
        work();
        done();
    }
    /// Everything up to and including then happens.
    void advance_to(Nanoseconds when) {
        while (!events_.empty() && events_.begin()->first.first <= when) {
            const auto event = events_.extract(events_.begin());
            now_ = event.key().first;
            event.mapped()();
        }
        now_ = when;
    }
    void finish_computations() {
        for (auto& [work, done] : std::exchange(computations_, {})) {
            work();
            done();
        }
    }
    [[nodiscard]] std::size_t pending() const { return events_.size(); }
    bool hold_computations = false;

  private:
    Nanoseconds now_{};
    Id last_ = 0;
    std::map<std::pair<Nanoseconds, Id>, std::function<void()>> events_;
    std::vector<std::pair<std::function<void()>, std::function<void()>>> computations_;
};

/// Memory that begins at an address; everything else is refused.
class FakeMemory : public Dma {
  public:
    FakeMemory(std::uint64_t base, std::size_t size) : base_{base}, bytes(size) {}
    [[nodiscard]] Result<std::span<std::byte>> slice(std::uint64_t address,
                                                     std::uint64_t length) const override {
        if (address < base_ || length > bytes.size() || address - base_ > bytes.size() - length)
            return fail_errno("reach", "memory", EFAULT);
        return std::span{bytes}.subspan(address - base_, length);
    }

  private:
    std::uint64_t base_;

  public:
    mutable std::vector<std::byte> bytes;
};

class KeptLog : public EventLog {
  public:
    void event(std::string_view device, std::string_view text) override {
        events.push_back(std::string{device} + ": " + std::string{text});
    }
    void driver_bug(std::string_view device, std::string_view text) override {
        bugs.push_back(std::string{device} + ": " + std::string{text});
    }
    std::vector<std::string> events, bugs;
};

class KeptLine : public InterruptLine {
  public:
    void set(bool level) override {
        if (level && !high) ++edges;
        high = level;
    }
    bool high = false;
    int edges = 0;
};

}  // namespace relfence::board::testing
