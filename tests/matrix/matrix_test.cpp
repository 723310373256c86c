// SPDX-License-Identifier: MIT
#include <fstream>

#include <gmock/gmock.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/scratch.hpp>
#include <relfence/matrix/lava.hpp>
#include <relfence/matrix/matrix.hpp>
#include <relfence/matrix/run.hpp>

namespace relfence::matrix {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* small = R"({
  "suites": [
    {"name": "cases", "title": "the cases", "kernels": ["baseline", "v2"],
     "command": ["run", "{kernel}", "--out={out}"], "ktap": "{out}/report.ktap"},
    {"name": "check", "title": "the check", "kernels": ["baseline", "v2"], "boards": ["fresnel", "ohm"],
     "command": ["exec", "{bin}/relfence", "{board}"], "exits": {"baseline": 1},
     "on_board": ["relfence", "check"]},
    {"name": "cost", "title": "both at once", "command": ["cost"]}
  ],
  "lava": {"kernels": ["v2"],
           "boards": [{"name": "ohm", "device_type": "rk3566", "dtb": "rockchip/rk3566.dtb"}]}
})";

class MatrixTest : public testing::Test {
  protected:
    MatrixTest() : scratch_{lab::Scratch::create().value()} {}

    [[nodiscard]] fs::path root() const { return scratch_.path(); }
    [[nodiscard]] Result<Matrix> load(const std::string& text) const {
        std::ofstream{root() / "matrix.json"} << text;
        return load_matrix(root() / "matrix.json");
    }
    /// A program in place of relfence-lab. @param script shell, with the arguments in $@
    [[nodiscard]] fs::path engine(const std::string& script) const {
        const fs::path file = root() / "engine";
        std::ofstream{file} << "#!/bin/sh\n" << script;
        fs::permissions(file, fs::perms::owner_all);
        return file;
    }
    [[nodiscard]] static std::vector<std::string> names(const std::vector<Job>& jobs) {
        std::vector<std::string> result;
        for (const auto& job : jobs) result.push_back(job.name);
        return result;
    }

  private:
    lab::Scratch scratch_;
};

TEST_F(MatrixTest, EverySuiteMeetsEachOfItsKernelsAndBoards) {
    const auto matrix = load(small).value();
    EXPECT_THAT(names(jobs_of(matrix, {}, {}, {})),
                ElementsAre("cases/baseline", "cases/v2", "check/baseline/fresnel",
                            "check/baseline/ohm", "check/v2/fresnel", "check/v2/ohm", "cost"));
    EXPECT_THAT(names(jobs_of(matrix, {"check"}, {"v2"}, {"ohm"})), ElementsAre("check/v2/ohm"));
    EXPECT_TRUE(jobs_of(matrix, {"nothing"}, {}, {}).empty());
}

TEST_F(MatrixTest, PlaceholdersAreFilledIn) {
    const auto matrix = load(small).value();
    const auto jobs = jobs_of(matrix, {}, {}, {});
    EXPECT_THAT(command_of(jobs[1], "/out", "/bin"), ElementsAre("run", "v2", "--out=/out"));
    EXPECT_THAT(command_of(jobs[2], "/out", "/bin"),
                ElementsAre("exec", "/bin/relfence", "fresnel"));
    EXPECT_EQ(jobs[2].expected_exit, 1);
    EXPECT_EQ(jobs[4].expected_exit, 0);
}

TEST_F(MatrixTest, TheProjectsOwnIsWellFormed) {
    const auto matrix = load_matrix(RELFENCE_MATRIX);
    ASSERT_TRUE(matrix) << matrix.error().message();
    EXPECT_FALSE(jobs_of(*matrix, {}, {}, {}).empty());
    EXPECT_FALSE(lava_jobs(*matrix, "https://example.org/a")->empty());
}

struct Broken {
    const char* what;
    const char* from;
    const char* to;
    const char* said;
};

class BrokenMatrix : public MatrixTest, public testing::WithParamInterface<Broken> {};

TEST_P(BrokenMatrix, IsRefusedWithTheReason) {
    std::string text = small;
    const std::string from = GetParam().from;
    ASSERT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), GetParam().to);
    const auto matrix = load(text);
    ASSERT_FALSE(matrix);
    EXPECT_THAT(matrix.error().message(), HasSubstr(GetParam().said));
    EXPECT_THAT(matrix.error().message(), HasSubstr("matrix.json"));
}

INSTANTIATE_TEST_SUITE_P(
    Matrix, BrokenMatrix,
    testing::Values(
        Broken{"NoJson", "{", "", "parse error"},
        Broken{"NoTitle", R"("title": "the cases", )", "", "'title' not found"},
        Broken{"NoList", R"(["cost"])", R"("cost")", "must be array"},
        Broken{"NoCommand", R"(["cost"])", "[]", "no command"},
        Broken{"Twice", R"("name": "cost")", R"("name": "check")", "check twice"},
        Broken{"Escapes", R"("name": "cost")", R"("name": "../x")", "is no name"},
        Broken{"EscapesByKernel", R"(["baseline", "v2"])", R"(["a/../b"])", "is no name"},
        Broken{"Option", R"("name": "cost")", R"("name": "-x")", "is no name"},
        Broken{"Placeholder", "{kernel}", "{kernle}", "{kernle}"},
        Broken{"Exits", R"("exits": {"baseline")", R"("exits": {"v3")", "exits names v3"},
        Broken{"NoLava", R"("lava")", R"("java")", "'lava' not found"}),
    [](const auto& broken) { return broken.param.what; });

TEST_F(MatrixTest, AMissingFileIsNamed) {
    const auto matrix = load_matrix(root() / "none.json");
    ASSERT_FALSE(matrix);
    EXPECT_EQ(matrix.error().code, ENOENT);
}

constexpr const char* good_engine = R"(
out=${3#--out=}
case $1 in
run) printf 'KTAP version 1\n1..1\nok 1 a\n' > "$out/report.ktap" ;;
exec) printf 'KTAP version 1\n1..1\nnot ok 1 b\n'; [ "$3" = ohm ] || exit 1 ;;
cost) echo hello; echo trouble >&2; exit 2 ;;
esac
)";

TEST_F(MatrixTest, JobsAreJudgedByWhatTheyExitWithAndLeave) {
    const auto matrix = load(small).value();
    const auto jobs = jobs_of(matrix, {}, {}, {});
    std::size_t ended = 0;
    RunOptions options{engine(good_engine), root() / "out", 3, nullptr,
                       [&](const JobResult&) { ++ended; }};
    const auto results = run_jobs(jobs, options);
    ASSERT_TRUE(results) << results.error().message();
    EXPECT_EQ(ended, jobs.size());
    std::vector<std::string> bad;
    for (const auto& result : *results)
        if (!result.ok) bad.push_back(result.job->name + ": " + result.why);
    EXPECT_THAT(bad, ElementsAre("check/baseline/ohm: exit status 0, not 1",
                                 "check/v2/fresnel: exit status 1, not 0",
                                 "cost: exit status 2, not 0: trouble"));
    EXPECT_EQ(lab::read_file(root() / "out/cost/stdout").value(), "hello\n");
    EXPECT_EQ(lab::read_file(root() / "out/cost/stderr").value(), "trouble\n");

    const std::string ktap = to_ktap(*results);
    EXPECT_TRUE(
        ktap.starts_with("KTAP version 1\n1..7\n  KTAP version 1\n  1..1\n  ok 1 a\n"
                         "ok 1 cases/baseline\n"))
        << ktap;
    EXPECT_THAT(ktap, HasSubstr("# exit status 2, not 0: trouble\nnot ok 7 cost\n"));
}

TEST_F(MatrixTest, OldResultsDoNotCount) {
    const auto matrix = load(small).value();
    const auto jobs = jobs_of(matrix, {"cases"}, {"v2"}, {});
    RunOptions options{engine(good_engine), root() / "out", 1, nullptr, {}};
    ASSERT_TRUE(run_jobs(jobs, options).value()[0].ok);
    options.engine = engine("exit 0");
    const auto results = run_jobs(jobs, options).value();
    EXPECT_FALSE(results[0].ok);
    EXPECT_EQ(results[0].why, "left no KTAP");
}

TEST_F(MatrixTest, AnEngineThatDiesIsAResult) {
    const auto matrix = load(small).value();
    const auto jobs = jobs_of(matrix, {"cases"}, {"v2"}, {});
    const RunOptions options{engine("kill -9 $$"), root() / "out", 1, nullptr, {}};
    EXPECT_EQ(run_jobs(jobs, options).value()[0].why, "killed by signal 9, not 0");
}

TEST_F(MatrixTest, ADirectoryThatCannotBeMadeIsAnError) {
    const auto matrix = load(small).value();
    std::ofstream{root() / "out"} << "a file";
    const RunOptions options{engine("exit 0"), root() / "out", 2, nullptr, {}};
    EXPECT_FALSE(run_jobs(jobs_of(matrix, {}, {}, {}), options));
}

TEST_F(MatrixTest, LavaGetsOneJobForEachBoardAndKernel) {
    const auto matrix = load(small).value();
    const auto jobs = lava_jobs(matrix, "https://example.org/a").value();
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0].name, "check-v2-ohm");
    EXPECT_THAT(jobs[0].yaml, HasSubstr("device_type: rk3566\n"));
    EXPECT_THAT(jobs[0].yaml,
                HasSubstr("url: https://example.org/a/v2/dtbs/rockchip/rk3566.dtb\n"));
}

TEST_F(MatrixTest, ArtifactsHaveToBeAUrl) {
    const auto matrix = load(small).value();
    for (const char* bad : {"", "/tmp/x", "ftp://x", "https://x/", "https://x y", "https://x\n"})
        EXPECT_FALSE(lava_jobs(matrix, bad)) << bad;
    for (const char* good : {"http://x", "https://x/y", "file:///x"})
        EXPECT_TRUE(lava_jobs(matrix, good)) << good;
}

}  // namespace
}  // namespace relfence::matrix
