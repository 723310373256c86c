// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <termios.h>
#include <vector>

namespace relfence::trace {

/// A terminal that a table has for itself: the alternate screen, without cursor and echo. As it
/// was when the object is gone. Not thread-safe.
class Screen {
  public:
    Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen();

    /// Whether stdout and stdin are a terminal that can show a table.
    [[nodiscard]] static bool possible();
    [[nodiscard]] std::size_t columns() const;
    [[nodiscard]] std::size_t rows() const;
    void show(const std::vector<std::string>& lines);
    /// A key that was pressed, without waiting; 0: none.
    [[nodiscard]] static char key();

  private:
    termios before_{};
};

}  // namespace relfence::trace
