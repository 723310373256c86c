// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/bench/compare.hpp>

#include "bench/machine.hpp"
#include "bench/measure.hpp"
#include "bench/summary.hpp"
#include "bench/work.hpp"
#include "relfence-commands.hpp"

namespace relfence::app {
namespace {

struct BenchArguments {
    std::string device;
    unsigned runs = bench::least_runs;
    unsigned frames = bench::Plan{}.frames;
    unsigned depth = 4;
    std::string save;
    bool append = false;
    bool as_json = false;
};

struct CompareArguments {
    std::string a;
    std::string b;
    bool as_json = false;
};

/// The device that was asked for, or the only one there is. Nothing when there is none.
Result<std::optional<devices::VideoDevice>> choose_device(const std::string& path) {
    if (!path.empty()) {
        auto device = devices::describe_video(path);
        if (!device) return tl::make_unexpected(device.error());
        return std::optional{std::move(*device)};
    }
    auto found = devices::list_video();
    if (found.mem2mem.size() == 1) return std::optional{std::move(found.mem2mem.front())};
    if (!found.mem2mem.empty()) {
        std::vector<std::string> names;
        for (const auto& device : found.mem2mem)
            names.push_back(fmt::format("{} {}", device.path, device.driver));
        return fail("is needed, since there are several devices", "--device",
                    fmt::format("{}", fmt::join(names, ", ")));
    }
    if (!found.unreadable.empty()) return tl::make_unexpected(found.unreadable.front().error);
    return std::optional<devices::VideoDevice>{};
}

/// One line on a terminal with the time that is left.
class Progress {
  public:
    explicit Progress(unsigned all) : all_{all}, shown_{::isatty(STDERR_FILENO) == 1} {}
    void show(unsigned done) const {
        if (!shown_) return;
        const auto passed = std::chrono::steady_clock::now() - start_;
        const auto left = done == 0 ? passed : passed * (all_ - done) / done;
        fmt::print(stderr, "\r\033[Krun {} of {}", done + 1, all_);
        if (done > 0)
            fmt::print(stderr, ", {} s left",
                       std::chrono::ceil<std::chrono::seconds>(left).count());
        std::fflush(stderr);
    }
    ~Progress() {
        if (shown_) fmt::print(stderr, "\r\033[K");
    }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

  private:
    unsigned all_;
    bool shown_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// An error of a device says which one. A device that has gone fails in many ways, of which few say
/// so.
tl::unexpected<Error> on(const devices::VideoDevice& device, Error error) {
    if (error.code == EBUSY) return tl::make_unexpected(std::move(error));
    if (!devices::describe_video(device.path))
        return fail("has gone while it was measured", device.path);
    if (error.subject == "video device" || error.subject == "dma-buf")
        error.subject = fmt::format("{} ({})", error.subject, device.path);
    return tl::make_unexpected(std::move(error));
}

Result<bench::SavedRuns> measure(const BenchArguments& arguments,
                                 const devices::VideoDevice& device) {
    bench::Plan plan;
    plan.frames = arguments.frames;
    bench::SavedRuns saved;
    saved.program = "relfence " RELFENCE_VERSION;
    saved.recorded = bench::utc_now();
    saved.machine = bench::describe_machine("/");
    saved.work = {device.driver, device.card, {}, arguments.depth};
    const Progress progress{arguments.runs};
    for (unsigned i = 0; i < arguments.runs; ++i) {
        progress.show(i);
        const auto work = bench::open_work(device, arguments.depth);
        if (!work) return on(device, work.error());
        saved.work.job = work->job;
        saved.work.depth = work->source->depth();
        auto run = bench::measure_run(*work->source, plan);
        if (!run) return on(device, run.error());
        saved.runs.push_back(std::move(*run));
    }
    return saved;
}

/// Adds the runs to those that a file has already, if it has any.
Result<bench::SavedRuns> add_to_file(const std::string& path, bench::SavedRuns runs) {
    auto before = bench::load_runs(path);
    if (!before && before.error().code == ENOENT) return runs;
    if (!before) return before;
    if (before->work != runs.work || before->machine.kernel != runs.machine.kernel ||
        before->machine.kernel_build != runs.machine.kernel_build ||
        before->machine.processor != runs.machine.processor)
        return fail("has runs of other work, of another kernel or machine", path,
                    "save to another file");
    for (auto& run : runs.runs) before->runs.push_back(std::move(run));
    return before;
}

int run_bench(const BenchArguments& arguments) {
    if (arguments.append && arguments.save.empty())
        return complain(fail("needs --save", "--append").value());
    const auto device = choose_device(arguments.device);
    if (!device) return complain(device.error());
    if (!*device) {
        fmt::print(stderr, "relfence: there is no V4L2 mem2mem device to measure\n");
        return exit_nothing;
    }
    // What cannot be added to shall be known before minutes of measuring.
    if (arguments.append)
        if (const auto before = bench::load_runs(arguments.save);
            !before && before.error().code != ENOENT)
            return complain(before.error());
    auto runs = measure(arguments, **device);
    if (!runs) return complain(runs.error());
    if (arguments.as_json)
        fmt::print("{}", bench::runs_to_json(*runs));
    else
        fmt::print("{}", bench::runs_to_text(*runs));
    if (arguments.save.empty()) return exit_ok;
    if (arguments.append) {
        runs = add_to_file(arguments.save, std::move(*runs));
        if (!runs) return complain(runs.error());
    }
    if (const auto ok = bench::save_runs(arguments.save, *runs); !ok) return complain(ok.error());
    return exit_ok;
}

int run_compare(const CompareArguments& arguments) {
    const auto a = bench::load_runs(arguments.a);
    if (!a) return complain(a.error());
    const auto b = bench::load_runs(arguments.b);
    if (!b) return complain(b.error());
    const auto comparison = bench::compare_runs(*a, *b, arguments.a, arguments.b);
    if (!comparison) return complain(comparison.error());
    fmt::print("{}", arguments.as_json ? bench::comparison_to_json(*comparison)
                                       : bench::comparison_to_text(*comparison));
    int code = exit_nothing;
    for (const bench::Compared& figure : comparison->figures) {
        if (figure.verdict == bench::Verdict::differs) return exit_failed;
        if (figure.verdict == bench::Verdict::no_difference) code = exit_ok;
    }
    return code;
}

}  // namespace

Command add_bench(CLI::App& app) {
    CLI::App* const command =
        app.add_subcommand("bench", "measure what fences cost and give on a device");
    auto arguments = std::make_shared<BenchArguments>();
    command->add_option("-d,--device", arguments->device,
                        "which one, e.g. /dev/video0 (default: the only one)");
    command
        ->add_option("--runs", arguments->runs,
                     "how often the device is opened, measured and closed")
        ->capture_default_str()
        ->check(CLI::Range(1U, 1000U));
    command->add_option("--frames", arguments->frames, "frames of a run with full queues")
        ->capture_default_str()
        ->check(CLI::Range(1U, 100'000U));
    command->add_option("--depth", arguments->depth, "CAPTURE buffers")
        ->capture_default_str()
        ->check(CLI::Range(2U, 16U));
    command->add_option("--save", arguments->save, "file for the runs with every sample, as JSON");
    command->add_flag("--append", arguments->append,
                      "add to the runs that are in that file, e.g. of another boot");
    command->add_flag("--json", arguments->as_json, "for programs: what --save writes");
    command->footer(
        "Exit code: 0 measured, 2 the device or the file could not be used, 77 there is no device."
        "\n\nExamples:\n"
        "  relfence bench --device /dev/video0 --save before.json\n"
        "  relfence bench compare before.json after.json");
    CLI::App* const compare =
        command->add_subcommand("compare", "tell where two saved files of runs differ");
    auto both = std::make_shared<CompareArguments>();
    compare->add_option("A", both->a, "file of 'relfence bench --save'")->required();
    compare->add_option("B", both->b, "another one, of the same work")->required();
    compare->add_flag("--json", both->as_json, "for programs");
    compare->footer(
        "Calls a difference only when at least 10 runs of each support it: by the U test of Mann\n"
        "and Whitney over the runs' medians. Prints the ratio B/A with its interval.\n"
        "Exit code: 0 no difference called, 1 a figure differs, 2 bad input, 77 nothing could be\n"
        "compared.\n\n"
        "Example:\n  relfence bench compare before.json after.json");
    return [arguments, both, compare] {
        return compare->parsed() ? run_compare(*both) : run_bench(*arguments);
    };
}

}  // namespace relfence::app
