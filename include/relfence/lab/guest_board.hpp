// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {

/// A modelled board for a guest.
struct BoardConfig {
    /// Arguments of relfence-board: {"--board", "fresnel", "--fault", "vdpu:1:hang"}. Empty: no
    /// board.
    std::vector<std::string> arguments;
    std::filesystem::path log;  ///< gets the board's events; empty: nowhere

    [[nodiscard]] bool wanted() const { return !arguments.empty(); }
};

/// Whether a kernel can see a board at all, by the .config beside it; one without is taken at its
/// word. @return an error that names the symbols it lacks
[[nodiscard]] Result<void> check_board_kernel(const std::filesystem::path& kernel);

/// relfence-board beside a guest: a child process that is there before the kernel starts and is
/// gone when this is. Move-only.
///
/// A process of its own, since a model that trips over what a guest programs must not take the lab
/// with it.
class GuestBoard {
  public:
    /// Starts the board and waits until it serves.
    /// @param directory gets its sockets and its device tree; the guest must see it
    /// @return the board's own words when it does not start
    [[nodiscard]] static Result<GuestBoard> start(const BoardConfig& config,
                                                  const std::filesystem::path& directory);
    /// Readable once the board has ended. By itself it does so only when something is wrong.
    [[nodiscard]] int exit_fd() const { return board_.exit_fd(); }
    /// Why it ended: its own words, or how. Only once exit_fd() is readable.
    [[nodiscard]] std::string end_reason();
    GuestBoard(GuestBoard&&) noexcept = default;
    GuestBoard& operator=(GuestBoard&&) noexcept = default;
    /// Lets the board end by itself, so that it writes what it still has to say.
    ~GuestBoard();

    /// What a kernel needs on its command line to find the board: dtb=...
    [[nodiscard]] const std::vector<std::string>& kernel_arguments() const {
        return kernel_arguments_;
    }

  private:
    GuestBoard(Child board, std::filesystem::path complaints)
        : board_{std::move(board)}, complaints_{std::move(complaints)} {}
    Child board_;
    std::filesystem::path complaints_;  ///< its stderr
    std::vector<std::string> kernel_arguments_;
};

}  // namespace relfence::lab
