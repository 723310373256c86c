// SPDX-License-Identifier: MIT
// Stands in for a UML kernel and relfence-init: takes their command line, speaks their protocol,
// and runs the job's command as a plain process of the host. So the lab's own behaviour is tested
// without a kernel, also with guests that no real kernel gives on demand.
//
// A file `behaviour` beside the program says what it does: "run" (or no file), "mute" (never a sign
// of life), "panic" (dies before the command), "boot-warning" (runs, after a WARNING), "babble"
// (bytes that are not the protocol), "cooked" (echoes what it is sent before it says hello).
// Without that file the last line of System.map does, which a
// fake source tree can make.
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <relfence/lab/guest_frame.hpp>
#include <relfence/lab/guest_job.hpp>

namespace {

using namespace relfence::lab;

struct Machine {
    int console = -1;
    int line_in = -1;
    int line_out = -1;
    std::string scratch;
};

std::string text_of(const std::string& path) {
    std::stringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

void say(int fd, const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t written = ::write(fd, bytes.data() + sent, bytes.size() - sent);
        if (written < 0) ::_exit(1);
        sent += static_cast<std::size_t>(written);
    }
}

Machine read_command_line(int argc, char** argv) {
    Machine machine;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        std::sscanf(argv[i], "con0=null,fd:%d", &machine.console);
        std::sscanf(argv[i], "ssl0=fd:%d,fd:%d", &machine.line_in, &machine.line_out);
        if (word.starts_with("init=")) machine.scratch = word.substr(5, word.rfind('/') - 5);
    }
    return machine;
}

int start(const Machine& machine, GuestJob& job, pid_t& pid) {
    std::array<int, 2> output{};
    if (::pipe(output.data()) < 0) ::_exit(1);
    pid = ::fork();
    if (pid == 0) {
        ::setsid();
        ::dup2(output[1], STDOUT_FILENO);
        ::close(output[0]);
        ::close(output[1]);
        // Where a guest's program writes to /dev/kmsg, and whom it kills to bring the kernel down.
        ::setenv("FAKE_KMSG", ("/proc/self/fd/" + std::to_string(machine.console)).c_str(), 1);
        ::setenv("FAKE_KERNEL", std::to_string(::getppid()).c_str(), 1);
        std::vector<char*> arguments;
        for (auto& argument : job.arguments) arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    ::close(output[1]);
    return output[0];
}

/// A tty that is not raw yet. Nothing comes in the end, so this is as long as it has to wait.
void echo_what_comes(const Machine& machine) {
    constexpr int patience_ms = 300;
    pollfd waiter{machine.line_in, POLLIN, 0};
    std::array<char, 4096> buffer;
    if (::poll(&waiter, 1, patience_ms) <= 0) return;
    const ssize_t size = ::read(machine.line_in, buffer.data(), buffer.size());
    std::string echo;
    for (ssize_t i = 0; i < size; ++i) {
        const char byte = buffer[static_cast<std::size_t>(i)];
        echo += byte == '\0' ? "^@" : std::string(1, byte);
    }
    say(machine.line_out, echo);
}

int run(const Machine& machine) {
    auto job = decode_job(text_of(machine.scratch + "/job"));
    if (!job) return 1;
    pid_t pid = -1;
    const int output = start(machine, *job, pid);
    say(machine.line_out, encode_frame(FrameKind::hello));
    FrameReader reader;
    for (bool open = true; open;) {
        std::array<pollfd, 2> fds{{{output, POLLIN, 0}, {machine.line_in, POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), -1);
        std::array<char, 4096> buffer;
        if (fds[1].revents != 0) {
            const ssize_t size = ::read(machine.line_in, buffer.data(), buffer.size());
            if (size <= 0) return 1;
            reader.feed({buffer.data(), static_cast<std::size_t>(size)});
            while (const auto frame = reader.next())
                if (frame->kind == FrameKind::signal)
                    ::kill(-pid, static_cast<int>(*frame_number(*frame)));
        }
        if (fds[0].revents != 0) {
            const ssize_t size = ::read(output, buffer.data(), buffer.size());
            open = size > 0;
            if (open)
                say(machine.line_out,
                    encode_frame(FrameKind::output,
                                 {buffer.data(), static_cast<std::size_t>(size)}));
        }
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    say(machine.line_out, encode_frame(FrameKind::exited, static_cast<std::uint32_t>(status)));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const Machine machine = read_command_line(argc, argv);
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    const std::string directory = self.substr(0, self.rfind('/'));
    std::string behaviour = text_of(directory + "/behaviour");
    if (behaviour.empty()) behaviour = text_of(directory + "/System.map");
    behaviour = behaviour.substr(0, behaviour.find('\n'));
    say(machine.console, "Linux version fake\n");
    if (behaviour == "mute") {
        for (;;) ::pause();
    } else if (behaviour == "panic") {
        say(machine.console, "Kernel panic - not syncing: VFS: Unable to mount root fs\n");
        std::abort();
    } else if (behaviour == "babble") {
        say(machine.line_out, "login: ");
        for (;;) ::pause();
    } else if (behaviour == "cooked") {
        echo_what_comes(machine);
    } else if (behaviour == "boot-warning") {
        say(machine.console, "WARNING: CPU: 0 PID: 1 at kernel/fake.c:1\n");
    }
    return run(machine);
}
