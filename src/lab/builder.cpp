// SPDX-License-Identifier: MIT
#include <algorithm>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/lab/builder.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/kernel_config.hpp>
#include <relfence/lab/patches.hpp>
#include <relfence/lab/precompile.hpp>
#include <relfence/lab/sandbox.hpp>
#include <relfence/lab/source_fetch.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::steady_clock;

/// All that is known of a kernel before it is built.
struct Builder::Plan {
    KernelSpec spec;
    Architecture architecture;
    SourceId source;
    std::vector<fs::path> patches;
    BuildInputs inputs;
    std::string key;
};

namespace {

/// A tenth of the time that gcc takes for a kernel goes into remembering how macros expanded, which
/// only its messages tell.
constexpr std::string_view always_flags = "-ftrack-macro-expansion=0";
/// Objects of every build: two with the kernel's release, one with the time, three of kallsyms.
constexpr std::size_t always_built = 6;
/// For fewer objects precompiling headers takes longer than it saves.
constexpr std::size_t worth_precompiling = 30;

Result<std::vector<std::pair<std::string, std::string>>> named_hashes(
    const std::vector<fs::path>& files) {
    auto hashes = hash_files(files);
    if (!hashes) return tl::make_unexpected(hashes.error());
    std::vector<std::pair<std::string, std::string>> result;
    for (std::size_t i = 0; i < files.size(); ++i)
        result.emplace_back(files[i].filename().string(), hashes->at(i));
    return result;
}

Result<std::string> compiler_version(const Architecture& architecture) {
    if (auto there = check_compiler(architecture); !there)
        return tl::make_unexpected(there.error());
    std::string text;
    for (const auto& program : {architecture.compiler(), architecture.linker()}) {
        auto result = run_command({program, "--version"});
        if (!result) return tl::make_unexpected(result.error());
        text += (text.empty() ? "" : ", ") + result->output.substr(0, result->output.find('\n'));
    }
    return text;
}

std::string flags_of(const KernelSpec& spec) {
    return spec.cflags.empty() ? std::string{always_flags}
                               : fmt::format("{} {}", always_flags, spec.cflags);
}

Result<void> run_or_fail(const std::vector<std::string>& command, const CommandOptions& options,
                         const std::string& what) {
    auto result = run_command(command, options);
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok())
        return fail(fmt::format("{}: {}", describe_status(result->status),
                                result->error.substr(0, result->error.find('\n'))),
                    what);
    return {};
}

/// Gives a file of a tree of hard links a time of its own, now. Its content stays.
Result<void> freshen(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error)) return {};
    const fs::path copy = file.string() + ".fresh";
    fs::copy_file(file, copy, error);
    if (!error) fs::rename(copy, file, error);
    if (error) return fail_errno("copy", file.string(), error.value());
    return {};
}

/// The objects that a build can start from, and what they were built from.
struct Donor {
    std::string key;
    std::string name;
    std::set<std::string> touched;  ///< files that its patches had touched
    std::size_t common_configs = 0;
};

std::set<std::pair<std::string, std::string>> config_set(const json& configs) {
    std::set<std::pair<std::string, std::string>> result;
    for (const auto& pair : configs) result.emplace(pair.at(0), pair.at(1));
    return result;
}

/// The nearest kernel whose objects were kept: same source and compiler, and a configuration that
/// is a part of ours or the other way round. Any other would be rebuilt from the first object to
/// the last anyway, and copying it would be for nothing.
std::optional<Donor> find_donor(const Cache& cache, const BuildInputs& inputs) {
    std::optional<Donor> best;
    const std::set<std::pair<std::string, std::string>> wanted{inputs.configs.begin(),
                                                               inputs.configs.end()};
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{cache.root() / "objects", error}) {
        const auto text = read_file(entry.path() / "donor.json");
        const auto facts = text ? json::parse(*text, nullptr, false) : json{};
        if (!facts.is_object() || !facts.value("precompiled", false) ||
            facts.value("source", "") != inputs.source ||
            facts.value("compiler", "") != inputs.compiler)
            continue;
        const auto offered = config_set(facts.at("configs"));
        if (!std::includes(wanted.begin(), wanted.end(), offered.begin(), offered.end()) &&
            !std::includes(offered.begin(), offered.end(), wanted.begin(), wanted.end()))
            continue;
        const std::size_t common = std::min(wanted.size(), offered.size());
        if (best && best->common_configs >= common) continue;
        best = Donor{entry.path().filename().string(), facts.value("name", ""),
                     facts.at("touched").get<std::set<std::string>>(), common};
    }
    return best;
}

json donor_facts(const std::string& name, const BuildInputs& inputs,
                 const std::set<std::string>& touched) {
    return {{"name", name},
            {"source", inputs.source},
            {"compiler", inputs.compiler},
            {"configs", inputs.configs},
            {"precompiled", true},
            {"touched", touched}};
}

BuiltKernel read_built(const fs::path& directory, const json& facts) {
    BuiltKernel kernel;
    kernel.directory = directory;
    kernel.name = facts.value("name", "");
    kernel.key = facts.value("key", "");
    kernel.release = facts.value("release", "");
    kernel.derived_from = facts.value("derived_from", "");
    kernel.objects = facts.value("objects", std::size_t{0});
    kernel.duration = std::chrono::milliseconds{facts.value("duration_ms", 0LL)};
    return kernel;
}

/// A build under way: its tree, what touched it, and what it started from.
class Workshop {
  public:
    Workshop(const Cache& cache, Scratch scratch, const Interrupts* interrupts)
        : cache_{cache}, scratch_{std::move(scratch)}, interrupts_{interrupts} {}

    [[nodiscard]] fs::path tree() const { return scratch_.path() / "linux"; }
    [[nodiscard]] fs::path objects() const { return tree() / "build"; }
    [[nodiscard]] const fs::path& directory() const { return scratch_.path(); }
    [[nodiscard]] const std::optional<Donor>& donor() const { return donor_; }
    [[nodiscard]] const std::set<std::string>& touched() const { return touched_; }
    /// @param first how many a build from nothing compiles
    [[nodiscard]] std::size_t expected_objects(std::size_t first) const {
        if (!donor_) return first;
        std::set<std::string> changed = touched_;
        changed.insert(donor_->touched.begin(), donor_->touched.end());
        return count_dependents(objects(), changed) + always_built;
    }

    Result<void> link_source(const fs::path& source) {
        return copy({"cp", "-al", "--", source.string(), tree().string()});
    }

    Result<void> copy_objects(const BuildInputs& inputs) {
        auto donor = find_donor(cache_, inputs);
        if (!donor) return {};
        auto lock = cache_.lock("objects-" + donor->key, LockMode::shared, interrupts_);
        if (!lock) return tl::make_unexpected(lock.error());
        const fs::path from = cache_.objects(donor->key) / "build";
        std::error_code error;
        if (!fs::exists(from, error)) return {};  // removed since
        if (auto copied =
                copy({"cp", "-a", "--reflink=auto", "--", from.string(), objects().string()});
            !copied)
            return copied;
        donor_ = std::move(donor);
        return {};
    }

    Result<void> apply(const std::vector<fs::path>& patches) {
        for (const auto& patch : patches) {
            auto files = apply_patch(tree(), patch);
            if (!files) return tl::make_unexpected(files.error());
            touched_.insert(files->begin(), files->end());
        }
        if (!donor_) return {};
        // Its objects were built from patched files that are pristine, and older, here.
        for (const auto& file : donor_->touched)
            if (!touched_.contains(file))
                if (auto done = freshen(tree() / file); !done) return done;
        return {};
    }

  private:
    Result<void> copy(const std::vector<std::string>& command) {
        CommandOptions options;
        options.interrupts = interrupts_;
        return run_or_fail(command, options, "copy " + command[3]);
    }

    const Cache& cache_;
    Scratch scratch_;
    const Interrupts* interrupts_;
    std::optional<Donor> donor_;
    std::set<std::string> touched_;
};

std::map<std::string, std::string> make_environment() {
    // The same input gives the same kernel, whoever builds it and whenever.
    return {{"KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970"},
            {"KBUILD_BUILD_USER", "relfence"},
            {"KBUILD_BUILD_HOST", "relfence"},
            {"KBUILD_BUILD_VERSION", "1"},
            {"LC_ALL", "C"}};
}

}  // namespace

Result<void> check_build_tools() {
    struct Tool {
        const char* program;
        const char* package;
    };
    constexpr Tool tools[] = {{"make", "make"}, {"gcc", "gcc"},      {"ld", "binutils"},
                              {"flex", "flex"}, {"bison", "bison"},  {"bc", "bc"},
                              {"perl", "perl"}, {"tar", "tar"},      {"xz", "xz-utils"},
                              {"git", "git"},   {"cp", "coreutils"}, {"bwrap", "bubblewrap"}};
    std::string missing;
    std::string packages;
    for (const auto& [program, package] : tools) {
        if (find_program(program)) continue;
        missing += (missing.empty() ? "" : ", ") + std::string{program};
        packages += " " + std::string{package};
    }
    if (missing.empty()) return {};
    return fail("not installed", missing, "apt install" + packages);
}

bool is_object_line(std::string_view line) {
    for (const std::string_view kind : {"  CC ", "  AS ", "  HOSTCC "})
        if (line.starts_with(kind)) return true;
    return false;
}

std::string explain_build_failure(std::string_view output) {
    std::string first_error;
    std::string last;
    while (!output.empty()) {
        const auto end = std::min(output.find('\n'), output.size());
        const std::string_view line = output.substr(0, end);
        output.remove_prefix(std::min(end + 1, output.size()));
        if (line.find("No space left on device") != std::string_view::npos ||
            line.find("File size limit exceeded") != std::string_view::npos ||
            line.find("File too large") != std::string_view::npos)
            return std::string{line};
        if (first_error.empty() && line.find("error:") != std::string_view::npos)
            first_error = line;
        if (!line.empty()) last = line;
    }
    return first_error.empty() ? last : first_error;
}

std::size_t count_dependents(const fs::path& objects, const std::set<std::string>& touched) {
    std::size_t count = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator entry{objects, error}, end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with('.') || !name.ends_with(".o.cmd")) continue;
        const auto text = read_file(entry->path());
        if (!text) continue;
        count += std::any_of(touched.begin(), touched.end(), [&](const std::string& file) {
            return text->find("../" + file) != std::string::npos;
        });
    }
    return count;
}

Result<SourceId> Builder::source_of(const std::string& version) {
    if (const auto known = sources_.find(version); known != sources_.end()) return known->second;
    const auto series = options_.tree.empty() ? Result<std::string>{} : tree_series(options_.tree);
    if (!series) return tl::make_unexpected(series.error());
    auto source = identify_source(
        cache_, *series == version ? options_.tree : find_tarball(cache_, version), version);
    if (source) sources_.emplace(version, *source);
    return source;
}

Result<void> Builder::fetch_missing(const std::string& version) {
    std::error_code error;
    const auto series = options_.tree.empty() ? Result<std::string>{} : tree_series(options_.tree);
    if ((series && *series == version) || fs::exists(find_tarball(cache_, version), error))
        return {};
    auto fetched = fetch_source(cache_, version, options_.interrupts,
                                [](const std::string& text) { fmt::print(stderr, "{}\n", text); });
    if (fetched) return {};
    // Debian has some versions in suites that are only in the machine's own list, if anywhere.
    Error failure = fetched.error();
    if (failure.code != EINTR)
        failure.hint =
            fmt::format("apt install linux-source-{}, or name a tree with --tree", version);
    return tl::make_unexpected(std::move(failure));
}

Result<fs::path> Builder::pristine(const std::string& version) {
    if (auto fetched = fetch_missing(version); !fetched)
        return tl::make_unexpected(fetched.error());
    auto source = source_of(version);
    if (!source) return tl::make_unexpected(source.error());
    return prepare_source(cache_, *source, options_.interrupts,
                          [](const std::string& text) { fmt::print(stderr, "{}\n", text); });
}

Result<Builder::Plan> Builder::plan(const KernelSpec& spec) {
    auto architecture = find_architecture(spec.arch);
    if (!architecture) return tl::make_unexpected(architecture.error());
    std::string& compiler = compilers_[spec.arch];
    if (compiler.empty()) {
        auto version = compiler_version(*architecture);
        if (!version) return tl::make_unexpected(version.error());
        compiler = *version;
    }
    auto source = spec.tree.empty() ? source_of(spec.version)
                                    : identify_source(cache_, spec.tree, spec.version);
    if (!source) return tl::make_unexpected(source.error());
    auto patches = list_patches(spec.patches);
    if (!patches) return tl::make_unexpected(patches.error());
    auto config_hashes = named_hashes(spec.configs);
    if (!config_hashes) return tl::make_unexpected(config_hashes.error());
    auto patch_hashes = named_hashes(*patches);
    if (!patch_hashes) return tl::make_unexpected(patch_hashes.error());
    Plan plan{spec,
              *architecture,
              *source,
              std::move(*patches),
              {source->hash, fmt::format("{}, {}", compiler, flags_of(spec)),
               std::move(*config_hashes), std::move(*patch_hashes), "-relfence-" + spec.name},
              {}};
    auto key = hash_text(key_text(plan.inputs));
    if (!key) return tl::make_unexpected(key.error());
    plan.key = key->substr(0, 32);
    return plan;
}

namespace {

std::optional<BuiltKernel> find_built(const Cache& cache, const std::string& key) {
    const auto text = read_file(cache.kernel(key) / "build.json");
    const auto facts = text ? json::parse(*text, nullptr, false) : json{};
    if (!facts.is_object()) return std::nullopt;
    BuiltKernel kernel = read_built(cache.kernel(key), facts);
    kernel.cached = true;
    return kernel;
}

}  // namespace

Result<std::optional<BuiltKernel>> Builder::find(const KernelSpec& spec) {
    auto planned = plan(spec);
    if (!planned) return tl::make_unexpected(planned.error());
    return find_built(cache_, planned->key);
}

Result<BuiltKernel> Builder::build(const KernelSpec& spec) {
    BuildProgress progress;
    return build(spec, progress, progress.add(spec.name, spec.objects));
}

Result<BuiltKernel> Builder::build(const KernelSpec& spec, BuildProgress& progress,
                                   std::size_t number) {
    if (spec.tree.empty())
        if (auto fetched = fetch_missing(spec.version); !fetched)
            return tl::make_unexpected(fetched.error());
    auto planned = plan(spec);
    if (!planned) return tl::make_unexpected(planned.error());
    if (auto built = find_built(cache_, planned->key)) return *built;
    auto tried = cache_.try_lock("kernel-" + planned->key, LockMode::exclusive);
    if (!tried) return tl::make_unexpected(tried.error());
    std::optional<CacheLock> lock;
    if (tried->second) {
        lock = std::move(tried->first);
    } else {
        progress.say(fmt::format("{}: another lab builds it; waiting", spec.name));
        auto waited =
            cache_.lock("kernel-" + planned->key, LockMode::exclusive, options_.interrupts);
        if (!waited) return tl::make_unexpected(waited.error());
        lock = std::move(*waited);
    }
    if (auto built = find_built(cache_, planned->key)) return *built;
    return build_now(*planned, progress, number);
}

namespace {

/// How make is run.
struct MakeOptions {
    int jobs;
    int nice;
    std::string local_version;
    fs::path log;
    const Interrupts* interrupts;
};

/// Runs make in the workshop. @return how many objects it compiled
Result<std::size_t> run_make(const Workshop& workshop, const KernelSpec& spec,
                             const Architecture& architecture, const MakeOptions& make,
                             BuildProgress& progress, std::size_t number) {
    const std::string& name = spec.name;
    const std::size_t expected = workshop.expected_objects(spec.objects);
    progress.expect(
        number, workshop.donor() ? fmt::format("{} (from {})", name, workshop.donor()->name) : name,
        expected);
    CommandOptions options;
    options.spawn.directory = workshop.tree().string();
    options.spawn.extra = make_environment();
    options.spawn.nice = make.nice;
    options.interrupts = make.interrupts;
    options.line = [&progress, number](std::string_view line) {
        if (is_object_line(line)) progress.step(number);
    };
    std::vector<std::string> command{"make", "O=build", fmt::format("-j{}", make.jobs),
                                     "LOCALVERSION=" + make.local_version,
                                     "KCFLAGS=" + flags_of(spec)};
    // What it does to the code was looked at for User Mode Linux alone.
    Result<std::optional<Precompilation>> precompilation{};
    if (architecture.name == native_architecture)
        precompilation = prepare_precompilation(workshop.tree());
    if (!precompilation) return tl::make_unexpected(precompilation.error());
    if (*precompilation) {
        command.back() += " " + (*precompilation)->flags;
        command.insert(command.end(), (*precompilation)->make_arguments.begin(),
                       (*precompilation)->make_arguments.end());
    }
    for (const auto& [variable, value] : architecture.variables())
        command.push_back(fmt::format("{}={}", variable, value));
    // The flags are those of the donor's objects in any case, or all would be compiled again.
    if (*precompilation && expected >= worth_precompiling) {
        auto prepare = command;
        prepare.emplace_back("prepare");
        // Whatever is wrong is found, and told, when the kernel is made.
        if (auto prepared = run_command(contained(prepare), options); !prepared)
            return tl::make_unexpected(prepared.error());
        if (auto done = precompile_headers(workshop.tree(), make.interrupts); !done)
            return tl::make_unexpected(done.error());
    }
    command.insert(command.end(), architecture.goals.begin(), architecture.goals.end());
    auto result = run_command(contained(command), options);
    if (result && !result->ok() && *precompilation) {
        drop_precompiled_headers(workshop.tree());
        result = run_command(contained(command), options);
    }
    if (!result) return tl::make_unexpected(result.error());
    // On a full disk there is no log either; what matters is in the message.
    const bool logged = write_file(make.log, result->output + result->error).has_value();
    if (!result->ok())
        return fail(fmt::format("does not build: {}", explain_build_failure(result->error)), name,
                    logged ? make.log.string() : "");
    return progress.end(number);
}

Result<void> copy_results(const fs::path& from, const Architecture& architecture,
                          const fs::path& to) {
    if (auto made = make_directories(to); !made) return made;
    for (const auto& [made, name] : {std::pair{fs::path{architecture.image}, "linux"},
                                     {".config", ".config"},
                                     {"System.map", "System.map"}}) {
        std::error_code error;
        fs::copy_file(from / made, to / name, error);
        if (error) return fail_errno("copy", (from / made).string(), error.value());
        auto file = open_fd(to / name, O_RDONLY);
        if (file) ::fsync(file->get());
    }
    return {};
}

}  // namespace

Result<BuiltKernel> Builder::build_now(const Plan& plan, BuildProgress& progress,
                                       std::size_t number) {
    const auto started = steady_clock::now();
    if (auto tools = check_build_tools(); !tools) return tl::make_unexpected(tools.error());
    const std::string& name = plan.spec.name;
    progress.start(number);
    const auto note = [&](const std::string& text) {
        progress.say(fmt::format("{}: {}", name, text));
    };
    auto source = prepare_source(cache_, plan.source, options_.interrupts, note);
    if (!source) return tl::make_unexpected(source.error());
    auto scratch = cache_.work();
    if (!scratch) return tl::make_unexpected(scratch.error());
    Workshop workshop{cache_, std::move(*scratch), options_.interrupts};

    Result<void> step = workshop.link_source(*source);
    if (step) step = workshop.copy_objects(plan.inputs);
    if (step) step = workshop.apply(plan.patches);
    if (step)
        step = configure_kernel(workshop.tree(), plan.architecture, plan.spec.configs,
                                options_.interrupts);
    if (!step) return tl::make_unexpected(step.error());
    const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    auto objects =
        run_make(workshop, plan.spec, plan.architecture,
                 {options_.jobs > 0 ? options_.jobs : processors, options_.nice,
                  plan.inputs.local_version, cache_.logs() / (name + ".log"), options_.interrupts},
                 progress, number);
    if (!objects) return tl::make_unexpected(objects.error());

    auto release = read_file(workshop.objects() / "include" / "config" / "kernel.release");
    if (!release) return tl::make_unexpected(release.error());
    while (release->ends_with('\n')) release->pop_back();
    const fs::path result = workshop.directory() / "result";
    step = copy_results(workshop.objects(), plan.architecture, result);
    if (!step) return tl::make_unexpected(step.error());
    const auto duration =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - started);
    const json facts = {{"name", name},
                        {"key", plan.key},
                        {"release", *release},
                        {"source", plan.inputs.source},
                        {"source_path", plan.source.path.string()},
                        {"compiler", plan.inputs.compiler},
                        {"configs", plan.inputs.configs},
                        {"patches", plan.inputs.patches},
                        {"derived_from", workshop.donor() ? workshop.donor()->name : ""},
                        {"objects", *objects},
                        {"duration_ms", duration.count()}};
    step = write_file(result / "build.json", facts.dump(2) + "\n");
    if (step && !workshop.donor()) {
        // The first of its kind: the next ones start from its objects.
        const fs::path kept = workshop.directory() / "objects";
        step = make_directories(kept);
        if (step) step = move_path(workshop.objects(), kept / "build");
        if (step)
            step = write_file(kept / "donor.json",
                              donor_facts(name, plan.inputs, workshop.touched()).dump(2) + "\n");
        std::error_code error;
        if (step && !fs::exists(cache_.objects(plan.key), error))
            step = move_path(kept, cache_.objects(plan.key));
    }
    if (step) step = move_path(result, cache_.kernel(plan.key));
    if (!step) return tl::make_unexpected(step.error());
    return read_built(cache_.kernel(plan.key), facts);
}

}  // namespace relfence::lab
