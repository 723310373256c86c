// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/guest_board.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

/// Until a line ends, or the writer goes away.
std::string read_one_line(int fd) {
    std::string line;
    char byte = 0;
    while (::read(fd, &byte, 1) == 1 && byte != '\n') line += byte;
    return line;
}

Result<fs::path> find_program_beside_us(const char* name) {
    std::error_code error;
    fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path() / name;
    if (!fs::exists(program, error))
        return fail("is missing", program.string(), fmt::format("build the target {}", name));
    return program;
}

}  // namespace

Result<GuestBoard> GuestBoard::start(const BoardConfig& config, const fs::path& directory) {
    auto program = find_program_beside_us("relfence-board");
    if (!program) return tl::make_unexpected(program.error());
    auto said = make_pipe();
    if (!said) return tl::make_unexpected(said.error());
    const fs::path complaints = directory / "board.err";
    auto error_file = open_fd(complaints, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    if (!error_file) return tl::make_unexpected(error_file.error());

    std::vector<std::string> command{program->string()};
    command.insert(command.end(), config.arguments.begin(), config.arguments.end());
    command.insert(command.end(), {"--directory", directory.string()});
    if (!config.log.empty()) command.insert(command.end(), {"--log", config.log.string()});
    SpawnOptions spawn;
    spawn.output = said->write.get();
    spawn.error = error_file->get();
    auto board = Child::spawn(command, spawn);
    if (!board) return tl::make_unexpected(board.error());
    said->write.reset();

    // Its one line on stdout: "ready dtb=FILE"; none when it ends before.
    std::istringstream words{read_one_line(said->read.get())};
    std::string word;
    words >> word;
    if (word != "ready") {
        const int status = board->wait();
        auto text = read_file(complaints);
        std::string why = text ? text->substr(0, text->find('\n')) : std::string{};
        if (why.starts_with("relfence-board: ")) why.erase(0, 16);
        return fail(why.empty() ? describe_status(status) : why, "relfence-board");
    }
    // A register read gives up after 40 ms, which a busy host exceeds now and then.
    std::vector<std::string> kernel_arguments{"virt_pci.max_delay_us=4000000"};
    while (words >> word) kernel_arguments.push_back(word);
    return GuestBoard{std::move(*board), std::move(kernel_arguments)};
}

}  // namespace relfence::lab
