// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/base/files.hpp>
#include <relfence/matrix/matrix.hpp>

namespace relfence::matrix {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr std::array<std::string_view, 4> placeholders{"{kernel}", "{board}", "{out}", "{bin}"};

/// What is wrong with a file, on its way to load_matrix().
struct Wrong {
    std::string what;
};

/// A name becomes a part of a path and of a test's name.
void check_name(const std::string& name) {
    const bool fits = !name.empty() && name.front() != '.' && name.front() != '-' &&
                      std::ranges::all_of(name, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
                      });
    if (!fits) throw Wrong{fmt::format("{:?} is no name: letters, digits, - . _ are", name)};
}

void check_placeholders(const std::string& text) {
    for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
        const auto known = [&](std::string_view placeholder) {
            return std::string_view{text}.substr(at).starts_with(placeholder);
        };
        if (std::ranges::none_of(placeholders, known))
            throw Wrong{fmt::format("{:?} has a placeholder that there is not; there are {}", text,
                                    "{kernel}, {board}, {out} and {bin}")};
    }
}

std::vector<std::string> names_in(const json& entry, const char* field) {
    auto names = entry.value(field, std::vector<std::string>{});
    for (const auto& name : names) check_name(name);
    return names;
}

Suite read_suite(const json& entry) {
    Suite suite;
    suite.name = entry.at("name").get<std::string>();
    check_name(suite.name);
    suite.title = entry.at("title").get<std::string>();
    suite.kernels = names_in(entry, "kernels");
    suite.boards = names_in(entry, "boards");
    suite.command = entry.at("command").get<std::vector<std::string>>();
    if (suite.command.empty()) throw Wrong{fmt::format("suite {}: no command", suite.name)};
    suite.ktap = entry.value("ktap", "");
    for (const auto& word : suite.command) check_placeholders(word);
    check_placeholders(suite.ktap);
    suite.exits = entry.value("exits", std::map<std::string, int>{});
    for (const auto& [kernel, code] : suite.exits)
        if (std::ranges::find(suite.kernels, kernel) == suite.kernels.end())
            throw Wrong{fmt::format("suite {}: exits names {}, which it does not run on",
                                    suite.name, kernel)};
    suite.on_board = entry.value("on_board", std::vector<std::string>{});
    return suite;
}

LavaBoard read_board(const json& entry) {
    LavaBoard board{entry.at("name").get<std::string>(), entry.at("device_type").get<std::string>(),
                    entry.at("dtb").get<std::string>()};
    check_name(board.name);
    check_name(board.device_type);
    return board;
}

Matrix read_matrix(const json& document) {
    Matrix matrix;
    std::set<std::string> names;
    for (const auto& entry : document.at("suites")) {
        matrix.suites.push_back(read_suite(entry));
        if (!names.insert(matrix.suites.back().name).second)
            throw Wrong{fmt::format("names the suite {} twice", matrix.suites.back().name)};
    }
    const json& lava = document.at("lava");
    matrix.lava_kernels = names_in(lava, "kernels");
    for (const auto& entry : lava.at("boards")) matrix.lava_boards.push_back(read_board(entry));
    return matrix;
}

bool fits(const std::vector<std::string>& wanted, const std::string& name) {
    return wanted.empty() || std::ranges::find(wanted, name) != wanted.end();
}

void replace_all(std::string& text, std::string_view what, const std::string& by) {
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

}  // namespace

Result<Matrix> load_matrix(const fs::path& file) {
    const auto text = read_file(file);
    if (!text) return tl::make_unexpected(text.error());
    try {
        return read_matrix(json::parse(*text));
    } catch (const json::exception& error) {
        return fail(error.what(), file.string());
    } catch (const Wrong& wrong) {
        return fail(wrong.what, file.string());
    }
}

std::vector<Job> jobs_of(const Matrix& matrix, const std::vector<std::string>& suites,
                         const std::vector<std::string>& kernels,
                         const std::vector<std::string>& boards) {
    std::vector<Job> jobs;
    const std::vector<std::string> none{""};
    for (const auto& suite : matrix.suites) {
        if (!fits(suites, suite.name)) continue;
        for (const auto& kernel : suite.kernels.empty() ? none : suite.kernels) {
            if (!fits(kernels, kernel)) continue;
            for (const auto& board : suite.boards.empty() ? none : suite.boards) {
                if (!fits(boards, board)) continue;
                std::string name = suite.name;
                for (const auto& part : {kernel, board})
                    if (!part.empty()) name += "/" + part;
                const auto exit = suite.exits.find(kernel);
                jobs.push_back({std::move(name), &suite, kernel, board,
                                exit == suite.exits.end() ? 0 : exit->second});
            }
        }
    }
    return jobs;
}

std::string fill_in(const Job& job, std::string text, const fs::path& out, const fs::path& bin) {
    replace_all(text, "{kernel}", job.kernel);
    replace_all(text, "{board}", job.board);
    replace_all(text, "{out}", out.string());
    replace_all(text, "{bin}", bin.string());
    return text;
}

std::vector<std::string> command_of(const Job& job, const fs::path& out, const fs::path& bin) {
    std::vector<std::string> command;
    for (const auto& word : job.suite->command) command.push_back(fill_in(job, word, out, bin));
    return command;
}

}  // namespace relfence::matrix
