// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/lab/builder.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/kernel_config.hpp>
#include <relfence/lab/patches.hpp>
#include <relfence/lab/progress.hpp>
#include <relfence/lab/sandbox.hpp>
#include <relfence/verify/gates.hpp>

namespace relfence::verify {
namespace fs = std::filesystem;
namespace {

/// What the public review of the series asked to be compiled.
constexpr const char* review_objects[] = {"drivers/media/common/videobuf2/videobuf2-core.o",
                                          "drivers/media/platform/verisilicon/hantro_v4l2.o",
                                          "drivers/media/platform/rockchip/rga/rga-buf.o"};
/// What the patches touch.
constexpr const char* touched_parts[] = {"drivers/media/common/videobuf2/",
                                         "drivers/media/v4l2-core/v4l2-mem2mem.o",
                                         "drivers/media/mc/", "drivers/media/platform/verisilicon/",
                                         "drivers/media/platform/rockchip/rga/"};
/// What only some series touch, and not every configuration has.
constexpr const char* rare_parts[] = {"drivers/staging/media/rkvdec/"};

/// A tree of hard links with its objects in it, and the three gates that come of building in it.
class Site {
  public:
    Site(const Subject& subject, const std::optional<Sparse>& sparse)
        : subject_{subject},
          checker_{sparse},
          tree_{subject.scratch / "linux"},
          progress_{"builds", "builds",
                    subject.patches.size() + (sparse && sparse->trouble.empty() ? 3 : 1)},
          parts_{std::begin(touched_parts), std::end(touched_parts)} {
        builds_.name = "builds";
        warnings_.name = "W=1";
        sparse_.name = "sparse";
        if (checker_) skip_sparse_ = checker_->trouble;
    }

    std::vector<GateResult> run() {
        if (auto went = work(); !went) break_all(went.error());
        finish(builds_, fmt::format("{} patches, each on its own{}", built_,
                                    linked_ == 0 ? "" : fmt::format("; {} modules link", linked_)));
        finish(warnings_, "no new warning");
        if (!checker_) return {builds_, warnings_};
        finish(sparse_, fmt::format("no new warning of sparse {}", checker_->version));
        return {builds_, warnings_, sparse_};
    }

  private:
    Result<void> work() {
        lab::CommandOptions copy;
        copy.interrupts = subject_.interrupts;
        auto linked =
            lab::run_command({"cp", "-al", "--", subject_.source.string(), tree_.string()}, copy);
        if (!linked) return tl::make_unexpected(linked.error());
        if (!linked->ok()) return fail("cannot be linked", subject_.source.string());
        if (auto configured = lab::configure_kernel(tree_, subject_.architecture, subject_.configs,
                                                    subject_.interrupts);
            !configured)
            return configured;
        if (auto found = add_rare_parts(); !found) return found;
        auto prepared = make({"prepare"}, builds_, builds_log_);
        if (!prepared) return tl::make_unexpected(prepared.error());
        if (!prepared->ok()) return fail(lab::explain_build_failure(prepared->error), "the base");
        auto base = make(parts_, builds_, builds_log_);
        if (!base) return tl::make_unexpected(base.error());
        if (!base->ok()) return fail(lab::explain_build_failure(base->error), "the base");
        auto before = compiler_warnings(base->error);
        auto modules = link_modules();
        if (!modules) return tl::make_unexpected(modules.error());
        modules_ = std::move(*modules);
        progress_.step();
        if (auto checked = run_sparse(sparse_before_); !checked) return checked;
        for (const auto& patch : subject_.patches) {
            auto good = build_one(patch, before);
            if (!good) return tl::make_unexpected(good.error());
            if (!*good) {
                skip_sparse_ = "a patch does not build";
                return {};
            }
            progress_.step();
        }
        if (auto own = build_own(before); !own) return own;
        std::map<std::string, int> after;
        if (auto checked = run_sparse(after); !checked) return checked;
        sparse_.all = added(sparse_before_, after);
        return {};
    }

    Result<void> add_rare_parts() {
        for (const auto& patch : subject_.patches) {
            const auto text = lab::read_file(patch);
            if (!text) return tl::make_unexpected(text.error());
            const auto files = touched_files(*text);
            for (const std::string part : rare_parts)
                if (std::find(parts_.begin(), parts_.end(), part) == parts_.end() &&
                    std::any_of(files.begin(), files.end(),
                                [&](const auto& file) { return file.starts_with(part); }))
                    parts_.push_back(part);
        }
        return {};
    }

    /// @return whether the patch builds, so that it makes sense to go on
    Result<bool> build_one(const fs::path& patch, std::map<std::string, int>& known) {
        const std::string name = patch.filename().string();
        builds_log_ += "== " + name + "\n";
        if (auto applied = lab::apply_patch(tree_, patch); !applied) {
            builds_.all.push_back(name + ": " + applied.error().operation);
            return false;
        }
        std::string said;
        for (const auto& wanted :
             {std::vector<std::string>{std::begin(review_objects), std::end(review_objects)},
              parts_}) {
            auto made = make(wanted, builds_, builds_log_);
            if (!made) return tl::make_unexpected(made.error());
            said += made->error;
            if (made->ok()) continue;
            builds_.all.push_back(name + ": " + lab::explain_build_failure(made->error));
            return false;
        }
        auto linked = link_and_check(name);
        if (!linked || !*linked) return linked;
        // Only what was compiled again says something: what is known stays so.
        const auto now = compiler_warnings(said);
        for (const auto& finding : added(known, now))
            warnings_.all.push_back(name + ": " + finding);
        for (const auto& [finding, count] : now) known[finding] = std::max(known[finding], count);
        ++built_;
        return true;
    }

    /// The modules among what the patches touch, by what make left of them.
    [[nodiscard]] std::vector<std::string> modules() const {
        std::vector<std::string> found;
        std::error_code error;
        for (const std::string& part : parts_) {
            if (!part.ends_with('/')) continue;
            for (const auto& entry : fs::directory_iterator{tree_ / "build" / part, error})
                if (entry.path().extension() == ".mod")
                    found.push_back(part + entry.path().stem().string() + ".ko");
        }
        if (!found.empty()) found.emplace_back("drivers/media/v4l2-core/v4l2-mem2mem.ko");
        return found;
    }

    /// Links the modules, if any. Without the rest of the kernel modpost knows but the symbols of
    /// these, and stops to list what it does not know at ten; so that is read from the modules.
    Result<ModuleSymbols> link_modules() {
        std::vector<std::string> goals = modules();
        linked_ = goals.size();
        if (goals.empty()) return ModuleSymbols{};
        std::vector<std::string> nm{std::string{subject_.architecture.cross} + "nm"};
        for (const auto& goal : goals) nm.push_back("build/" + goal);
        goals.emplace_back("KBUILD_MODPOST_WARN=1");
        auto made = make(goals, builds_, builds_log_);
        if (!made) return tl::make_unexpected(made.error());
        if (!made->ok()) return fail(lab::explain_build_failure(made->error), "linking modules");
        lab::CommandOptions options;
        options.spawn.directory = tree_.string();
        options.interrupts = subject_.interrupts;
        auto said = lab::run_command(nm, options);
        if (!said) return tl::make_unexpected(said.error());
        if (!said->ok()) return fail(said->error.substr(0, said->error.find('\n')), nm.front());
        return module_symbols(said->output);
    }

    /// @return whether what the modules newly take from elsewhere is there
    Result<bool> link_and_check(const std::string& name) {
        auto modules = link_modules();
        if (!modules) return tl::make_unexpected(modules.error());
        auto missing = not_exported(newly_undefined(modules_, *modules));
        if (!missing) return tl::make_unexpected(missing.error());
        for (const auto& symbol : *missing)
            builds_.all.push_back(
                fmt::format("{}: {} is used by a module, and nothing exports it", name, symbol));
        modules_ = std::move(*modules);
        return missing->empty();
    }

    /// Those of some symbols that no source of the kernel exports.
    Result<std::set<std::string>> not_exported(std::set<std::string> symbols) {
        if (symbols.empty()) return symbols;
        lab::CommandOptions options;
        options.spawn.directory = tree_.string();
        options.interrupts = subject_.interrupts;
        auto said = lab::run_command(
            {"grep", "-rhoE", "--include=*.[cS]",
             fmt::format("EXPORT_SYMBOL[A-Z_]*\\(({})[,)]", fmt::join(symbols, "|")), "kernel",
             "lib", "mm", "fs", "net", "crypto", "drivers",
             "arch/" + std::string{subject_.architecture.name}},
            options);
        if (!said) return tl::make_unexpected(said.error());
        std::erase_if(symbols, [&](const std::string& symbol) {
            return said->output.find("(" + symbol + ")") != std::string::npos ||
                   said->output.find("(" + symbol + ",") != std::string::npos;
        });
        return symbols;
    }

    /// What only the patches know of, as their KUnit tests.
    Result<void> build_own(const std::map<std::string, int>& known) {
        if (subject_.own_configs.empty()) return {};
        builds_log_ += "== with the symbols of the patches\n";
        auto fragments = subject_.configs;
        fragments.insert(fragments.end(), subject_.own_configs.begin(), subject_.own_configs.end());
        if (auto configured =
                lab::configure_kernel(tree_, subject_.architecture, fragments, subject_.interrupts);
            !configured)
            return configured;
        auto made = make(parts_, builds_, builds_log_);
        if (!made) return tl::make_unexpected(made.error());
        if (!made->ok())
            builds_.all.push_back("KUnit tests: " + lab::explain_build_failure(made->error));
        else if (auto linked = link_and_check("KUnit tests"); !linked)
            return tl::make_unexpected(linked.error());
        for (const auto& finding : added(known, compiler_warnings(made->error)))
            warnings_.all.push_back("KUnit tests: " + finding);
        return {};
    }

    Result<void> run_sparse(std::map<std::string, int>& found) {
        if (!checker_ || !skip_sparse_.empty()) return {};
        auto targets_and_check = parts_;
        targets_and_check.emplace_back("C=2");
        targets_and_check.push_back("CHECK=" + checker_->program);
        auto made = make(targets_and_check, sparse_, sparse_log_);
        if (!made) return tl::make_unexpected(made.error());
        if (!made->ok()) return fail(lab::explain_build_failure(made->error), "sparse");
        if (!checker_ran(made->output)) return fail("has checked nothing", "sparse");
        found = compiler_warnings(made->error);
        progress_.step();
        return {};
    }

    Result<lab::CommandResult> make(const std::vector<std::string>& goals, GateResult& gate,
                                    std::string& log) {
        const auto started = std::chrono::steady_clock::now();
        std::vector<std::string> command{"make", "O=build", fmt::format("-j{}", subject_.jobs),
                                         "W=1"};
        for (const auto& [variable, value] : subject_.architecture.variables())
            command.push_back(fmt::format("{}={}", variable, value));
        command.insert(command.end(), goals.begin(), goals.end());
        lab::CommandOptions options;
        options.spawn.directory = tree_.string();
        options.spawn.extra = {{"LC_ALL", "C"}};
        options.interrupts = subject_.interrupts;
        auto made = lab::run_command(lab::contained(command), options);
        if (made) log += made->output + made->error;
        gate.seconds +=
            std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
        return made;
    }

    void break_all(const Error& error) {
        for (GateResult* gate : {&builds_, &warnings_, &sparse_}) {
            gate->outcome = Outcome::error;
            gate->text = error.code == EINTR ? "interrupted" : error.message();
        }
    }

    void finish(GateResult& gate, const std::string& good) {
        const std::string& log = &gate == &sparse_ ? sparse_log_ : builds_log_;
        const fs::path file = subject_.logs / (gate.name == "sparse" ? "sparse.log" : "builds.log");
        if (lab::write_file(file, log)) gate.log = file;
        if (gate.outcome == Outcome::error) return;
        if (&gate == &sparse_ && !skip_sparse_.empty()) {
            gate.outcome = Outcome::skip;
            gate.text = skip_sparse_;
            return;
        }
        gate.outcome = gate.all.empty() ? Outcome::pass : Outcome::fail;
        gate.text = gate.all.empty() ? good : gate.all.front();
    }

    const Subject& subject_;
    const std::optional<Sparse>& checker_;
    std::string skip_sparse_;  ///< why nothing can be said, if so
    fs::path tree_;
    lab::Progress progress_;
    std::vector<std::string> parts_;
    std::size_t built_ = 0;
    std::size_t linked_ = 0;  ///< modules
    ModuleSymbols modules_;   ///< of the last good build
    GateResult builds_;
    GateResult warnings_;
    GateResult sparse_;
    std::string builds_log_;
    std::string sparse_log_;
    std::map<std::string, int> sparse_before_;
};

}  // namespace

std::vector<GateResult> check_builds(const Subject& subject, const std::optional<Sparse>& sparse) {
    return Site{subject, sparse}.run();
}

}  // namespace relfence::verify
