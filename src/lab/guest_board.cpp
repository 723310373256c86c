// SPDX-License-Identifier: MIT
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/guest_board.hpp>
#include <relfence/lab/kernel_config.hpp>

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

/// The buses of a board and how they are found; its drivers are the user's choice.
constexpr std::string_view needed_symbols =
    "CONFIG_OF=y\n"
    "CONFIG_VIRTIO_UML=y\n"
    "CONFIG_UML_PCI_OVER_VIRTIO=y\n"
    "CONFIG_UML_PCI_OVER_VIRTIO_DEVICE_ID=1234\n"
    "CONFIG_GPIO_VIRTIO=y\n";

}  // namespace

Result<void> check_board_kernel(const fs::path& kernel) {
    const auto config = read_file(kernel.parent_path() / ".config");
    if (!config) return {};
    std::vector<std::string> lacking;
    for (const auto& [symbol, wanted, got] :
         config_mismatches(parse_config(needed_symbols), parse_config(*config)))
        lacking.push_back(symbol + "=" + wanted);
    if (lacking.empty()) return {};
    return fail(fmt::format("cannot see a board without {}", fmt::join(lacking, ", ")),
                kernel.string());
}

Result<GuestBoard> GuestBoard::start(const BoardConfig& config, const fs::path& directory) {
    auto program = find_program_beside_us("relfence-board");
    if (!program) return tl::make_unexpected(program.error());
    auto said = make_pipe();
    if (!said) return tl::make_unexpected(said.error());
    const fs::path complaints = directory / "board.err";
    auto error_file = open_fd(complaints, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    if (!error_file) return tl::make_unexpected(error_file.error());

    // Ours first: an option of the user's without its value is to be named, not to take one of
    // ours.
    std::vector<std::string> command{program->string(), "--directory", directory.string()};
    if (!config.log.empty()) command.insert(command.end(), {"--log", config.log.string()});
    command.insert(command.end(), config.arguments.begin(), config.arguments.end());
    SpawnOptions spawn;
    spawn.output = said->write.get();
    spawn.error = error_file->get();
    auto board = Child::spawn(command, spawn);
    if (!board) return tl::make_unexpected(board.error());
    said->write.reset();
    GuestBoard started{std::move(*board), complaints};

    // Its one line on stdout: "ready dtb=FILE"; none when it ends before.
    std::istringstream words{read_one_line(said->read.get())};
    std::string word;
    words >> word;
    if (word != "ready") return fail(started.end_reason(), "relfence-board");
    // A register read gives up after 40 ms, which a busy host exceeds now and then.
    // The driver has another name in later kernels.
    started.kernel_arguments_.emplace_back("virt_pci.max_delay_us=4000000");
    started.kernel_arguments_.emplace_back("virtio_pcidev.max_delay_us=4000000");
    while (words >> word) started.kernel_arguments_.push_back(word);
    return started;
}

std::string GuestBoard::end_reason() {
    const int status = board_.wait();
    const std::string text = read_file(complaints_).value_or("");
    std::string why = text.substr(0, text.find('\n'));
    if (why.starts_with("relfence-board: ")) why.erase(0, 16);
    return why.empty() ? describe_status(status) : why;
}

GuestBoard::~GuestBoard() {
    constexpr int patience_ms = 2000;
    board_.kill(SIGTERM);
    pollfd ended{board_.exit_fd(), POLLIN, 0};
    if (ended.fd >= 0) ::poll(&ended, 1, patience_ms);
}

}  // namespace relfence::lab
