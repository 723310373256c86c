// SPDX-License-Identifier: MIT
#include <array>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <relfence/lab/architecture.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/guest.hpp>
#include <relfence/lab/kernel_config.hpp>
#include <relfence/lab/sandbox.hpp>

#include "lab/machine.hpp"

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

Result<void> fill_scratch(const fs::path& scratch, const GuestConfig& config) {
    std::error_code error;
    for (const char* name : {"tmp", "uml"}) fs::create_directory(scratch / name, error);
    fs::permissions(scratch / "tmp", fs::perms::all | fs::perms::sticky_bit, error);
    // A copy, since its path goes onto the kernel's command line, which splits at spaces.
    fs::copy_file(config.init, scratch / "init", error);
    if (error) return fail_errno("copy", config.init.string(), error.value());
    // Not write_file(): what lives as long as the guest need not be synced.
    const std::string job = encode_job(config.job);
    std::ofstream file{scratch / "job", std::ios::binary};
    file.write(job.data(), static_cast<std::streamsize>(job.size()));
    file.close();
    if (!file) return fail_errno("write", (scratch / "job").string());
    return {};
}

}  // namespace

bool is_smp_kernel(const fs::path& kernel) {
    const auto config = read_file(kernel.parent_path() / ".config");
    if (!config) return false;
    const auto symbols = parse_config(*config);
    const auto smp = symbols.find("CONFIG_SMP");
    return smp != symbols.end() && smp->second == "y";
}

Result<fs::path> find_guest_init() {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    fs::path init = self.parent_path() / "relfence-init";
    if (!fs::exists(init, error))
        return fail("is missing", init.string(), "build the target relfence-init");
    return init;
}

Guest::Guest(Scratch scratch, std::optional<GuestBoard> board, Child machine, UniqueFd console,
             UniqueFd from_guest, UniqueFd to_guest)
    : scratch_{std::move(scratch)},
      board_{std::move(board)},
      machine_{std::move(machine)},
      console_{std::move(console)},
      from_guest_{std::move(from_guest)},
      to_guest_{std::move(to_guest)} {}

Result<Guest> Guest::start(GuestConfig config) {
    const bool native = architecture_of(config.kernel) == native_architecture;
    if (::access(config.kernel.c_str(), native ? X_OK : R_OK) < 0)
        return fail_errno("run the kernel", config.kernel.string());
    auto init = guest_program(config.init, config.kernel);
    if (!init) return tl::make_unexpected(init.error());
    config.init = *init;
    if (config.board.wanted())
        if (auto fit = check_board_kernel(config.kernel); !fit)
            return tl::make_unexpected(fit.error());
    if (!find_program("bwrap")) return fail("is not installed", "bwrap", "apt install bubblewrap");
    auto scratch = Scratch::create();
    if (!scratch) return tl::make_unexpected(scratch.error());
    if (auto filled = fill_scratch(scratch->path(), config); !filled)
        return tl::make_unexpected(filled.error());

    std::optional<GuestBoard> board;
    if (config.board.wanted()) {
        auto started = GuestBoard::start(config.board, scratch->path());
        if (!started) return tl::make_unexpected(started.error());
        board = std::move(*started);
        const auto& arguments = board->kernel_arguments();
        config.kernel_arguments.insert(config.kernel_arguments.end(), arguments.begin(),
                                       arguments.end());
    }

    auto console = make_pipe();
    auto to_guest = make_pipe();
    auto from_guest = make_pipe();
    if (!console || !to_guest || !from_guest) return fail_errno("make", "a pipe", EMFILE);
    // UML drops console text that does not fit: room for the longest report of a crash.
    ::fcntl(console->write.get(), F_SETPIPE_SZ, 1 << 20);

    SandboxOptions sandbox;
    sandbox.writable.push_back(scratch->path().string());
    for (const auto& mount : config.job.mounts)
        if (mount.writable) sandbox.writable.push_back(mount.path);
    SpawnOptions spawn;
    spawn.output = console->write.get();
    spawn.error = console->write.get();
    spawn.keep = {console->write.get(), to_guest->read.get(), from_guest->write.get()};
    spawn.extra = {{"HOME", scratch->path().string()}, {"TMPDIR", "/dev/shm"}};
    spawn.no_address_randomisation = true;
    auto command = machine_command(config, {scratch->path(), console->write.get(),
                                            to_guest->read.get(), from_guest->write.get()});
    if (!command) return tl::make_unexpected(command.error());
    auto machine = Child::spawn(sandboxed(sandbox, *command), spawn);
    if (!machine) return tl::make_unexpected(machine.error());
    for (const int fd : {console->read.get(), from_guest->read.get(), to_guest->write.get()})
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
    return Guest{std::move(*scratch),         std::move(board),
                 std::move(*machine),         std::move(console->read),
                 std::move(from_guest->read), std::move(to_guest->write)};
}

void Guest::read_console(GuestEvents& events) {
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(console_.get(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
        console_.reset();
        return;
    }
    events.on_console({buffer.data(), static_cast<std::size_t>(size)});
}

void Guest::read_line(GuestEvents& events) {
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(from_guest_.get(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
        from_guest_.reset();
        return;
    }
    reader_.feed({buffer.data(), static_cast<std::size_t>(size)});
    while (const auto frame = reader_.next()) take(*frame, events);
}

void Guest::take(const Frame& frame, GuestEvents& events) {
    switch (frame.kind) {
        case FrameKind::hello:
            greeted_ = true;
            events.on_started();
            flush();
            break;
        case FrameKind::output:
            events.on_output(frame.payload);
            break;
        case FrameKind::error:
            events.on_error(frame.payload);
            break;
        case FrameKind::failed:
            so_far_.failure = frame.payload;
            break;
        case FrameKind::consumed:
            input_in_flight_ -=
                std::min<std::size_t>(input_in_flight_, frame_number(frame).value_or(0));
            break;
        case FrameKind::exited:
            if (const auto status = frame_number(frame))
                so_far_.command_status = static_cast<int>(*status);
            events.on_exited();
            break;
        default:
            break;  // of the other direction; nothing to do with it
    }
}

Result<void> Guest::pump(GuestEvents& events, std::span<pollfd> others, int timeout_ms,
                         bool take_output) {
    if (end_) return {};
    std::vector<pollfd> fds(others.begin(), others.end());
    fds.push_back({console_.get(), POLLIN, 0});
    fds.push_back({take_output ? from_guest_.get() : -1, POLLIN, 0});
    fds.push_back({unsent_.empty() || !greeted_ ? -1 : to_guest_.get(), POLLOUT, 0});
    fds.push_back({take_output ? machine_.exit_fd() : -1, POLLIN, 0});
    fds.push_back({board_ && so_far_.board.empty() ? board_->exit_fd() : -1, POLLIN, 0});
    const int ready = ::poll(fds.data(), fds.size(), timeout_ms);
    if (ready < 0 && errno != EINTR) return fail_errno("wait for", "the guest");
    if (ready <= 0) fds.resize(others.size());
    for (std::size_t i = 0; i < others.size(); ++i)
        others[i].revents = ready > 0 ? fds[i].revents : short{0};
    if (ready <= 0) return {};

    const std::span<const pollfd> own = std::span{fds}.subspan(others.size());
    if (own[0].revents != 0) read_console(events);
    if (own[1].revents != 0) read_line(events);
    if (reader_.broken()) return fail("is not the lab's protocol", "the guest's serial line");
    if (own[2].revents != 0) flush();
    // Drivers that wait for hardware which is no more would keep the machine up for ever.
    if (own[4].revents != 0) {
        so_far_.board = board_->end_reason();
        machine_.kill(SIGKILL);
    }
    // All of the machine is dead when its sandbox is: what is left in the pipes ends by itself.
    if (own[3].revents != 0) {
        so_far_.machine_status = machine_.wait();
        for (pollfd rest{-1, POLLIN, 0}; console_.valid() || from_guest_.valid();) {
            UniqueFd& fd = console_.valid() ? console_ : from_guest_;
            rest.fd = fd.get();
            ::poll(&rest, 1, -1);
            &fd == &console_ ? read_console(events) : read_line(events);
        }
        const int status = so_far_.machine_status;
        if (!so_far_.command_status && so_far_.failure.empty() && WIFEXITED(status) &&
            WEXITSTATUS(status) == 0)
            so_far_.failure = "the guest was rebooted or switched off from inside";
        end_ = so_far_;
    }
    return {};
}

std::size_t Guest::input_room() const {
    return input_in_flight_ == 0 ? input_window : 0;
}

void Guest::send_input(std::string_view bytes) {
    input_in_flight_ += bytes.size();
    send(encode_frame(FrameKind::input, bytes));
}

void Guest::send_input_end() {
    send(encode_frame(FrameKind::input_end));
}

void Guest::send_signal(int signal) {
    send(encode_frame(FrameKind::signal, static_cast<std::uint32_t>(signal)));
}

void Guest::send_window(std::uint32_t rows, std::uint32_t columns) {
    send(encode_frame(FrameKind::resize, rows, columns));
}

void Guest::kill() {
    machine_.kill(SIGKILL);
}

void Guest::send(std::string bytes) {
    unsent_ += bytes;
    flush();
}

void Guest::flush() {
    // Before, the line still echoes: what the guest is sent would come back, as no frame of its
    // own.
    if (unsent_.empty() || !greeted_ || !to_guest_.valid()) return;
    const ssize_t written = ::write(to_guest_.get(), unsent_.data(), unsent_.size());
    if (written > 0) {
        unsent_.erase(0, static_cast<std::size_t>(written));
    } else if (errno != EAGAIN && errno != EINTR) {
        unsent_.clear();  // the machine is gone; its exit tells the rest
        to_guest_.reset();
    }
}

}  // namespace relfence::lab
