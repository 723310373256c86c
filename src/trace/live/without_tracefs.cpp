// SPDX-License-Identifier: MIT
#include <relfence/trace/live.hpp>

namespace relfence::trace {

struct Live::State {};
Live::Live(std::unique_ptr<State> state) : state_{std::move(state)} {}
Live::Live(Live&&) noexcept = default;
Live& Live::operator=(Live&&) noexcept = default;
Live::~Live() = default;

Result<Live> Live::open(std::size_t /*buffer_kb*/) {
    return fail("cannot be read: this program was built without libtracefs", "tracefs",
                "install libtracefs-dev and libtraceevent-dev, and build again");
}
bool Live::drain(const std::function<void(const Event&)>& /*feed*/) {
    return true;
}
std::chrono::milliseconds Live::pause() const {
    return {};
}
void Live::finish(const std::function<void(const Event&)>& /*feed*/) {}
std::uint64_t Live::reads() const {
    return 0;
}
std::uint64_t Live::bytes() const {
    return 0;
}
std::string Live::marker_path() const {
    return {};
}

}  // namespace relfence::trace
