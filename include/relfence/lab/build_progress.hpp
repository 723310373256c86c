// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/lab/progress.hpp>

namespace relfence::lab {

/// One line of progress, on stderr, for all kernels that a command builds, those that are built at
/// the same time named in it. Thread-safe.
class BuildProgress {
  public:
    using LineMaker =
        std::function<std::unique_ptr<Progress>(const std::string& title, std::size_t expected)>;
    BuildProgress();
    /// For tests: a line that goes elsewhere.
    explicit BuildProgress(LineMaker make_line) : make_line_{std::move(make_line)} {}

    /// Announces a build. @param expected about how many objects it compiles
    /// @return its number
    std::size_t add(const std::string& name, std::size_t expected);
    /// It runs from now on.
    void start(std::size_t build);
    /// What is known once it has been prepared: the kernel it starts from, and its objects.
    void expect(std::size_t build, const std::string& title, std::size_t expected);
    /// It has compiled an object.
    void step(std::size_t build);
    /// It has ended. @return how many objects it compiled
    std::size_t end(std::size_t build);
    /// Shows the time that has gone, while nothing else happens.
    void tick();
    /// A line of text that stays, on stderr.
    void say(std::string_view text);
    /// Takes the progress away, for text on stdout.
    void clear();

  private:
    enum class State { waiting, running, ended };
    struct Build {
        std::string name;
        std::string title;  ///< with the kernel it starts from
        std::size_t expected = 0;
        std::size_t done = 0;
        State state = State::waiting;
    };
    void show();

    std::mutex mutex_;
    std::vector<Build> builds_;
    LineMaker make_line_;
    std::unique_ptr<Progress> line_;
};

}  // namespace relfence::lab
