// SPDX-License-Identifier: MIT
#include <cstring>
#include <linux/virtio_gpio.h>

#include <fmt/format.h>

#include <relfence/board/interrupt_controller.hpp>

namespace relfence::board {
namespace {

constexpr std::size_t request_queue = 0;
constexpr std::size_t event_queue = 1;

}  // namespace

/// A line as device and guest see it.
class InterruptController::Line final : public InterruptLine {
  public:
    explicit Line(InterruptController& owner) : owner_{owner} {}

    void set(bool level) override {
        if (level == high) return;
        high = level;
        // A level that fell again before the guest took it is no interrupt; an edge is one.
        const bool edge = level ? type == VIRTIO_GPIO_IRQ_TYPE_EDGE_RISING ||
                                      type == VIRTIO_GPIO_IRQ_TYPE_EDGE_BOTH
                                : type == VIRTIO_GPIO_IRQ_TYPE_EDGE_FALLING ||
                                      type == VIRTIO_GPIO_IRQ_TYPE_EDGE_BOTH;
        if (edge) edge_pending = true;
        owner_.check(*this);
    }
    [[nodiscard]] bool active() const {
        switch (type) {
            case VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH:
                return high;
            case VIRTIO_GPIO_IRQ_TYPE_LEVEL_LOW:
                return !high;
            default:
                return edge_pending;
        }
    }

    bool high = false;
    std::uint8_t type = VIRTIO_GPIO_IRQ_TYPE_NONE;
    bool edge_pending = false;
    std::optional<vhost::Chain> buffer;

  private:
    InterruptController& owner_;
};

InterruptController::InterruptController(EventLog& log, std::uint16_t lines) : log_{log} {
    virtio_gpio_config config{};
    config.ngpio = lines;
    static_assert(sizeof config == sizeof config_);
    std::memcpy(config_.data(), &config, sizeof config);
    for (std::uint16_t i = 0; i < lines; ++i) lines_.push_back(std::make_unique<Line>(*this));
}

InterruptController::~InterruptController() = default;

std::uint64_t InterruptController::features() const {
    return std::uint64_t{1} << VIRTIO_GPIO_F_IRQ;
}

InterruptLine& InterruptController::line(std::size_t number) {
    return *lines_.at(number);
}

void InterruptController::reset() {
    for (const auto& line : lines_) {
        line->high = false;
        line->type = VIRTIO_GPIO_IRQ_TYPE_NONE;
        line->edge_pending = false;
        line->buffer.reset();
    }
}

void InterruptController::give_back(Line& line, std::uint8_t status) {
    vhost::Chain chain = std::move(*line.buffer);
    line.buffer.reset();
    const virtio_gpio_irq_response response{status};
    const std::size_t written = chain.write(std::as_bytes(std::span{&response, 1}));
    port_->complete(std::move(chain), written);
}

void InterruptController::check(Line& line) {
    if (!line.buffer || !line.active()) return;
    line.edge_pending = false;
    give_back(line, VIRTIO_GPIO_IRQ_STATUS_VALID);
}

void InterruptController::on_chain(vhost::Chain chain) {
    chain.queue() == request_queue ? request(std::move(chain)) : event(std::move(chain));
}

void InterruptController::request(vhost::Chain chain) {
    virtio_gpio_request request{};
    virtio_gpio_response response{VIRTIO_GPIO_STATUS_ERR, 0};
    const bool whole = chain.read(std::as_writable_bytes(std::span{&request, 1})) == sizeof request;
    if (!whole || request.gpio >= lines_.size()) {
        log_.driver_bug(name(), fmt::format("request {} for line {}, which is not there",
                                            request.type, request.gpio));
    } else {
        Line& line = *lines_[request.gpio];
        response.status = VIRTIO_GPIO_STATUS_OK;
        switch (request.type) {
            case VIRTIO_GPIO_MSG_GET_DIRECTION:
                // Devices drive their lines, whatever the guest wants.
                response.value = VIRTIO_GPIO_DIRECTION_IN;
                break;
            case VIRTIO_GPIO_MSG_GET_VALUE:
                response.value = line.high ? 1 : 0;
                break;
            case VIRTIO_GPIO_MSG_SET_DIRECTION:
                if (request.value != VIRTIO_GPIO_DIRECTION_OUT) break;
                [[fallthrough]];
            case VIRTIO_GPIO_MSG_SET_VALUE:
                log_.driver_bug(name(), fmt::format("line {} is an interrupt of a device: it "
                                                    "cannot be driven",
                                                    request.gpio));
                response.status = VIRTIO_GPIO_STATUS_ERR;
                break;
            case VIRTIO_GPIO_MSG_IRQ_TYPE:
                line.type = static_cast<std::uint8_t>(request.value);
                line.edge_pending = false;
                // The specification has the buffer of a disabled line back with this status.
                if (line.type == VIRTIO_GPIO_IRQ_TYPE_NONE && line.buffer)
                    give_back(line, VIRTIO_GPIO_IRQ_STATUS_INVALID);
                break;
            default:
                log_.driver_bug(name(), fmt::format("request of kind {}", request.type));
                response.status = VIRTIO_GPIO_STATUS_ERR;
                break;
        }
    }
    const std::size_t written = chain.write(std::as_bytes(std::span{&response, 1}));
    port_->complete(std::move(chain), written);
}

void InterruptController::event(vhost::Chain chain) {
    virtio_gpio_irq_request request{};
    const bool whole = chain.read(std::as_writable_bytes(std::span{&request, 1})) == sizeof request;
    Line* line = whole && request.gpio < lines_.size() ? lines_[request.gpio].get() : nullptr;
    if (line == nullptr || line->buffer || line->type == VIRTIO_GPIO_IRQ_TYPE_NONE) {
        log_.driver_bug(name(), fmt::format("buffer for line {}: {}", request.gpio,
                                            line == nullptr ? "there is no such line"
                                            : line->buffer  ? "it has one"
                                                            : "its interrupt is disabled"));
        const virtio_gpio_irq_response response{VIRTIO_GPIO_IRQ_STATUS_INVALID};
        const std::size_t written = chain.write(std::as_bytes(std::span{&response, 1}));
        return port_->complete(std::move(chain), written);
    }
    line->buffer = std::move(chain);
    check(*line);
}

void InterruptController::queue_reset(std::size_t queue) {
    if (queue != event_queue) return;
    for (const auto& line : lines_) line->buffer.reset();
}

void InterruptController::disconnected() {
    queue_reset(event_queue);
    port_ = nullptr;
}

}  // namespace relfence::board
