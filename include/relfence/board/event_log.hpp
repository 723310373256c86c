// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include <relfence/board/device_model.hpp>

namespace relfence::board {

/// Events as lines of text: "    12.345678 vdpu: job 3 started". Board thread only.
class TextLog final : public EventLog {
  public:
    /// @param path of the file to write anew; "-" for standard error, empty for nowhere (bugs are
    ///        counted all the same)
    [[nodiscard]] static Result<std::unique_ptr<TextLog>> open(const std::string& path);
    ~TextLog() override;
    TextLog(const TextLog&) = delete;
    TextLog& operator=(const TextLog&) = delete;

    /// @param now what the board's clock says; lines before have no time
    void use_clock(std::function<Nanoseconds()> now) { now_ = std::move(now); }
    /// @param told with each driver bug's text, after it was written
    void on_bug(std::function<void(const std::string&)> told) { told_ = std::move(told); }

    /// @param told of each job's events
    void on_job(std::function<void(std::string_view device, JobEvent event)> told) {
        job_told_ = std::move(told);
    }

    void event(std::string_view device, std::string_view text) override;
    void job(std::string_view device, JobEvent event) override {
        if (job_told_) job_told_(device, event);
    }
    void driver_bug(std::string_view device, std::string_view text) override;
    [[nodiscard]] std::uint64_t bugs() const { return bugs_; }

  private:
    TextLog() = default;
    void line(std::string_view device, std::string_view kind, std::string_view text);

    std::FILE* file_ = nullptr;
    bool owned_ = false;
    std::function<Nanoseconds()> now_;
    std::function<void(const std::string&)> told_;
    std::function<void(std::string_view, JobEvent)> job_told_;
    std::uint64_t bugs_ = 0;
};

}  // namespace relfence::board
