// SPDX-License-Identifier: MIT
#include "jobs/stateful_decoder.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <poll.h>
#include <utility>

#include <relfence/v4l2/device.hpp>

namespace relfence::jobs {
namespace {

using namespace std::chrono_literals;

/// For the size of the pictures, and then for the first of them.
constexpr std::chrono::milliseconds patience_for_head = 2s;

class StatefulDecoder final : public QueuePair {
  public:
    StatefulDecoder(std::function<Result<UniqueFd>()> open, std::string name, bool multiplanar,
                    CodedStream stream, const Memory& memory)
        : QueuePair{UniqueFd{}, std::move(name)},
          open_{std::move(open)},
          output_type_{multiplanar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE
                                   : V4L2_BUF_TYPE_VIDEO_OUTPUT},
          capture_type_{multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
                                    : V4L2_BUF_TYPE_VIDEO_CAPTURE},
          stream_{std::move(stream)},
          memory_{memory},
          drains_{stream_.drain} {}

    Result<void> start(unsigned depth) {
        capture_ = {};
        output_ = {};
        idle_.clear();
        given_.clear();
        promised_.clear();
        jobs_ = draining_ = 0;
        auto video = open_();
        if (!video) return tl::make_unexpected(video.error());
        video_ = std::move(*video);
        // Each in its turn, without delay. Few decoders have it; the others need not be told.
        control(V4L2_CID_MPEG_VIDEO_DEC_DISPLAY_DELAY, 0);
        control(V4L2_CID_MPEG_VIDEO_DEC_DISPLAY_DELAY_ENABLE, 1);
        if (auto ok = make_output(depth); !ok) return ok;
        if (auto ok = read_head(); !ok) return ok;
        if (auto ok = make_pictures(depth); !ok) return ok;
        return decode_head();
    }

    /// A job that waits for a drain has no buffer for sure.
    [[nodiscard]] unsigned depth() const override { return drains_ ? 1 : depth_; }
    /// With nothing queued there is nothing to do: frame 0 needs no other.
    Result<void> rewind() override { return promised_.empty() ? Result<void>{} : start(depth_); }
    Result<Handover> offer(unsigned index, Before before) override {
        if (idle_.empty()) return fail("has no buffer left", name_);
        prepare(idle_.front(), index, before);
        if (auto ok = give(); !ok) return tl::make_unexpected(ok.error());
        const unsigned slot = given_[promised_.size()];
        promised_.push_back(slot);
        return Handover{slot, capture_.dma_buf(slot), capture_.memory(slot)};
    }
    Result<void> feed(unsigned index, bool /*hold_capture*/) override {
        if (auto ok = queue_coded(index); !ok) return ok;
        ++jobs_;
        return drains_ && jobs_ == 1 ? stop() : Result<void>{};
    }
    Result<void> finish() override {
        const auto frame = take_frame();
        if (!frame) return tl::make_unexpected(frame.error());
        if (promised_.front() != frame->index) return tl::make_unexpected(order_of_its_own());
        promised_.pop_front();
        --jobs_;
        if (auto ok = take_input_back(); !ok) return ok;
        if (draining_ != 0 && --draining_ == 0)
            if (auto ok = end_of_drain(frame->last); !ok) return ok;
        if (frame->error) return tl::make_unexpected(failed_job());
        return {};
    }
    bool spoil() override {
        broken_ = stream_.broken_frame != nullptr;
        return broken_;
    }
    [[nodiscard]] bool may_drop_frames() const override { return true; }

  private:
    void control(std::uint32_t id, std::int32_t value) const {
        v4l2_control control{id, value};
        static_cast<void>(v4l2::call(video_.get(), VIDIOC_S_CTRL, &control, "VIDIOC_S_CTRL"));
    }

    Result<void> make_output(unsigned depth) {
        // More than any frame takes. A decoder may well know better.
        const std::size_t size = std::size_t{stream_.width} * stream_.height * 2;
        if (auto ok =
                v4l2::set_pixel_format(video_.get(), output_type_,
                                       {stream_.coded_format, stream_.width, stream_.height, size});
            !ok)
            return tl::make_unexpected(ok.error());
        auto coded = v4l2::Stream::create(video_.get(), output_type_, depth);
        if (!coded) return tl::make_unexpected(coded.error());
        output_ = std::move(*coded);
        filled_.assign(output_.size(), {});
        for (unsigned i = 0; stream_.fixed && i < output_.size(); ++i)
            if (auto ok = fill(i); !ok) return tl::make_unexpected(ok.error());
        return {};
    }

    /// The decoder tells the size of the pictures only when it has seen the head of the stream.
    Result<void> read_head() {
        v4l2_event_subscription changes{};
        changes.type = V4L2_EVENT_SOURCE_CHANGE;
        const bool tells =
            v4l2::call(video_.get(), VIDIOC_SUBSCRIBE_EVENT, &changes, "VIDIOC_SUBSCRIBE_EVENT")
                .has_value();
        if (auto ok = output_.on(); !ok) return ok;
        if (auto ok = queue_coded(0); !ok) return ok;
        if (!tells) return {};
        const auto end = std::chrono::steady_clock::now() + patience_for_head;
        for (auto now = end - patience_for_head; now < end;
             now = std::chrono::steady_clock::now()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
            pollfd waiting{video_.get(), POLLPRI, 0};
            if (::poll(&waiting, 1, static_cast<int>(left.count())) < 0)
                return fail_errno("poll", name_);
            // POLLERR alone: an older driver that has nothing to say.
            if ((waiting.revents & POLLPRI) == 0) break;
            v4l2_event event{};
            if (auto ok = v4l2::call(video_.get(), VIDIOC_DQEVENT, &event, "VIDIOC_DQEVENT"); !ok)
                return ok;
            if (event.type == V4L2_EVENT_SOURCE_CHANGE) break;
        }
        return {};
    }

    Result<void> make_pictures(unsigned depth) {
        auto picture = v4l2::get_format(video_.get(), capture_type_);
        if (!picture) return tl::make_unexpected(picture.error());
        if (picture->width == 0 || picture->height == 0 || picture->size == 0)
            return fail_errno("wait for the size of the pictures", name_, ETIMEDOUT);
        if (stream_.raw_format != 0) {
            picture = v4l2::set_pixel_format(video_.get(), capture_type_,
                                             {stream_.raw_format, picture->width, picture->height});
            if (!picture) return tl::make_unexpected(picture.error());
        }
        if (picture->planes != 1)
            return tl::make_unexpected(
                cannot_use(name_, "it spreads a picture over several buffers"));
        v4l2_control least{V4L2_CID_MIN_BUFFERS_FOR_CAPTURE, 0};
        if (!v4l2::call(video_.get(), VIDIOC_G_CTRL, &least, "VIDIOC_G_CTRL") || least.value < 1)
            least.value = 1;
        const unsigned spares = std::max(stream_.spares, static_cast<unsigned>(least.value) - 1);
        auto frames =
            make_capture(video_.get(), capture_type_, depth + spares, memory_, picture->size);
        if (!frames) return tl::make_unexpected(frames.error());
        capture_ = std::move(*frames);
        if (capture_.size() <= spares) return fail_errno("VIDIOC_REQBUFS", name_, ENOMEM);
        depth_ = std::min({depth, output_.size(), capture_.size() - spares});
        for (unsigned slot = 0; slot < capture_.size(); ++slot) idle_.push_back(slot);
        return {};
    }

    /// Decodes the frame that read_head() left queued, so that submit() starts from nothing but the
    /// spare buffers.
    Result<void> decode_head() {
        if (auto ok = capture_.on(); !ok) return ok;
        while (idle_.size() >= depth_)
            if (auto ok = give(); !ok) return ok;
        jobs_ = 1;
        promised_.push_back(given_.front());
        if (!drains_) {
            const auto comes = capture_.ready(patience_for_head);
            if (!comes) return tl::make_unexpected(comes.error());
            drains_ = !*comes;
        }
        if (drains_)
            if (auto ok = stop(); !ok) return ok;
        if (auto ok = finish(); !ok) return ok;
        std::ranges::sort(idle_);
        return {};
    }

    Result<void> give() {
        const unsigned slot = idle_.front();
        if (auto ok = capture_.queue(slot, {}); !ok) return ok;
        idle_.pop_front();
        given_.push_back(slot);
        return {};
    }
    Result<v4l2::Stream::Dequeued> take_frame() {
        auto frame = capture_.dequeue();
        if (!frame) return frame;
        if (std::erase(given_, frame->index) != 1) return fail("gave a buffer twice", name_);
        idle_.push_back(frame->index);
        return frame;
    }

    Result<void> command(std::uint32_t what) const {
        v4l2_decoder_cmd command{};
        command.cmd = what;
        return v4l2::call(video_.get(), VIDIOC_DECODER_CMD, &command, "VIDIOC_DECODER_CMD");
    }
    /// What is queued by now shall come out, whatever may follow.
    Result<void> stop() {
        draining_ = jobs_;
        return command(V4L2_DEC_CMD_STOP);
    }
    /// All frames from before stop() are there. @param last the decoder has said so with the frame
    Result<void> end_of_drain(bool last) {
        const std::size_t spares = given_.size() - promised_.size();
        while (!last) {
            // It is said with a buffer of its own.
            if (given_.empty())
                if (auto ok = give(); !ok) return ok;
            const auto end = take_frame();
            if (!end && end.error().code == EPIPE) break;
            if (!end) return tl::make_unexpected(end.error());
            last = end->last;
        }
        if (auto ok = resume(); !ok) return ok;
        while (given_.size() < spares + promised_.size())
            if (auto ok = give(); !ok) return ok;
        return jobs_ != 0 ? stop() : Result<void>{};
    }
    Result<void> resume() {
        if (auto ok = command(V4L2_DEC_CMD_START); !ok) return ok;
        // There can be no frame. Some drivers say for ever that the last one was taken, vicodec of
        // Linux 6.12 among them: v4l2_m2m_decoder_cmd() clears what vicodec_decoder_cmd() asks for
        // after it. The other way to resume helps.
        const auto said_again = capture_.ready(0ms);
        if (!said_again) return tl::make_unexpected(said_again.error());
        if (jobs_ != 0 || !*said_again) return {};
        if (auto ok = capture_.off(); !ok) return ok;
        for (const unsigned slot : given_)
            if (auto ok = capture_.queue(slot, {}); !ok) return ok;
        return capture_.on();
    }

    [[nodiscard]] Error order_of_its_own() const {
        return cannot_use(name_,
                          "it writes buffers in an order of its own: which one a job writes is not "
                          "known before the job is over");
    }

    /// Puts a frame into its OUTPUT buffer, which then need not be done between two jobs.
    Result<std::size_t> fill(unsigned index) {
        const unsigned slot = index % output_.size();
        Filled& filled = filled_[slot];
        if (stream_.fixed && filled.index == index && filled.broken == broken_ && filled.size != 0)
            return filled.size;
        const auto data = broken_ ? stream_.broken_frame(index) : stream_.frame(index);
        if (data.empty()) return fail("has no more frames", "stream");
        if (data.size() > output_.memory(slot).size()) return fail("is too small", "coded buffer");
        std::ranges::copy(data, output_.memory(slot).begin());
        filled = {index, broken_, data.size()};
        return filled.size;
    }
    Result<void> queue_coded(unsigned index) {
        const auto size = fill(index);
        if (!size) return tl::make_unexpected(size.error());
        return output_.queue(index % output_.size(), {.used = *size, .timestamp = index});
    }

    /// What is in an OUTPUT buffer.
    struct Filled {
        unsigned index = 0;
        bool broken = false;
        std::size_t size = 0;  ///< 0: nothing
    };

    std::function<Result<UniqueFd>()> open_;
    v4l2_buf_type output_type_;
    v4l2_buf_type capture_type_;
    CodedStream stream_;
    Memory memory_;
    bool drains_;
    unsigned depth_ = 0;
    std::vector<Filled> filled_;
    bool broken_ = false;
    // CAPTURE buffers: ours, the driver's in the order in which it got them, and those of them that
    // were said to be the next jobs'.
    std::deque<unsigned> idle_;
    std::deque<unsigned> given_;
    std::deque<unsigned> promised_;
    unsigned jobs_ = 0;      // between feed and finish
    unsigned draining_ = 0;  // of these, before the last stop()
};

}  // namespace

Result<std::unique_ptr<QueuePair>> open_stateful(std::function<Result<UniqueFd>()> open,
                                                 std::string name, bool multiplanar,
                                                 CodedStream stream, unsigned depth,
                                                 const Memory& memory) {
    auto decoder = std::make_unique<StatefulDecoder>(std::move(open), std::move(name), multiplanar,
                                                     std::move(stream), memory);
    if (auto ok = decoder->start(depth); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<QueuePair>{std::move(decoder)};
}

}  // namespace relfence::jobs
