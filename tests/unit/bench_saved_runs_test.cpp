// SPDX-License-Identifier: MIT
#include <cmath>
#include <filesystem>
#include <random>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/base/files.hpp>
#include <relfence/bench/saved_runs.hpp>

namespace relfence::bench {
namespace {

using testing::HasSubstr;

SavedRuns example() {
    SavedRuns saved;
    saved.program = "relfence 1.2.3";
    saved.recorded = "2025-01-31T12:00:00Z";
    saved.machine = {"6.12.48", "#1 SMP", "aarch64", "Cortex-A72", 6, "performance"};
    saved.work = {"hantro-vpu", "rockchip,rk3399-vpu-dec", "decode VP8 640x368", 4};
    for (int i = 0; i < 3; ++i) {
        bench::Run run;
        run.figures["poll"] = {"ns", {1.5, 2, 1e9}};
        run.figures["fps"] = {"1/s", {59.94}};
        run.missing["wake"] = "no fence";
        saved.runs.push_back(run);
    }
    return saved;
}

/// What a reader relies on, whatever the text was.
void expect_sound(const SavedRuns& saved) {
    ASSERT_FALSE(saved.runs.empty());
    for (const auto& run : saved.runs) {
        for (const auto& [name, samples] : run.figures) {
            EXPECT_FALSE(samples.values.empty()) << name;
            for (const double value : samples.values)
                EXPECT_TRUE(std::isfinite(value) && value >= 0);
        }
    }
    for (const auto& text : {saved.machine.kernel, saved.work.card, saved.program})
        for (const char c : text) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST(SavedRuns, ComeBackAsTheyWere) {
    const auto read = runs_from_json(runs_to_json(example()), "a.json");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(runs_to_json(*read), runs_to_json(example()));
    EXPECT_EQ(read->work, example().work);
    EXPECT_EQ(read->runs[1].figures.at("poll").values, (std::vector<double>{1.5, 2, 1e9}));
    EXPECT_EQ(read->runs[2].missing.at("wake"), "no fence");
}

TEST(SavedRuns, ThatAreCutShortAreRefused) {
    const std::string text = runs_to_json(example());
    for (std::size_t length = 0; length + 1 < text.size(); ++length) {
        const auto read = runs_from_json(text.substr(0, length), "a.json");
        ASSERT_FALSE(read) << length;
        ASSERT_EQ(read.error().message().find('\n'), std::string::npos);
    }
}

// Bytes changed, left out and doubled, with a fixed seed: sound or refused in one line.
TEST(SavedRuns, ThatWereTamperedWithAreSoundOrRefused) {
    const std::string text = runs_to_json(example());
    std::mt19937 random{42};
    int refused = 0;
    for (int i = 0; i < 1'000; ++i) {
        std::string changed = text;
        for (unsigned k = random() % 4 + 1; k > 0; --k) {
            const std::size_t at = random() % changed.size();
            switch (random() % 4) {
                case 0:
                    changed[at] = static_cast<char>(random());
                    break;
                case 1:
                    changed.erase(at, random() % 20 + 1);
                    break;
                case 2:
                    changed.insert(at, changed.substr(random() % changed.size(), random() % 40));
                    break;
                default:
                    changed[at] = "0123456789-eE.,:{}[]\""[random() % 21];
            }
            if (changed.empty()) changed = " ";
        }
        const auto read = runs_from_json(changed, "a.json");
        if (read) {
            expect_sound(*read);
            continue;
        }
        ++refused;
        ASSERT_EQ(read.error().message().find('\n'), std::string::npos);
    }
    EXPECT_GT(refused, 200);  // or nothing was tampered with
}

std::string refusal(std::string text, const std::string& what, const std::string& with) {
    const auto at = text.find(what);
    if (at == std::string::npos) return "the example has no " + what;
    const auto read = runs_from_json(text.replace(at, what.size(), with), "a.json");
    return read ? "taken" : read.error().message();
}

TEST(SavedRuns, ThatAreHostileAreRefusedWithTheReason) {
    const std::string text = runs_to_json(example());
    EXPECT_THAT(refusal(text, "1.5", "-1.5"), HasSubstr("a sample of \"poll\""));
    EXPECT_THAT(refusal(text, "1.5", "1e999"), HasSubstr("no JSON"));
    EXPECT_THAT(refusal(text, "1.5", "\"1.5\""), HasSubstr("a sample of \"poll\""));
    EXPECT_THAT(refusal(text, "\"version\": 1", "\"version\": 2"), HasSubstr("version 2"));
    EXPECT_THAT(refusal(text, "\"version\": 1", "\"version\": -1"), HasSubstr("\"version\""));
    EXPECT_THAT(refusal(text, "relfence-bench", "other"), HasSubstr("no runs of relfence bench"));
    EXPECT_THAT(refusal(text, "Cortex-A72", "\\u001b[2J"), HasSubstr("plain text"));
    EXPECT_THAT(refusal(text, "Cortex-A72", std::string(1000, 'x')), HasSubstr("plain text"));
    EXPECT_THAT(refusal(text, "\"poll\"", "\"p\\nl\""), HasSubstr("whose name is none"));
    EXPECT_THAT(runs_from_json("[]", "a.json").error().message(), HasSubstr("holds no runs"));
    EXPECT_THAT(runs_from_json("", "a.json").error().message(), HasSubstr("no JSON"));
    // Deep enough to end a parser that calls itself.
    EXPECT_FALSE(runs_from_json(std::string(1'000'000, '['), "a.json"));
}

class SavedFile : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "relfence-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path folder_;
};

TEST_F(SavedFile, IsWholeOrNotThere) {
    const auto path = folder_ / "runs.json";
    ASSERT_TRUE(save_runs(path, example()));
    ASSERT_TRUE(load_runs(path));
    const auto failed = save_runs(folder_ / "no" / "runs.json", example());
    ASSERT_FALSE(failed);
    int files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{folder_}) ++files;
    EXPECT_EQ(files, 1);
}

TEST_F(SavedFile, ThatIsNoneIsRefused) {
    EXPECT_THAT(load_runs(folder_).error().message(), HasSubstr("is no regular file"));
    EXPECT_THAT(load_runs(folder_ / "gone").error().message(),
                HasSubstr("No such file or directory"));
    EXPECT_THAT(load_runs("/dev/zero").error().message(), HasSubstr("is no regular file"));
}

TEST_F(SavedFile, ThatIsTooLargeIsNotRead) {
    const auto path = folder_ / "large.json";
    ASSERT_TRUE(write_file(path, ""));
    std::filesystem::resize_file(path, std::uintmax_t{1} << 40);  // a hole: takes no place
    EXPECT_THAT(load_runs(path).error().message(), HasSubstr("larger than the 64 MiB"));
}

}  // namespace
}  // namespace relfence::bench
