// SPDX-License-Identifier: MIT
#include "jobs/converter.hpp"

#include <utility>

#include <relfence/v4l2/device.hpp>

namespace relfence::jobs {
namespace {

class Converter final : public QueuePair {
  public:
    Converter(UniqueFd video, std::string name) : QueuePair{std::move(video), std::move(name)} {}

    Result<void> start(const Conversion& conversion, unsigned depth, const Memory& memory) {
        const auto size = set_formats(conversion);
        if (!size) return tl::make_unexpected(size.error());
        auto input = v4l2::Stream::create(video_.get(), conversion.output, depth);
        if (!input) return tl::make_unexpected(input.error());
        output_ = std::move(*input);
        draw();
        auto frames = make_capture(video_.get(), conversion.capture, depth, memory, *size);
        if (!frames) return tl::make_unexpected(frames.error());
        capture_ = std::move(*frames);
        return rewind();
    }

    Result<void> feed(unsigned index, bool /*hold_capture*/) override {
        const unsigned slot = index % depth();
        return output_.queue(slot, {.used = output_.memory(slot).size()});
    }

  private:
    /// @return bytes of a CAPTURE buffer
    Result<std::size_t> set_formats(const Conversion& conversion) {
        const auto set = [&](v4l2_buf_type type, std::uint32_t pixels) {
            return v4l2::set_format(video_.get(), type,
                                    {pixels, conversion.width, conversion.height});
        };
        if (conversion.encode)
            if (auto ok = choose_coded(conversion); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = set(conversion.output, conversion.from); !ok)
            return tl::make_unexpected(ok.error());
        // The raw format decides how large a coded picture can get.
        const auto made = conversion.encode ? v4l2::get_format(video_.get(), conversion.capture)
                                            : set(conversion.capture, conversion.to);
        if (!made) return tl::make_unexpected(made.error());
        return made->size;
    }

    /// Some encoders take the size of their buffers from here, others from the raw pictures.
    [[nodiscard]] Result<void> choose_coded(const Conversion& conversion) const {
        const std::size_t size = std::size_t{conversion.width} * conversion.height * 2;
        const auto coded =
            v4l2::set_pixel_format(video_.get(), conversion.capture,
                                   {conversion.to, conversion.width, conversion.height, size});
        if (!coded) return tl::make_unexpected(coded.error());
        return {};
    }

    /// Inputs that differ from each other and from those of other converters of this process, with
    /// no byte that a cleared buffer has; smooth, since an encoder's buffer is not made for noise.
    void draw() const {
        static unsigned picture = 0;
        for (unsigned slot = 0; slot < output_.size(); ++slot, ++picture) {
            unsigned at = 0;
            for (std::uint8_t& byte : output_.memory(slot))
                byte = static_cast<std::uint8_t>(1 + (at++ / 4096 + 37 * picture) % 250);
        }
    }
};

}  // namespace

Result<std::unique_ptr<QueuePair>> open_converter(UniqueFd video, std::string name,
                                                  const Conversion& conversion, unsigned depth,
                                                  const Memory& memory) {
    auto jobs = std::make_unique<Converter>(std::move(video), std::move(name));
    if (auto ok = jobs->start(conversion, depth, memory); !ok)
        return tl::make_unexpected(ok.error());
    return std::unique_ptr<QueuePair>{std::move(jobs)};
}

}  // namespace relfence::jobs
