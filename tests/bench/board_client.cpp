// SPDX-License-Identifier: MIT
// A program for the guest: keeps the board's drivers busy, and looks at every frame if asked to.
// See board-bench, which runs it. Prints one line of JSON per client; ends with 0 if all went well,
// 1 if a frame was wrong or a job was lost, 2 if it could not run.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "rga_soak.hpp"
#include "vp8_client.hpp"
#include "vp8_soak.hpp"

namespace relfence::bench {
namespace {

constexpr int went_well = 0, went_wrong = 1, unusable = 2;

int complain(const Error& error) {
    fmt::print(stderr, "board-client: {}\n", error.message());
    return unusable;
}

/// Decodes a file as fast as the driver takes it and looks at nothing.
int decode(const std::string& path) {
    constexpr unsigned ahead = 4;
    const auto clip = stateless::read_ivf(path);
    if (!clip) return complain(clip.error());
    std::size_t largest = 0;
    for (const auto& frame : clip->frames) largest = std::max(largest, frame.size());
    auto client = Vp8Client::open(clip->width, clip->height, largest, ahead);
    if (!client) return complain(client.error());
    std::size_t submitted = 0, errors = 0;
    while (submitted < clip->frames.size() || !(*client)->idle()) {
        if (submitted < clip->frames.size() && (*client)->can_submit()) {
            if (auto ok = (*client)->submit(clip->frames[submitted++]); !ok)
                return complain(ok.error());
            continue;
        }
        const auto picture = (*client)->finish();
        if (!picture) return complain(picture.error());
        errors += picture->error ? 1U : 0U;
    }
    fmt::print("{{\"frames\": {}, \"errors\": {}}}\n", submitted, errors);
    return errors == 0 ? went_well : went_wrong;
}

/// Runs a client in a process of its own, as programs of their own would be.
template <typename Client>
pid_t start(Client client) {
    std::fflush(stdout);
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const Result<SoakCount> count = client();
    int code = went_well;
    if (!count) {
        code = complain(count.error());
        fmt::print("{{\"client\": \"none\", \"lost\": 1}}\n");
    } else {
        fmt::print("{}\n", json_of(*count));
        code = count->wrong + count->errors + count->lost == 0 ? went_well : went_wrong;
    }
    std::fflush(stdout);
    ::_exit(code);
}

/// @p streams for decoders, and as many converters.
int soak(unsigned seconds, const std::vector<std::string>& streams) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
    std::vector<pid_t> clients;
    for (std::size_t i = 0; i < streams.size(); ++i) {
        clients.push_back(start([&] { return soak_decoder(streams[i], end); }));
        clients.push_back(start([&] { return soak_converter(static_cast<unsigned>(i), end); }));
    }
    int worst = went_well;
    for (const pid_t pid : clients) {
        int status = 0;
        if (pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
            worst = unusable;
        } else {
            worst = std::max(worst, WEXITSTATUS(status));
        }
    }
    return worst;
}

}  // namespace
}  // namespace relfence::bench

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 2 && words[0] == "decode") return relfence::bench::decode(words[1]);
    if (words.size() > 2 && words[0] == "soak")
        return relfence::bench::soak(static_cast<unsigned>(std::atoi(words[1].c_str())),
                                     {words.begin() + 2, words.end()});
    fmt::print(stderr,
               "Usage: board-client decode FILE.ivf\n"
               "       board-client soak SECONDS FILE.ivf...\n");
    return 2;
}
