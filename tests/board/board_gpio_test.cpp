// SPDX-License-Identifier: MIT
#include <linux/virtio_gpio.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/interrupt_controller.hpp>

#include "board_fakes.hpp"
#include "board_port.hpp"

namespace relfence::board {
namespace {

using ::testing::IsEmpty;

constexpr auto ok = std::byte{VIRTIO_GPIO_STATUS_OK};
constexpr auto err = std::byte{VIRTIO_GPIO_STATUS_ERR};
constexpr auto valid = std::byte{VIRTIO_GPIO_IRQ_STATUS_VALID};
constexpr auto invalid = std::byte{VIRTIO_GPIO_IRQ_STATUS_INVALID};

struct Gpio : ::testing::Test {
    testing::KeptLog log;
    testing::FakePort port;
    InterruptController gpio{log, 3};

    Gpio() { gpio.connected(port); }
    /// @return status and value of the answer
    std::vector<std::byte> request(std::uint16_t type, std::uint16_t line,
                                   std::uint32_t value = 0) {
        virtio_gpio_request message{};
        message.type = type;
        message.gpio = line;
        message.value = value;
        gpio.on_chain(port.chain(0, testing::as_bytes(message), 2));
        EXPECT_EQ(port.completed.back().queue, 0U);
        EXPECT_EQ(port.completed.back().written, 2U);
        return port.answer(port.completed.back().head);
    }
    void set_type(std::uint16_t line, std::uint32_t type) {
        EXPECT_EQ(request(VIRTIO_GPIO_MSG_IRQ_TYPE, line, type)[0], ok);
        port.completed.clear();
    }
    void give_buffer(std::uint16_t line) {
        gpio.on_chain(port.chain(1, testing::as_bytes(virtio_gpio_irq_request{line}), 1));
    }
    /// Statuses of the buffers that came back since, all of the length that the driver insists on.
    std::vector<std::byte> returned() {
        std::vector<std::byte> statuses;
        for (const auto& done : port.completed) {
            EXPECT_EQ(done.queue, 1U);
            EXPECT_EQ(done.written, 1U);
            EXPECT_TRUE(done.called);
            statuses.push_back(port.answer(done.head)[0]);
        }
        port.completed.clear();
        return statuses;
    }
    using Statuses = std::vector<std::byte>;
};

TEST_F(Gpio, TellsItsLinesAndThatTheyInterrupt) {
    virtio_gpio_config config{};
    ASSERT_EQ(gpio.config().size(), sizeof config);
    std::memcpy(&config, gpio.config().data(), sizeof config);
    EXPECT_EQ(config.ngpio, 3);
    EXPECT_EQ(config.gpio_names_size, 0U);
    EXPECT_EQ(gpio.features(), 1U << VIRTIO_GPIO_F_IRQ);
    EXPECT_EQ(gpio.queues(), 2U);
}

TEST_F(Gpio, AHighLineReturnsItsBuffer) {
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH);
    give_buffer(1);
    EXPECT_EQ(returned(), Statuses{});
    gpio.line(0).set(true);
    EXPECT_EQ(returned(), Statuses{});
    gpio.line(1).set(true);
    EXPECT_EQ(returned(), Statuses{valid});
}

// handle_level_irq() masks, handles and unmasks, which gives the buffer again: a device that was
// not acknowledged must interrupt again, and one that was must not.
TEST_F(Gpio, ALineThatIsStillHighInterruptsAgain) {
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH);
    give_buffer(1);
    gpio.line(1).set(true);
    EXPECT_EQ(returned(), Statuses{valid});
    give_buffer(1);
    EXPECT_EQ(returned(), Statuses{valid});
    gpio.line(1).set(false);
    give_buffer(1);
    EXPECT_EQ(returned(), Statuses{});
    gpio.line(1).set(true);
    EXPECT_EQ(returned(), Statuses{valid});
}

TEST_F(Gpio, ALevelThatFellWithoutABufferIsNoInterrupt) {
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH);
    gpio.line(1).set(true);
    gpio.line(1).set(false);
    give_buffer(1);
    EXPECT_EQ(returned(), Statuses{});
}

TEST_F(Gpio, AnEdgeWithoutABufferIsRemembered) {
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_EDGE_RISING);
    gpio.line(1).set(true);
    gpio.line(1).set(false);
    give_buffer(1);
    EXPECT_EQ(returned(), Statuses{valid});
    give_buffer(1);
    EXPECT_EQ(returned(), Statuses{});
}

TEST_F(Gpio, ALowLineIsActiveForTypeLow) {
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_LEVEL_LOW);
    give_buffer(1);
    EXPECT_EQ(returned(), Statuses{valid});
}

TEST_F(Gpio, DisablingALineReturnsItsBufferAsInvalid) {
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH);
    give_buffer(1);
    EXPECT_EQ(request(VIRTIO_GPIO_MSG_IRQ_TYPE, 1, VIRTIO_GPIO_IRQ_TYPE_NONE)[0], ok);
    ASSERT_EQ(port.completed.size(), 2U);
    EXPECT_EQ(port.answer(port.completed[0].head)[0], invalid);
    gpio.line(1).set(true);
    EXPECT_EQ(port.completed.size(), 2U);
}

TEST_F(Gpio, ValuesAndDirectionsCanBeAsked) {
    gpio.line(2).set(true);
    EXPECT_EQ(request(VIRTIO_GPIO_MSG_GET_VALUE, 2), (Statuses{ok, std::byte{1}}));
    EXPECT_EQ(request(VIRTIO_GPIO_MSG_GET_VALUE, 1), (Statuses{ok, std::byte{0}}));
    EXPECT_EQ(request(VIRTIO_GPIO_MSG_GET_DIRECTION, 1),
              (Statuses{ok, std::byte{VIRTIO_GPIO_DIRECTION_IN}}));
    EXPECT_EQ(request(VIRTIO_GPIO_MSG_SET_DIRECTION, 1, VIRTIO_GPIO_DIRECTION_IN)[0], ok);
    EXPECT_THAT(log.bugs, IsEmpty());
}

TEST_F(Gpio, ALineOfADeviceCannotBeDriven) {
    EXPECT_EQ(request(VIRTIO_GPIO_MSG_SET_VALUE, 1, 1)[0], err);
    EXPECT_EQ(request(VIRTIO_GPIO_MSG_SET_DIRECTION, 1, VIRTIO_GPIO_DIRECTION_OUT)[0], err);
    EXPECT_EQ(log.bugs.size(), 2U);
}

TEST_F(Gpio, WhatIsNotThereIsRefusedAndComesBack) {
    EXPECT_EQ(request(VIRTIO_GPIO_MSG_GET_VALUE, 3)[0], err);
    EXPECT_EQ(request(77, 1)[0], err);
    gpio.on_chain(port.chain(0, {std::byte{1}}, 2));
    port.completed.clear();
    give_buffer(3);
    give_buffer(0);  // its interrupt is disabled
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH);
    give_buffer(1);
    port.completed.clear();
    give_buffer(1);  // it has one
    EXPECT_EQ(returned(), Statuses{invalid});
    EXPECT_EQ(log.bugs.size(), 6U);
}

TEST_F(Gpio, ANewQueueForgetsItsBuffers) {
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH);
    give_buffer(1);
    gpio.queue_reset(1);
    gpio.line(1).set(true);
    EXPECT_EQ(returned(), Statuses{});
    give_buffer(1);
    EXPECT_EQ(returned(), Statuses{valid});
}

TEST_F(Gpio, ALineMaySwitchWithoutAGuest) {
    set_type(1, VIRTIO_GPIO_IRQ_TYPE_LEVEL_HIGH);
    give_buffer(1);
    gpio.disconnected();
    gpio.line(1).set(true);
    EXPECT_THAT(port.completed, IsEmpty());
}

}  // namespace
}  // namespace relfence::board
