// SPDX-License-Identifier: MIT
// Which sparse a source is checked with, on a machine whose programs are stand-ins.
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sys/stat.h>

#include <gmock/gmock.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/process.hpp>
#include <relfence/lab/scratch.hpp>
#include <relfence/verify/sparse.hpp>

namespace relfence::verify {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class ChooseSparse : public testing::Test {
  protected:
    void SetUp() override {
        for (const char* name : {"bin", "source/scripts", "scratch", "log"})
            fs::create_directories(at(name));
        const std::string old_path = std::getenv("PATH");
        ::setenv("PATH", (at("bin").string() + ":" + old_path).c_str(), 1);
        program("sparse", "echo '0.6.4 (Debian: 0.6.4-3)'");
        program("apt-get", "echo called >>" + at("log/apt").string() + R"(
case "$*" in
    indextargets*) echo 'http://mirror.example.org/debian|Debian|bookworm' ;;
    *update) grep -q '^deb-src .* sid main$' sources.list ;;
    *'source --download-only sparse') : >sparse_9.9~rc1-2.dsc ;;
    *) exit 9 ;;
esac)");
        // What it unpacks builds a program that says its version, as long as it is built as it
        // has to be here: Debian's own makefile asks for a compiler that is not installed.
        program("dpkg-source", R"([ "$1 $2" = '-x sparse_9.9~rc1-2.dsc' ] && mkdir "$3" || exit 1
printf 'CC = gcc-99\nsparse:\n\ttest $(CC) = gcc\n\tprintf "#!/bin/sh\\necho new\\n" >sparse\n\tchmod +x sparse\n' >"$3/Makefile")");
        subject_.source = at("source");
        subject_.scratch = at("scratch");
        subject_.release = "7.3.4";
    }
    [[nodiscard]] fs::path at(const std::string& name) const { return scratch_.path() / name; }
    void program(const std::string& name, const std::string& text) const {
        const fs::path path = at("bin/" + name);
        std::ofstream{path} << "#!/bin/sh\n" << text << "\n";
        ::chmod(path.c_str(), 0755);
    }
    /// The source takes a sparse only if it says that version.
    void source_wants(const std::string& version) const {
        std::ofstream{at("source/scripts/checker-valid.sh")}
            << "case \"$($1 --version)\" in " << version << ") echo 1 ;; *) echo 0 ;; esac\n";
    }
    Result<Sparse> choose(const lab::Interrupts* interrupts = nullptr) {
        subject_.interrupts = interrupts;
        return choose_sparse(subject_, cache_, [this](const std::string& text) { notes_ += text; });
    }
    [[nodiscard]] long apt_calls() const {
        const auto text = lab::read_file(at("log/apt")).value_or("");
        return std::count(text.begin(), text.end(), '\n');
    }
    [[nodiscard]] static std::vector<std::string> names_in(const fs::path& folder) {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator{folder})
            names.push_back(entry.path().filename().string());
        return names;
    }

    lab::Scratch scratch_ = lab::Scratch::create().value();
    lab::Cache cache_ = lab::Cache::open(scratch_.path() / "cache").value();
    Subject subject_;
    std::string notes_;
};

TEST_F(ChooseSparse, TakesTheInstalledOneWhereTheSourceDoesNotAsk) {
    const auto sparse = choose().value();
    EXPECT_EQ(sparse.program, "sparse");
    EXPECT_EQ(sparse.version, "0.6.4");
    EXPECT_THAT(sparse.trouble, IsEmpty());
    EXPECT_EQ(apt_calls(), 0);
}

TEST_F(ChooseSparse, TakesTheInstalledOneWhereTheSourceAcceptsIt) {
    source_wants("0.6.4*");
    EXPECT_EQ(choose().value().program, "sparse");
    EXPECT_EQ(apt_calls(), 0);
}

TEST_F(ChooseSparse, BuildsANewerOneOnceAndLeavesNothingElse) {
    source_wants("new");
    const auto sparse = choose().value();
    EXPECT_EQ(sparse.program, at("scratch/sparse").string());
    EXPECT_EQ(sparse.version, "9.9~rc1-2");
    EXPECT_THAT(sparse.trouble, IsEmpty());
    EXPECT_EQ(lab::run_command({sparse.program, "--version"}).value().output, "new\n");
    EXPECT_THAT(notes_, AllOf(HasSubstr("7.3.4"), HasSubstr("9.9~rc1-2")));
    EXPECT_THAT(names_in(cache_.tool("")), testing::ElementsAre("sparse-9.9~rc1-2"));
    EXPECT_THAT(names_in(cache_.root() / "work"), IsEmpty());
    const auto calls = apt_calls();
    EXPECT_EQ(choose().value().version, "9.9~rc1-2");
    EXPECT_EQ(apt_calls(), calls);
}

TEST_F(ChooseSparse, SaysWhyThereIsNoneWithoutANetwork) {
    source_wants("new");
    program("apt-get", R"(case "$*" in
    indextargets*) echo 'http://mirror.example.org/debian|Debian|bookworm' ;;
    *) echo 'W: Failed to fetch http://mirror.example.org/debian' >&2 ;;
esac)");
    const auto sparse = choose().value();
    EXPECT_THAT(sparse.program, IsEmpty());
    EXPECT_THAT(sparse.trouble, AllOf(HasSubstr("nothing was checked"), HasSubstr("sparse 0.6.4"),
                                      HasSubstr("Failed to fetch")));
    EXPECT_THAT(names_in(cache_.tool("")), IsEmpty());
    EXPECT_THAT(names_in(cache_.root() / "work"), IsEmpty());
}

TEST_F(ChooseSparse, LeavesNothingOfOneThatDoesNotBuild) {
    source_wants("new");
    program("dpkg-source", R"(mkdir "$3"; printf 'sparse:\n\tfalse\n' >"$3/Makefile")");
    const auto sparse = choose().value();
    EXPECT_THAT(sparse.trouble, HasSubstr("sparse 9.9~rc1-2"));
    EXPECT_THAT(names_in(cache_.tool("")), IsEmpty());
    EXPECT_THAT(names_in(cache_.root() / "work"), IsEmpty());
}

TEST_F(ChooseSparse, SaysThatTheNewestIsTooOldAsWell) {
    // Catches that a program counts as good because it is the newest.
    source_wants("newer");
    const auto sparse = choose().value();
    EXPECT_THAT(sparse.program, IsEmpty());
    EXPECT_THAT(sparse.trouble, HasSubstr("sparse-9.9~rc1-2"));
    EXPECT_THAT(choose().value().trouble, HasSubstr("sparse-9.9~rc1-2"));
}

TEST_F(ChooseSparse, TakesTheOneOfTheCacheThatTheSourceAccepts) {
    source_wants("old");
    for (const std::string version : {"1.0", "1.1", "1.2"}) {
        program("sparse-" + version, version == "1.1" ? "echo old" : "echo other");
        fs::create_directories(cache_.tool("sparse-" + version));
        fs::rename(at("bin/sparse-" + version), cache_.tool("sparse-" + version) / "sparse");
    }
    EXPECT_EQ(choose().value().version, "1.1");
    EXPECT_EQ(apt_calls(), 0);
}

TEST_F(ChooseSparse, EndsWhenItIsInterrupted) {
    source_wants("new");
    const auto interrupts = lab::Interrupts::create_within(nullptr).value();
    interrupts.stop();
    const auto sparse = choose(&interrupts);
    ASSERT_FALSE(sparse);
    EXPECT_EQ(sparse.error().code, EINTR);
}

}  // namespace
}  // namespace relfence::verify
