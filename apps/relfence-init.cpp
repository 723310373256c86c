// SPDX-License-Identifier: MIT
// PID 1 of the lab's guest: mounts what a program expects, runs the one command of the job file,
// carries its streams over the serial line, switches the machine off.
//
// Static and self-contained, so that it starts whatever the host's libraries are. Nothing here
// survives a failure of its own: it says what failed over the line and switches off.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vector>

#include <relfence/lab/guest_frame.hpp>
#include <relfence/lab/guest_job.hpp>

namespace {

using relfence::lab::encode_frame;
using relfence::lab::Frame;
using relfence::lab::frame_number;
using relfence::lab::FrameKind;
using relfence::lab::FrameReader;
using relfence::lab::GuestJob;

constexpr std::size_t chunk_size = 32 * 1024;

int line = -1;  // the serial line to the host

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

[[noreturn]] void power_off() {
    ::sync();
    if (line >= 0) ::tcdrain(line);
    ::reboot(RB_POWER_OFF);
    for (;;) ::pause();
}

[[noreturn]] void give_up(const std::string& what, int code) {
    const std::string text = what + ": " + std::strerror(code);
    if (line >= 0) {
        write_all(line, encode_frame(FrameKind::failed, text));
    } else {
        write_all(STDOUT_FILENO, "relfence-init: " + text + "\n");
    }
    power_off();
}

void note(const std::string& text) {
    const int log = ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    if (log < 0) return;
    write_all(log, "relfence-init: " + text + "\n");
    ::close(log);
}

/// User Mode Linux has a serial line; elsewhere it is a console of virtio, which a work of the
/// kernel brings up some time after its device has come.
void open_line() {
    constexpr int tries = 1000;
    constexpr useconds_t pause = 10'000;
    const char* name = ::access("/dev/ttyS0", F_OK) == 0 ? "/dev/ttyS0" : "/dev/hvc0";
    for (int i = 0; i < tries && line < 0; ++i) {
        if (i > 0) ::usleep(pause);
        line = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (line < 0 && errno != ENODEV && errno != ENOENT) break;
    }
    if (line < 0) give_up(std::string{"open "} + name, errno);
    termios settings{};
    ::tcgetattr(line, &settings);
    ::cfmakeraw(&settings);
    if (::tcsetattr(line, TCSANOW, &settings) < 0) give_up(std::string{"set raw "} + name, errno);
}

std::string read_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) give_up("open " + path, errno);
    std::string bytes;
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t size = ::read(fd, buffer.data(), buffer.size());
        if (size < 0) give_up("read " + path, errno);
        if (size == 0) break;
        bytes.append(buffer.data(), static_cast<std::size_t>(size));
    }
    ::close(fd);
    return bytes;
}

void make_directories(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1))
        ::mkdir(path.substr(0, slash).c_str(), 0755);
    ::mkdir(path.c_str(), 0755);
}

enum class Need { required, optional };

void mount_on(const char* type, const std::string& target, const std::string& options, Need need,
              const std::string& source = "relfence", unsigned long flags = 0) {
    make_directories(target);
    if (::mount(source.c_str(), target.c_str(), type, flags, options.c_str()) == 0) return;
    const std::string what = std::string{"mount "} + type + " on " + target;
    if (need == Need::required) give_up(what, errno);
    note(what + ": " + std::strerror(errno));
}

/// Mounts a directory of the host's, writable.
void mount_share(const std::string& source, const std::string& target, const GuestJob& job) {
    // Needs /proc.
    if (read_file("/proc/filesystems").find("\thostfs\n") != std::string::npos) {
        mount_on("hostfs", target, source, Need::required);
    } else {
        mount_on("9p", target, std::string{relfence::lab::share_options}, Need::required,
                 relfence::lab::share_tag(target, job));
    }
}

/// Opens what the guest's own /tmp and /run are about to hide. -1 where it is not there.
std::vector<int> open_before_hiding(const GuestJob& job) {
    std::vector<int> opened;
    for (const auto& mount : job.mounts)
        opened.push_back(mount.writable ? -1 : ::open(mount.path.c_str(), O_PATH | O_CLOEXEC));
    return opened;
}

/// Puts an opened file or directory of the host back to where it was.
void show_again(int fd, const std::string& path) {
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) < 0) return note("cannot show " + path);
    if (S_ISDIR(status.st_mode)) {
        make_directories(path);
    } else {
        make_directories(path.substr(0, path.rfind('/')));
        ::close(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    }
    const std::string source = "/proc/self/fd/" + std::to_string(fd);
    if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0)
        note("show " + path + ": " + std::strerror(errno));
}

void mount_all(const std::string& scratch, const GuestJob& job) {
    const std::vector<int> hidden = open_before_hiding(job);
    mount_on("proc", "/proc", "", Need::required);
    mount_on("sysfs", "/sys", "", Need::required);
    mount_on("debugfs", "/sys/kernel/debug", "", Need::optional);
    mount_on("tracefs", "/sys/kernel/tracing", "", Need::optional);
    mount_on("devpts", "/dev/pts", "mode=0620,ptmxmode=0666", Need::optional);
    mount_on("tmpfs", "/dev/shm", "mode=1777", Need::required);
    mount_on("tmpfs", "/run", "mode=0755", Need::optional);
    make_directories("/run/user/0");
    ::symlink("/proc/self/fd", "/dev/fd");
    ::symlink("/proc/self/fd/0", "/dev/stdin");
    ::symlink("/proc/self/fd/1", "/dev/stdout");
    ::symlink("/proc/self/fd/2", "/dev/stderr");
    mount_share(scratch + "/tmp", "/tmp", job);
    ::mkdir("/tmp/home", 0700);
    for (std::size_t i = 0; i < hidden.size(); ++i)
        if (!job.mounts[i].writable) show_again(hidden[i], job.mounts[i].path);
    for (const auto& mount : job.mounts)
        if (mount.writable) mount_share(mount.path, mount.path, job);
}

void resize_terminal(int terminal, std::uint32_t rows, std::uint32_t columns) {
    winsize size{};
    size.ws_row = static_cast<unsigned short>(rows);
    size.ws_col = static_cast<unsigned short>(columns);
    ::ioctl(terminal, TIOCSWINSZ, &size);
}

/// The command and our ends of its streams; -1 where there is none.
struct Command {
    pid_t pid = -1;
    int input = -1;
    int output = -1;
    int error = -1;
    bool terminal = false;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (auto& text : strings) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

[[noreturn]] void run_child(GuestJob& job, const std::array<int, 3>& streams, int report) {
    ::setsid();
    for (int i = 0; i < 3; ++i) ::dup2(streams[static_cast<std::size_t>(i)], i);
    if (job.terminal) ::ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    if (::chdir(job.directory.c_str()) < 0) {
        if (::chdir("/tmp/home") < 0) ::chdir("/");
        ::setenv("PWD", "/tmp/home", 1);
    }
    std::vector<char*> arguments = pointers(job.arguments);
    ::execvp(arguments[0], arguments.data());
    const int code = errno;
    ::write(report, &code, sizeof code);
    ::_exit(127);
}

Command start_command(GuestJob& job) {
    // execvp() searches the PATH of this process, and so does the child's environment come from it.
    ::clearenv();
    for (auto& variable : job.environment) ::putenv(variable.data());

    Command command;
    command.terminal = job.terminal;
    std::array<int, 3> child{};
    if (job.terminal) {
        const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (master < 0 || ::grantpt(master) < 0 || ::unlockpt(master) < 0)
            give_up("open a pty", errno);
        resize_terminal(master, job.rows, job.columns);
        const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0) give_up("open the pty's other end", errno);
        child.fill(slave);
        command.input = ::fcntl(master, F_DUPFD_CLOEXEC, 0);
        command.output = master;
    } else {
        std::array<std::array<int, 2>, 3> pipes{};
        for (auto& ends : pipes)
            if (::pipe2(ends.data(), O_CLOEXEC) < 0) give_up("make a pipe", errno);
        child = {pipes[0][0], pipes[1][1], pipes[2][1]};
        command.input = pipes[0][1];
        command.output = pipes[1][0];
        command.error = pipes[2][0];
    }
    ::fcntl(command.input, F_SETFL, O_NONBLOCK);

    std::array<int, 2> report{};
    if (::pipe2(report.data(), O_CLOEXEC) < 0) give_up("make a pipe", errno);
    command.pid = ::fork();
    if (command.pid < 0) give_up("fork", errno);
    if (command.pid == 0) run_child(job, child, report[1]);
    ::close(report[1]);
    for (int fd : child) ::close(fd);  // a second close of the pty's end is harmless: EBADF
    int code = 0;
    if (::read(report[0], &code, sizeof code) == sizeof code)
        give_up("start " + job.arguments[0], code);
    ::close(report[0]);
    return command;
}

void close_fd(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

/// Moves bytes, signals and the exit status between the command and the host.
class Relay {
  public:
    explicit Relay(Command command) : command_{command} {}

    /// Returns the command's wait status once it has exited and its output has been sent.
    int run() {
        sigset_t child;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        const int children = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
        while (!exited_) {
            std::array<pollfd, 5> fds{{{line, POLLIN, 0},
                                       {children, POLLIN, 0},
                                       {command_.output, POLLIN, 0},
                                       {command_.error, POLLIN, 0},
                                       {input_.empty() ? -1 : command_.input, POLLOUT, 0}}};
            if (::poll(fds.data(), fds.size(), -1) < 0) continue;
            if (fds[0].revents != 0) take_frames();
            if (fds[2].revents != 0) send_output(command_.output, FrameKind::output);
            if (fds[3].revents != 0) send_output(command_.error, FrameKind::error);
            if (fds[4].revents != 0) pass_input();
            if (fds[1].revents != 0) reap(children);
        }
        // What the command left running must not hold its pipes open, nor the machine up.
        ::kill(-1, SIGKILL);
        if (!reap_the_rest())
            for (const int fd : {command_.output, command_.error})
                if (fd >= 0) ::fcntl(fd, F_SETFL, O_NONBLOCK);
        while (command_.output >= 0) send_output(command_.output, FrameKind::output);
        while (command_.error >= 0) send_output(command_.error, FrameKind::error);
        return status_;
    }

  private:
    /// @return false when a process stays: one that a driver holds inside the kernel, for hardware
    ///         that never answers, cannot even be killed
    static bool reap_the_rest() {
        constexpr int tries = 200;
        constexpr useconds_t pause = 10'000;
        for (int i = 0; i < tries; ++i) {
            pid_t pid = 0;
            while ((pid = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
            }
            if (pid < 0) return true;
            ::usleep(pause);
        }
        return false;
    }

    void take_frames() {
        std::array<char, chunk_size> buffer;
        const ssize_t size = ::read(line, buffer.data(), buffer.size());
        if (size <= 0) return;
        reader_.feed({buffer.data(), static_cast<std::size_t>(size)});
        while (const auto frame = reader_.next()) take(*frame);
        if (reader_.broken()) give_up("read the serial line", EPROTO);
    }

    void take(const Frame& frame) {
        switch (frame.kind) {
            case FrameKind::input:
                input_.append(frame.payload);
                pass_input();
                break;
            case FrameKind::input_end:
                input_ended_ = true;
                pass_input();
                break;
            case FrameKind::signal:
                // The command leads its own session, so this reaches what it started as well.
                if (const auto number = frame_number(frame))
                    ::kill(-command_.pid, static_cast<int>(*number));
                break;
            case FrameKind::resize:
                if (const auto columns = frame_number(frame, 1); columns && command_.terminal)
                    resize_terminal(command_.output, *frame_number(frame), *columns);
                break;
            default:
                break;
        }
    }

    void pass_input() {
        while (!input_.empty()) {
            ssize_t written = static_cast<ssize_t>(input_.size());
            if (command_.input >= 0) {
                written = ::write(command_.input, input_.data(), input_.size());
                if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
                if (written < 0) {  // nobody reads any more: the rest is for nobody
                    close_fd(command_.input);
                    continue;
                }
            }
            input_.erase(0, static_cast<std::size_t>(written));
            write_all(line, encode_frame(FrameKind::consumed, static_cast<std::uint32_t>(written)));
        }
        if (input_ended_ && !command_.terminal) close_fd(command_.input);
    }

    void send_output(int& fd, FrameKind kind) {
        std::array<char, chunk_size> buffer;
        const ssize_t size = ::read(fd, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) return;
        if (size <= 0) {  // end of file; a pty says EIO when its last user is gone
            close_fd(fd);
            return;
        }
        write_all(line, encode_frame(kind, {buffer.data(), static_cast<std::size_t>(size)}));
    }

    void reap(int children) {
        signalfd_siginfo info{};
        while (::read(children, &info, sizeof info) > 0) {
        }
        int status = 0;
        for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
            if (pid != command_.pid) continue;
            exited_ = true;
            status_ = status;
        }
    }

    Command command_;
    FrameReader reader_;
    std::string input_;
    bool input_ended_ = false;
    bool exited_ = false;
    int status_ = 0;
};

}  // namespace

int main(int, char** argv) {
    // The kernel names us by our path, and the job lies beside us.
    const std::string self = argv[0];
    const std::string scratch = self.substr(0, self.rfind('/'));

    ::signal(SIGPIPE, SIG_IGN);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, nullptr);
    ::umask(022);

    if (::mount("relfence", "/dev", "devtmpfs", 0, nullptr) < 0 && errno != EBUSY)
        give_up("mount devtmpfs on /dev", errno);
    open_line();
    auto job = relfence::lab::decode_job(read_file(scratch + "/job"));
    if (!job) give_up("read " + scratch + "/job", EINVAL);
    mount_all(scratch, *job);

    const Command command = start_command(*job);
    write_all(line, encode_frame(FrameKind::hello));
    const int status = Relay{command}.run();
    write_all(line, encode_frame(FrameKind::exited, static_cast<std::uint32_t>(status)));
    power_off();
}
