// SPDX-License-Identifier: MIT
#include "viewing/display_viewing.hpp"

#include <drm_fourcc.h>
#include <map>
#include <poll.h>
#include <utility>

namespace relfence::viewing {
namespace {

using Clock = std::chrono::steady_clock;

/// Longer than a job and a few frame times; a flip that takes longer does not come.
constexpr std::chrono::milliseconds patience{3000};
/// Many frame times: a capture that takes longer was lost, see show_one().
constexpr std::chrono::milliseconds capture_patience{500};
constexpr unsigned attempts = 4;

std::int64_t since(Clock::time_point start) {
    return std::chrono::nanoseconds{Clock::now() - start}.count();
}

/// Whether @p fence signals in time.
Result<bool> signals(const UniqueFd& fence, std::chrono::milliseconds timeout) {
    pollfd waiting{fence.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return fail_errno("poll", "writeback fence");
    return ready > 0;
}

/// The display with what it needs to show frames and to see what it shows.
class Screen {
  public:
    /// Switches @p display on, with a black picture.
    static Result<Screen> open(kms::Device& display) {
        if (!display.has_writeback()) return fail("has no writeback connector", "display");
        auto black = display.create_dumb(DRM_FORMAT_XRGB8888);
        if (!black) return tl::make_unexpected(black.error());
        auto capture = display.create_dumb(DRM_FORMAT_XRGB8888);
        if (!capture) return tl::make_unexpected(capture.error());
        Screen screen{display, std::move(*black), std::move(*capture)};
        const auto on = display.commit({.show = &screen.black_, .modeset = true});
        if (!on) return tl::make_unexpected(on.error());
        return screen;
    }
    /// Takes the producer's frames off the screen before their framebuffers go.
    Result<void> blank() {
        const auto done = display_->commit({.show = &black_});
        if (!done) return tl::make_unexpected(done.error());
        return {};
    }
    /// The framebuffer around a CAPTURE buffer, made when it is first handed over.
    Result<const kms::Framebuffer*> import(const Handover& handover, std::uint32_t stride) {
        const auto known = imported_.find(handover.buffer);
        if (known != imported_.end()) return &known->second;
        auto made = display_->import(handover.dma_buf, DRM_FORMAT_XRGB8888, stride);
        if (!made) return tl::make_unexpected(made.error());
        return &imported_.emplace(handover.buffer, std::move(*made)).first->second;
    }
    Result<kms::Committed> show(const kms::Framebuffer& frame) {
        return display_->commit({.show = &frame, .writeback = &capture_, .nonblock = true});
    }
    Result<void> wait_flip() { return display_->wait_flip(patience); }
    /// What a viewer saw, once the capture is complete.
    [[nodiscard]] image::FrameView captured() const {
        return {image::Layout::xrgb8888,
                display_->width(),
                display_->height(),
                {capture_.pixels(), capture_.size()}};
    }

  private:
    Screen(kms::Device& display, kms::Framebuffer black, kms::Framebuffer capture)
        : display_{&display}, black_{std::move(black)}, capture_{std::move(capture)} {}

    kms::Device* display_;
    kms::Framebuffer black_;
    kms::Framebuffer capture_;
    std::map<unsigned, kms::Framebuffer> imported_;
};

/// Submits frame @p index, shows it, takes it off the screen again, and judges what was shown.
/// @return false when the capture was lost: nothing was counted, and the frame may be tried again
///
/// vkms switches its composer off when it cleans up after a capture, in a work item that may run
/// after the next commit has switched it on; that commit's capture then never completes. Showing
/// black for a frame time in between keeps the two apart, and a lost capture is not a wrong one.
Result<bool> show_one(Producer& producer, Screen& screen, unsigned index, const image::Frame& right,
                      DisplayViewing& result) {
    // Cleared, so that what the producer has not written yet is black on the screen.
    const auto handover = producer.submit(index, Before::zeros);
    if (!handover) return tl::make_unexpected(handover.error());
    const auto start = Clock::now();
    const auto frame = screen.import(*handover, image::row_bytes(right.layout, right.width));
    if (!frame) return tl::make_unexpected(frame.error());
    const auto before_commit = Clock::now();
    const auto committed = screen.show(**frame);
    if (!committed) return tl::make_unexpected(committed.error());
    const std::int64_t commit_ns = since(before_commit);
    if (auto flipped = screen.wait_flip(); !flipped) return tl::make_unexpected(flipped.error());
    const std::int64_t flip_ns = since(start);
    const auto was_over = producer.finished();
    if (!was_over) return tl::make_unexpected(was_over.error());
    const auto captured = signals(committed->writeback_fence, capture_patience);
    if (!captured) return captured;
    image::Frame seen = image::Frame::copy(screen.captured());
    if (auto ok = producer.finish(); !ok) return tl::make_unexpected(ok.error());
    if (auto ok = screen.blank(); !ok) return tl::make_unexpected(ok.error());
    if (!*captured) return false;

    result.commit_ns.push_back(commit_ns);
    result.flip_ns.push_back(flip_ns);
    if (*was_over) ++result.waited;
    const auto difference = image::compare(seen.view(), right.view());
    if (!difference) return tl::make_unexpected(difference.error());
    Viewing& viewing = result.viewing;
    ++viewing.frames;
    if (difference->none()) return true;
    ++viewing.differ;
    viewing.differing_pixels.push_back(static_cast<std::int64_t>(difference->pixels));
    // The fewer pixels are wrong, the better the picture shows that it is torn.
    if (!viewing.worst || difference->pixels < viewing.worst->difference.pixels)
        viewing.worst = WrongFrame{index, *difference, std::move(seen), right};
    return true;
}

}  // namespace

Result<DisplayViewing> watch_on_display(Producer& producer, kms::Device& display,
                                        const std::vector<image::Frame>& reference) {
    auto screen = Screen::open(display);
    if (!screen) return tl::make_unexpected(screen.error());
    if (auto ok = producer.rewind(); !ok) return tl::make_unexpected(ok.error());
    DisplayViewing result;
    for (unsigned index = 0; index < reference.size(); ++index) {
        bool captured = false;
        for (unsigned attempt = 0; attempt < attempts && !captured; ++attempt) {
            const auto shown = show_one(producer, *screen, index, reference[index], result);
            if (!shown) return tl::make_unexpected(shown.error());
            captured = *shown;
            if (!captured) ++result.lost_captures;
        }
        if (!captured) return fail_errno("capture what it shows", "display", ETIMEDOUT);
    }
    return result;
}

}  // namespace relfence::viewing
