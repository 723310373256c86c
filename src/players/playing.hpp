// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include "jobs/queue_pair.hpp"
#include "viewing/producer.hpp"

namespace relfence::players {

/// A device at work whose frames somebody knows: all of viewing::Producer but how they look.
class Playing : public viewing::Producer {
  public:
    explicit Playing(std::unique_ptr<jobs::QueuePair> jobs) : jobs_{std::move(jobs)} {}

    [[nodiscard]] unsigned depth() const override { return jobs_->depth(); }
    Result<void> rewind() override { return jobs_->rewind(); }
    Result<viewing::Handover> submit(unsigned index, viewing::Before before) override {
        return jobs_->submit(index, before);
    }
    Result<void> finish() override { return jobs_->finish(); }
    Result<bool> finished() override { return jobs_->finished(); }
    Result<UniqueFd> export_again(unsigned buffer) override { return jobs_->export_again(buffer); }

  private:
    std::unique_ptr<jobs::QueuePair> jobs_;
};

}  // namespace relfence::players
