// SPDX-License-Identifier: MIT
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <relfence/lab/builder.hpp>

namespace relfence::lab {
namespace {

/// How many objects a kernel compiles that starts from another's, as long as nobody has looked.
constexpr std::size_t usual_dependents = 50;
/// More groups at once would only share the processors, and need more memory.
constexpr std::size_t groups_at_once = 2;
/// Of the second group: it gets what the first leaves idle, and the rest when that has ended.
constexpr int second_nice = 10;

bool shares_objects(const KernelSpec& a, const KernelSpec& b) {
    if (a.version != b.version || a.arch != b.arch || a.tree != b.tree || a.cflags != b.cflags)
        return false;
    const std::set<std::filesystem::path> one{a.configs.begin(), a.configs.end()};
    const std::set<std::filesystem::path> other{b.configs.begin(), b.configs.end()};
    return std::includes(one.begin(), one.end(), other.begin(), other.end()) ||
           std::includes(other.begin(), other.end(), one.begin(), one.end());
}

/// What the threads of one build_all() share.
class Site {
  public:
    Site(const std::vector<KernelSpec>& specs, const std::vector<bool>& cached,
         const std::function<void(const BuiltKernel&)>& ready, const Interrupts& interrupts)
        : groups_{group_builds(specs)},
          built_(specs.size()),
          numbers_(specs.size()),
          ready_{ready},
          interrupts_{interrupts} {
        for (const auto& group : groups_)
            for (const std::size_t i : group) {
                const bool first = i == group.front();
                numbers_[i] = progress_.add(specs[i].name, cached[i] ? 0
                                                           : first   ? specs[i].objects
                                                                     : usual_dependents);
            }
    }

    [[nodiscard]] std::size_t groups() const { return groups_.size(); }
    [[nodiscard]] BuildProgress& progress() { return progress_; }
    /// The number of a kernel's build in progress().
    [[nodiscard]] std::size_t number(std::size_t kernel) const { return numbers_[kernel]; }

    /// The next group that nobody has taken, or null.
    const std::vector<std::size_t>* take_group() {
        const std::scoped_lock guard{mutex_};
        return next_group_ < groups_.size() ? &groups_[next_group_++] : nullptr;
    }
    void finish(std::size_t kernel, BuiltKernel built) {
        const std::scoped_lock guard{mutex_};
        progress_.clear();
        if (ready_) ready_(built);
        built_[kernel] = std::move(built);
    }
    void enter() {
        const std::scoped_lock guard{mutex_};
        ++running_;
    }
    void leave(const std::optional<Error>& error = {}) {
        const std::scoped_lock guard{mutex_};
        if (error && !error_) {
            error_ = error;
            interrupts_.stop();
        }
        --running_;
        left_.notify_all();
    }
    void wait_until_all_have_left() {
        for (std::unique_lock lock{mutex_}; running_ > 0;) {
            left_.wait_for(lock, std::chrono::seconds{1});
            progress_.tick();
        }
    }

    /// Once all have left.
    Result<std::vector<BuiltKernel>> result() {
        if (error_) return tl::make_unexpected(*error_);
        std::vector<BuiltKernel> kernels;
        for (auto& built : built_) kernels.push_back(std::move(*built));
        return kernels;
    }

  private:
    const std::vector<std::vector<std::size_t>> groups_;
    BuildProgress progress_;
    std::mutex mutex_;
    std::condition_variable left_;
    std::size_t next_group_ = 0;
    std::size_t running_ = 0;
    std::vector<std::optional<BuiltKernel>> built_;
    std::vector<std::size_t> numbers_;
    const std::function<void(const BuiltKernel&)>& ready_;
    const Interrupts& interrupts_;
    std::optional<Error> error_;
};

}  // namespace

std::vector<std::vector<std::size_t>> group_builds(const std::vector<KernelSpec>& specs) {
    std::vector<std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        const auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& members) {
            return shares_objects(specs[members.front()], specs[i]);
        });
        if (group != groups.end())
            group->push_back(i);
        else
            groups.push_back({i});
    }
    return groups;
}

Result<std::vector<BuiltKernel>> Builder::build_all(
    const std::vector<KernelSpec>& specs, const std::function<void(const BuiltKernel&)>& ready) {
    // What is wrong with a list of patches is told before the first kernel is compiled.
    std::vector<bool> cached;
    for (const auto& spec : specs) {
        if (spec.tree.empty())
            if (auto fetched = fetch_missing(spec.version); !fetched)
                return tl::make_unexpected(fetched.error());
        auto found = find(spec);
        if (!found) return tl::make_unexpected(found.error());
        cached.push_back(found->has_value());
    }
    auto interrupts = Interrupts::create_within(options_.interrupts);
    if (!interrupts) return tl::make_unexpected(interrupts.error());

    Site site{specs, cached, ready, *interrupts};
    // Who says how many compilers may run means all of them.
    const std::size_t workers = options_.jobs > 0 ? 1 : std::min(groups_at_once, site.groups());
    std::vector<std::thread> threads;
    for (std::size_t worker = 0; worker < workers; ++worker) {
        Builder builder = *this;  // what it remembers is not for two threads
        builder.options_.interrupts = &*interrupts;
        if (worker > 0) builder.options_.nice = second_nice;
        site.enter();
        threads.emplace_back([&site, &specs, builder = std::move(builder)]() mutable {
            while (const auto* group = site.take_group())
                for (const std::size_t i : *group) {
                    auto built = builder.build(specs[i], site.progress(), site.number(i));
                    if (!built) return site.leave(built.error());
                    site.finish(i, std::move(*built));
                }
            site.leave();
        });
    }
    site.wait_until_all_have_left();
    for (auto& thread : threads) thread.join();
    return site.result();
}

}  // namespace relfence::lab
