// SPDX-License-Identifier: MIT
// `relfence-lab verify`: a program of its own, which the demo does not need.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <thread>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <relfence/lab/builder.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/patches.hpp>
#include <relfence/lab/scratch.hpp>
#include <relfence/lab/source_fetch.hpp>
#include <relfence/verify/gates.hpp>

#include "relfence-exit.hpp"

namespace relfence::verify {
namespace fs = std::filesystem;
namespace {

const std::vector<std::string> all_gates{"applies", "checkpatch", "kernel-doc", "builds",
                                         "W=1",     "sparse",     "kunit",      "cases"};

struct Arguments {
    std::string project;
    std::string series = "v2";
    std::string arch{lab::native_architecture};
    std::string kernel_version, release, tree;
    std::vector<std::string> gates, skipped;
    std::string out = "out/verify";
    int jobs = 0;
    bool json = false;
};

int complain(const Error& error) {
    return app::complain_as("relfence-lab verify", error);
}

Result<std::set<std::string>> wanted_gates(const Arguments& arguments) {
    std::set<std::string> wanted{arguments.gates.begin(), arguments.gates.end()};
    if (wanted.empty()) wanted = {all_gates.begin(), all_gates.end()};
    for (const auto& name : arguments.skipped) wanted.erase(name);
    if (wanted.empty()) return fail("leaves no gate", "--skip");
    const bool all = arguments.gates.empty();
    for (const auto& [gate, program] : {std::pair{"sparse", "sparse"}, {"applies", "git"}})
        if (wanted.contains(gate) && !lab::find_program(program))
            return fail(fmt::format("is not installed, and the gate {} needs it", gate), program,
                        fmt::format("apt install {}{}", program,
                                    all ? fmt::format(", or --skip {}", gate) : ""));
    return wanted;
}

/// The kernel of the project that is made of the series, for a version.
Result<lab::KernelSpec> kernel_of(const lab::KernelList& list, const std::string& series) {
    for (const auto& spec : list.chosen(true))
        for (const auto& item : spec.patches)
            if (!spec.cost && item.parent_path().filename() == series &&
                item.parent_path().parent_path().filename() == "series")
                return spec;
    return fail(fmt::format("is no series of a kernel for Linux {} on {}", list.version, list.arch),
                series);
}

void note(const std::string& text) {
    fmt::print(stderr, "{}\n", text);
}

/// The source to verify on, and its series.
struct Source {
    std::string version;
    fs::path special;  ///< a tree that is not the usual source of its version; may be empty
};

Result<Source> choose_source(const Arguments& arguments, const lab::Cache& cache,
                             const std::string& usual, const lab::Interrupts& interrupts) {
    if (!arguments.tree.empty()) {
        auto series = lab::tree_series(arguments.tree);
        if (!series) return tl::make_unexpected(series.error());
        return Source{*series, fs::absolute(arguments.tree)};
    }
    if (arguments.release.empty())
        return Source{arguments.kernel_version.empty() ? usual : arguments.kernel_version, {}};
    auto series = lab::series_of(arguments.release);
    if (!series) return tl::make_unexpected(series.error());
    if (*series == arguments.release) return Source{*series, {}};
    const auto unpacked = [&](const fs::path& tarball) -> Result<fs::path> {
        auto source = lab::identify_source(cache, tarball, *series);
        if (!source) return tl::make_unexpected(source.error());
        auto tree = lab::prepare_source(cache, *source, &interrupts, note);
        if (!tree) return tree;
        auto makefile = lab::read_file(*tree / "Makefile");
        if (makefile && lab::makefile_version(*makefile) == arguments.release) return tree;
        return fs::path{};
    };
    // What is there may be it.
    std::error_code error;
    if (const fs::path there = lab::find_tarball(cache, *series); fs::exists(there, error)) {
        auto tree = unpacked(there);
        if (!tree) return tl::make_unexpected(tree.error());
        if (!tree->empty()) return Source{*series, {}};
    }
    auto fetched = lab::fetch_source(cache, arguments.release, &interrupts, note);
    if (!fetched) return tl::make_unexpected(fetched.error());
    auto tree = unpacked(*fetched);
    if (!tree) return tl::make_unexpected(tree.error());
    if (tree->empty()) return fail("is not in the package", arguments.release);
    return Source{*series, *tree};
}

std::string seconds_text(double seconds) {
    return seconds < 0.05 ? "" : fmt::format("{:.0f} s", std::max(seconds, 1.0));
}

void print_table(const Subject& subject, const std::string& series,
                 const std::vector<GateResult>& results) {
    const auto& architecture = subject.architecture.name;
    fmt::print("{} on Linux {}{}, {} patches\n\n", series, subject.release,
               architecture == lab::native_architecture ? "" : fmt::format(" for {}", architecture),
               subject.patches.size());
    constexpr std::size_t shown = 5;
    for (const auto& gate : results) {
        fmt::print("{:11} {:5} {:>7}  {}\n", gate.name, outcome_name(gate.outcome),
                   seconds_text(gate.seconds), gate.text);
        if (gate.outcome != Outcome::fail && gate.outcome != Outcome::error) continue;
        for (std::size_t i = 1; i < std::min(shown, gate.all.size()); ++i)
            fmt::print("{:26} {}\n", "", gate.all[i]);
        if (gate.all.size() > shown) fmt::print("{:26} and {} more\n", "", gate.all.size() - shown);
        if (!gate.log.empty()) fmt::print("{:26} log: {}\n", "", gate.log.string());
    }
}

void print_json(const Subject& subject, const std::string& series,
                const std::vector<GateResult>& results) {
    nlohmann::json gates = nlohmann::json::array();
    for (const auto& gate : results) {
        std::string outcome{outcome_name(gate.outcome)};
        std::transform(outcome.begin(), outcome.end(), outcome.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        gates.push_back({{"gate", gate.name},
                         {"result", outcome},
                         {"text", gate.text},
                         {"all", gate.all},
                         {"log", gate.log.string()},
                         {"seconds", gate.seconds}});
    }
    const nlohmann::json document{{"series", series},
                                  {"version", subject.version},
                                  {"arch", std::string{subject.architecture.name}},
                                  {"release", subject.release},
                                  {"patches", subject.patches.size()},
                                  {"gates", std::move(gates)}};
    fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

int exit_code(const std::vector<GateResult>& results) {
    int code = 0;
    for (const auto& gate : results) {
        if (gate.outcome == Outcome::error) return gate.text == "interrupted" ? 130 : 2;
        if (gate.outcome == Outcome::fail) code = 1;
    }
    return code;
}

/// The series' patches and fragments, out of what its kernel is made of.
Result<void> fill(Subject& subject, const lab::KernelSpec& spec) {
    std::vector<fs::path> items;
    const std::string lab_only = (subject.project / "kernel" / "lab").lexically_normal().string();
    const auto is_of_the_lab = [&](const fs::path& item) {
        return fs::absolute(item).lexically_normal().string().starts_with(lab_only);
    };
    for (const auto& item : spec.patches)
        if (!is_of_the_lab(item)) items.push_back(item);
    auto patches = lab::list_patches(items);
    if (!patches) return tl::make_unexpected(patches.error());
    for (const auto& patch : *patches) subject.patches.push_back(fs::absolute(patch));
    for (const auto& config : spec.configs)
        if (!is_of_the_lab(config))
            (config.filename().string().starts_with("fence-kunit") ? subject.own_configs
                                                                   : subject.configs)
                .push_back(config);
    return {};
}

std::vector<GateResult> pass_through(const Subject& subject, const lab::KernelSpec& spec,
                                     const lab::Cache& cache, const fs::path& special,
                                     const std::set<std::string>& wanted,
                                     const std::optional<Sparse>& sparse) {
    std::vector<GateResult> results;
    const auto interrupted = [&] {
        return !results.empty() && results.back().text == "interrupted";
    };
    const auto add = [&](std::vector<GateResult> more) {
        for (auto& result : more)
            if (wanted.contains(result.name)) results.push_back(std::move(result));
    };
    if (wanted.contains("applies")) add({check_applies(subject)});
    const bool applies = results.empty() || results.back().outcome == Outcome::pass;
    if (wanted.contains("checkpatch") && !interrupted()) add({check_style(subject)});
    // What does not apply can be neither built nor looked at.
    const auto later = [&](const char* name) { return wanted.contains(name) && !interrupted(); };
    if (!applies) {
        for (const auto& name : all_gates)
            if (name != "applies" && name != "checkpatch" && later(name.c_str()))
                results.push_back({name, Outcome::skip, "the patches do not apply", {}, {}, 0});
        return results;
    }
    if (later("kernel-doc")) add({check_kernel_doc(subject)});
    if (later("builds") || later("W=1") || later("sparse")) add(check_builds(subject, sparse));
    if (later("kunit") || later("cases")) add(check_lab(subject, spec, cache, special, wanted));
    return results;
}

int verify(const Arguments& arguments, const lab::Interrupts& interrupts) {
    const auto wanted = wanted_gates(arguments);
    if (!wanted) return complain(wanted.error());
    const auto project =
        arguments.project.empty() ? lab::find_project() : Result<fs::path>{arguments.project};
    if (!project) return complain(project.error());
    auto list = lab::load_kernel_list(*project / "kernel" / "kernels.json");
    if (!list) return complain(list.error());
    list->arch = arguments.arch;
    const auto cache = lab::Cache::open();
    if (!cache) return complain(cache.error());
    const auto source = choose_source(arguments, *cache, list->version, interrupts);
    if (!source) return complain(source.error());
    if (auto known = list->choose_version(source->version); !known) return complain(known.error());
    const auto spec = kernel_of(*list, arguments.series);
    if (!spec) return complain(spec.error());

    Subject subject;
    const auto architecture = lab::find_architecture(arguments.arch);
    if (!architecture) return complain(architecture.error());
    subject.architecture = *architecture;
    const bool compiles = std::any_of(wanted->begin(), wanted->end(), [](const std::string& gate) {
        return gate != "applies" && gate != "checkpatch" && gate != "kernel-doc";
    });
    if (compiles)
        if (auto there = lab::check_compiler(*architecture); !there) return complain(there.error());
    subject.project = fs::absolute(*project);
    subject.version = source->version;
    subject.jobs = arguments.jobs > 0
                       ? arguments.jobs
                       : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    subject.interrupts = &interrupts;
    subject.logs = fs::absolute(arguments.out);
    lab::Builder builder{*cache, {source->special, subject.jobs, &interrupts}};
    auto pristine = builder.pristine(source->version);
    if (!pristine) return complain(pristine.error());
    subject.source = *pristine;
    const auto makefile = lab::read_file(*pristine / "Makefile");
    if (!makefile) return complain(makefile.error());
    subject.release = lab::makefile_version(*makefile);
    if (auto filled = fill(subject, *spec); !filled) return complain(filled.error());
    if (auto made = lab::make_directories(subject.logs); !made) return complain(made.error());
    // Beside the source: a tree of hard links has to be on its file system.
    auto scratch = cache->work();
    if (!scratch) return complain(scratch.error());
    subject.scratch = scratch->path();

    std::optional<Sparse> sparse;
    if (wanted->contains("sparse")) {
        auto chosen = choose_sparse(subject, *cache, note);
        if (!chosen) return complain(chosen.error());
        sparse = std::move(*chosen);
    }

    const auto results = pass_through(subject, *spec, *cache, source->special, *wanted, sparse);
    if (arguments.json)
        print_json(subject, arguments.series, results);
    else
        print_table(subject, arguments.series, results);
    return exit_code(results);
}

}  // namespace
}  // namespace relfence::verify

int main(int argc, char** argv) {
    using namespace relfence;
    using namespace relfence::verify;
    CLI::App app{"Passes a series of patches through the gates that a maintainer would ask for.",
                 "relfence-lab verify"};
    Arguments arguments;
    app.add_option("--series", arguments.series,
                   "series of the project: a directory of kernel/series")
        ->capture_default_str();
    auto* version =
        app.add_option("--kernel-version", arguments.kernel_version,
                       "series of Linux, as in 7.3 (default: the first of kernels.json)");
    auto* release =
        app.add_option("--version", arguments.release,
                       "one release, as in 7.3.4: taken from Debian if it is not there");
    auto* tree = app.add_option("--tree", arguments.tree, "kernel source tree of your own");
    version->excludes(release)->excludes(tree);
    release->excludes(tree);
    app.add_option("--arch", arguments.arch, "what it is built and booted as: um, arm64")
        ->capture_default_str();
    app.add_option("-g,--gate", arguments.gates,
                   fmt::format("only this gate; repeatable: {}", fmt::join(all_gates, ", ")))
        ->check(CLI::IsMember(all_gates))
        ->allow_extra_args(false);
    app.add_option("--skip", arguments.skipped, "all but this gate; repeatable")
        ->check(CLI::IsMember(all_gates))
        ->allow_extra_args(false);
    app.add_option("-o,--out", arguments.out, "directory for the logs")->capture_default_str();
    app.add_option("-j,--jobs", arguments.jobs, "compilers at the same time (default: all cores)");
    app.add_option("--project", arguments.project,
                   "directory with kernel/kernels.json (default: found from the program's own)");
    app.add_flag("--json", arguments.json, "the results as JSON");
    app.footer(
        "The gates, in this order:\n"
        "  applies     git am of each patch, then the whole reversed; a conflict names patch,\n"
        "              file and hunk\n"
        "  checkpatch  --strict, but for what tests/series/checkpatch.allowed lists\n"
        "  kernel-doc  nothing new in the files that are touched\n"
        "  builds      each patch on its own: three objects first, then the drivers; as\n"
        "              arm64 they are modules, which have to link\n"
        "  W=1         no warning that the base does not have\n"
        "  sparse      likewise, over the whole; where the kernel refuses the installed sparse as\n"
        "              too old, by the newest of Debian, fetched and built once into the cache\n"
        "  kunit       the suites, videobuf2-fence among them\n"
        "  cases       the lab's cases on the series' kernel, as lab/cases.json expects\n"
        "kunit and cases build the kernel if it is not in the cache, which takes minutes.\n"
        "With --arch arm64 they run in QEMU, and need scripts/build-arm64 and qemu-system-arm;\n"
        "all that is compiled needs gcc-aarch64-linux-gnu.\n"
        "\n"
        "Exit code: 0 each gate passed, 1 one failed, 2 bad input or a gate could not work,\n"
        "130 interrupted.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab verify\n"
        "  relfence-lab verify --kernel-version 7.3 --json\n"
        "  relfence-lab verify --arch arm64 --skip kunit --skip cases\n"
        "  relfence-lab verify --version 7.3.4 --gate applies\n"
        "  relfence-lab verify --tree path/to/linux-6.12.120 --skip cases");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    const auto interrupts = lab::Interrupts::create();
    if (!interrupts) return complain(interrupts.error());
    return verify::verify(arguments, *interrupts);
}
