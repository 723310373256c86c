// SPDX-License-Identifier: MIT
#include "jobs/stateful_decoder.hpp"

#include <algorithm>
#include <poll.h>
#include <utility>

#include <relfence/v4l2/device.hpp>

namespace relfence::jobs {
namespace {

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
          memory_{memory} {}

    Result<void> start(unsigned depth) {
        capture_ = {};
        output_ = {};
        queued_ = 0;
        auto video = open_();
        if (!video) return tl::make_unexpected(video.error());
        video_ = std::move(*video);
        v4l2_event_subscription changes{};
        changes.type = V4L2_EVENT_SOURCE_CHANGE;
        if (auto ok = v4l2::call(video_.get(), VIDIOC_SUBSCRIBE_EVENT, &changes,
                                 "VIDIOC_SUBSCRIBE_EVENT");
            !ok)
            return ok;
        if (auto ok = v4l2::set_format(video_.get(), output_type_,
                                       {stream_.coded_format, stream_.width, stream_.height});
            !ok)
            return tl::make_unexpected(ok.error());
        auto coded = v4l2::Stream::create(video_.get(), output_type_, depth);
        if (!coded) return tl::make_unexpected(coded.error());
        output_ = std::move(*coded);
        filled_.assign(output_.size(), {});
        for (unsigned i = 0; stream_.fixed && i < output_.size(); ++i)
            if (auto ok = fill(i); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = read_head(); !ok) return ok;
        const auto picture = v4l2::set_format(video_.get(), capture_type_,
                                              {stream_.raw_format, stream_.width, stream_.height});
        if (!picture) return tl::make_unexpected(picture.error());
        auto frames =
            make_capture(video_.get(), capture_type_, depth, memory_, stream_.picture_size);
        if (!frames) return tl::make_unexpected(frames.error());
        capture_ = std::move(*frames);
        return decode_head();
    }

    /// With nothing queued there is nothing to do: frame 0 needs no other.
    Result<void> rewind() override { return queued_ == 0 ? Result<void>{} : start(depth()); }
    Result<void> feed(unsigned index, bool /*hold_capture*/) override {
        if (auto ok = queue_coded(index); !ok) return ok;
        ++queued_;
        return {};
    }
    Result<void> finish() override {
        --queued_;
        return take_back();
    }
    bool spoil() override {
        broken_ = stream_.broken_frame != nullptr;
        return broken_;
    }

  private:
    /// The decoder tells the size of the pictures only when it has seen the head of the stream.
    Result<void> read_head() {
        if (auto ok = output_.on(); !ok) return ok;
        if (auto ok = queue_coded(0); !ok) return ok;
        constexpr int patience_ms = 2000;
        pollfd waiting{video_.get(), POLLPRI, 0};
        if (::poll(&waiting, 1, patience_ms) < 0) return fail_errno("poll", name_);
        v4l2_event event{};
        return v4l2::call(video_.get(), VIDIOC_DQEVENT, &event, "VIDIOC_DQEVENT");
    }
    /// Decodes the frame that read_head() left queued, so that submit() starts from nothing.
    Result<void> decode_head() {
        if (auto ok = capture_.on(); !ok) return ok;
        if (auto ok = capture_.queue(0, {}); !ok) return ok;
        return take_back();
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
        return output_.queue(index % output_.size(), {.used = *size});
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
    std::vector<Filled> filled_;
    bool broken_ = false;
    unsigned queued_ = 0;  // jobs between feed and finish
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
