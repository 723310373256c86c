// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/patches.hpp>
#include <relfence/verify/gates.hpp>

namespace relfence::verify {
namespace fs = std::filesystem;
using lab::CommandOptions;
using lab::CommandResult;
namespace {

/// Fills in what each gate has: its time, its log, and from the findings its outcome.
class Gate {
  public:
    Gate(const Subject& subject, const std::string& name)
        : log_{subject.logs / (name + ".log")}, started_{std::chrono::steady_clock::now()} {
        result_.name = name;
    }
    void say(std::string_view text) { said_.append(text); }
    void find(const std::string& what) { result_.all.push_back(what); }
    [[nodiscard]] bool found() const { return !result_.all.empty(); }
    GateResult broken(const Error& error) {
        result_.outcome = Outcome::error;
        result_.text = error.code == EINTR ? "interrupted" : error.message();
        return end();
    }
    GateResult done(const std::string& good) {
        result_.outcome = found() ? Outcome::fail : Outcome::pass;
        result_.text = found() ? result_.all.front() : good;
        return end();
    }

  private:
    GateResult end() {
        // Without a log, as on a full disk, the table still says what is wrong.
        if (lab::write_file(log_, said_)) result_.log = log_;
        result_.seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
        return std::move(result_);
    }
    GateResult result_;
    fs::path log_;
    std::string said_;
    std::chrono::steady_clock::time_point started_;
};

CommandOptions in(const Subject& subject, const fs::path& directory) {
    CommandOptions options;
    options.spawn.directory = directory.string();
    options.interrupts = subject.interrupts;
    // Nobody's git configuration matters, and no repository around the scratch directory.
    options.spawn.extra = {{"LC_ALL", "C"},
                           {"GIT_CONFIG_GLOBAL", "/dev/null"},
                           {"GIT_CONFIG_NOSYSTEM", "1"},
                           {"GIT_COMMITTER_NAME", "relfence"},
                           {"GIT_COMMITTER_EMAIL", "relfence@localhost"},
                           {"GIT_AUTHOR_NAME", "relfence"},
                           {"GIT_AUTHOR_EMAIL", "relfence@localhost"}};
    return options;
}

Result<std::set<std::string>> all_touched(const Subject& subject) {
    std::set<std::string> files;
    for (const auto& patch : subject.patches) {
        auto text = lab::read_file(patch);
        if (!text) return tl::make_unexpected(text.error());
        files.merge(touched_files(*text));
    }
    return files;
}

/// The touched files of the pristine source, as copies: a whole tree would cost a minute.
Result<void> copy_touched(const Subject& subject, const std::set<std::string>& files,
                          const fs::path& target) {
    for (const auto& file : files) {
        std::error_code error;
        if (!fs::exists(subject.source / file, error)) continue;  // a patch makes it
        if (auto made = lab::make_directories((target / file).parent_path()); !made) return made;
        fs::copy_file(subject.source / file, target / file, error);
        if (error) return fail_errno("copy", file, error.value());
    }
    return {};
}

/// Runs commands in one directory until one of them fails.
class Shell {
  public:
    Shell(const Subject& subject, fs::path directory, Gate& gate)
        : options_{in(subject, directory)}, gate_{gate} {}
    Result<CommandResult> run(const std::vector<std::string>& command) {
        auto result = lab::run_command(command, options_);
        if (result) gate_.say(result->output + result->error);
        return result;
    }
    /// @return an error also when the command fails
    Result<CommandResult> must(const std::vector<std::string>& command) {
        auto result = run(command);
        if (result && !result->ok())
            return relfence::fail(result->error.substr(0, result->error.find('\n')), command[0]);
        return result;
    }

  private:
    CommandOptions options_;
    Gate& gate_;
};

/// What git apply says of a patch that git am refused: it names file and hunk.
std::string explain(Shell& shell, const fs::path& patch, const CommandResult& am) {
    const auto text = lab::read_file(patch);
    const auto check = shell.run({"git", "apply", "--check", patch.string()});
    const std::string said = check && !check->ok() ? check->error : am.error;
    return fmt::format("{}: {}", patch.filename().string(),
                       lab::explain_patch_failure(said, text.value_or("")));
}

}  // namespace

GateResult check_applies(const Subject& subject) {
    Gate gate{subject, "applies"};
    const fs::path tree = subject.scratch / "am";
    const auto files = all_touched(subject);
    if (!files) return gate.broken(files.error());
    if (auto made = lab::make_directories(tree); !made) return gate.broken(made.error());
    if (auto copied = copy_touched(subject, *files, tree); !copied)
        return gate.broken(copied.error());
    Shell shell{subject, tree, gate};
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"git", "init", "-q"},
          {"git", "add", "-Af", "."},
          {"git", "commit", "-q", "--allow-empty", "-m", "base"},
          {"git", "tag", "base"}})
        if (auto ran = shell.must(command); !ran) return gate.broken(ran.error());
    for (const auto& patch : subject.patches) {
        auto am = shell.run({"git", "am", "-q", "--keep-non-patch", patch.string()});
        if (!am) return gate.broken(am.error());
        if (am->ok()) continue;
        gate.find(explain(shell, patch, *am));
        return gate.done("");
    }
    auto whole = shell.must({"git", "diff", "--binary", "base", "HEAD"});
    if (!whole) return gate.broken(whole.error());
    const fs::path reversed = subject.scratch / "whole.diff";
    if (auto written = lab::write_file(reversed, whole->output); !written)
        return gate.broken(written.error());
    auto back = shell.run({"git", "apply", "--reverse", "--index", reversed.string()});
    if (!back) return gate.broken(back.error());
    auto same = shell.run({"git", "diff", "--cached", "--quiet", "base"});
    if (!same) return gate.broken(same.error());
    if (!back->ok() || !same->ok()) gate.find("reversed, the patches do not lead back to the base");
    return gate.done(fmt::format("{} patches, and the whole reversed", subject.patches.size()));
}

GateResult check_style(const Subject& subject) {
    Gate gate{subject, "checkpatch"};
    const auto allowed =
        lab::read_file(subject.project / "tests" / "series" / "checkpatch.allowed");
    if (!allowed) return gate.broken(allowed.error());
    const auto types = allowed_types(*allowed);
    // In a git tree checkpatch takes a patch that is tracked for a source file.
    Shell shell{subject, subject.scratch, gate};
    for (const auto& patch : subject.patches) {
        // --no-tree: what needs a whole tree is seen when the kernels are built.
        auto said =
            shell.run({"perl", (subject.source / "scripts" / "checkpatch.pl").string(), "--no-tree",
                       "--strict", "--show-types", "--terse", "--color=never", patch.string()});
        if (!said) return gate.broken(said.error());
        // A checkpatch that died in the middle says nothing about the rest.
        if (said->output.find("lines checked") == std::string::npos)
            return gate.broken(relfence::fail("did not come to its end", "checkpatch.pl",
                                              patch.filename().string())
                                   .value());
        for (const auto& finding : checkpatch_findings(said->output, types)) gate.find(finding);
    }
    return gate.done(fmt::format("--strict, {} patches", subject.patches.size()));
}

GateResult check_kernel_doc(const Subject& subject) {
    Gate gate{subject, "kernel-doc"};
    const auto files = all_touched(subject);
    if (!files) return gate.broken(files.error());
    const fs::path tree = subject.scratch / "doc";
    if (auto made = lab::make_directories(tree); !made) return gate.broken(made.error());
    if (auto copied = copy_touched(subject, *files, tree); !copied)
        return gate.broken(copied.error());
    Shell shell{subject, tree, gate};
    const auto doc = [&]() -> Result<std::map<std::string, int>> {
        std::vector<std::string> command{(subject.source / "scripts" / "kernel-doc").string(),
                                         "-none", "-Wall"};
        for (const auto& file : *files) {
            std::error_code error;
            if ((file.ends_with(".c") || file.ends_with(".h")) && fs::exists(tree / file, error))
                command.push_back(file);
        }
        auto said = shell.run(command);
        if (!said) return tl::make_unexpected(said.error());
        // Its status says that there are warnings; that it is not there at all is another matter.
        auto found = kernel_doc_warnings(said->output + said->error);
        if (!said->ok() && found.empty() && !said->error.empty())
            return relfence::fail(said->error.substr(0, said->error.find('\n')), "kernel-doc");
        return found;
    };
    auto before = doc();
    if (!before) return gate.broken(before.error());
    for (const auto& patch : subject.patches)
        if (auto applied = lab::apply_patch(tree, patch); !applied)
            return gate.broken(applied.error());
    auto after = doc();
    if (!after) return gate.broken(after.error());
    for (const auto& finding : added(*before, *after)) gate.find(finding);
    return gate.done(fmt::format("{} files, nothing new", files->size()));
}

}  // namespace relfence::verify
