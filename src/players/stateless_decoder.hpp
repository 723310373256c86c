// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include <relfence/base/unique_fd.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

#include "players/memory.hpp"
#include "viewing/producer.hpp"

namespace relfence::players {

/// What all decoders with the request API have in common: both queues, and a request for each slot,
/// used again when its job is taken back. A class that derives from it sets the formats and fills
/// in the frame. Not thread-safe. Source:
/// Documentation/userspace-api/media/v4l/dev-stateless-decoder.rst.
class StatelessDecoder : public viewing::Producer {
  public:
    /// @param name of the driver, for errors @param media the node where requests are allocated
    StatelessDecoder(std::string name, UniqueFd video, UniqueFd media);

    [[nodiscard]] unsigned depth() const override;
    Result<void> rewind() override;
    Result<void> finish() override;
    Result<bool> finished() override;
    Result<UniqueFd> export_again(unsigned buffer) override;

  protected:
    /// Allocates buffers and requests and starts streaming; the formats are set.
    /// @param size bytes of a CAPTURE buffer
    [[nodiscard]] Result<void> start(unsigned depth, const Memory& memory, std::size_t size);
    /// Queues the job of a slot, whose coded buffer and request are filled.
    /// @param used bytes of the coded buffer @param timestamp in us
    [[nodiscard]] Result<viewing::Handover> queue(unsigned slot, std::size_t used,
                                                  unsigned timestamp, viewing::Before before);

    [[nodiscard]] int video() const { return video_.get(); }
    [[nodiscard]] const v4l2::Request& request(unsigned slot) const { return requests_[slot]; }
    [[nodiscard]] v4l2::Stream& coded() { return coded_; }

  private:
    /// Makes the request of the oldest job usable again.
    Result<void> recycle_oldest();

    std::string name_;
    UniqueFd video_;
    UniqueFd media_;
    v4l2::Stream coded_;
    v4l2::Stream frames_;
    std::vector<v4l2::Request> requests_;
    std::deque<unsigned> queued_;  // slots between submit and finish, oldest first
};

}  // namespace relfence::players
