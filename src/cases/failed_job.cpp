// SPDX-License-Identifier: MIT
// failed-job: the driver cannot decode; the fence must say so, as V4L2_BUF_FLAG_ERROR does.
#include <chrono>

#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

constexpr auto failed_job_time = 200ms;

/// Where struct fwht_cframe_hdr has the big-endian size of what follows it.
/// Source: drivers/media/test-drivers/vicodec/codec-fwht.h.
constexpr std::size_t size_field = 40;
constexpr std::size_t header_size = 44;

/// Cuts a coded frame in half so that its header agrees: found out by the codec, not before.
void cut(std::vector<std::uint8_t>& coded) {
    coded.resize(header_size + (coded.size() - header_size) / 2);
    const auto size = static_cast<std::uint32_t>(coded.size() - header_size);
    for (unsigned byte = 0; byte < 4; ++byte)
        coded[size_field + byte] = static_cast<std::uint8_t>(size >> (24 - 8 * byte));
}

}  // namespace

Outcome failed_job(const Setup& setup) {
    auto jobs = players::open_jobs(setup.driver, 1, {}, failed_job_time);
    if (!jobs) return Outcome::error(jobs.error());
    cut(jobs->clip->coded[0]);
    const auto job = watch_one_job(*jobs->source);
    if (!job) return Outcome::error(job.error());
    // The control of the case: without a failure the fence proves nothing.
    if (job->done) return Outcome::error(fail("was decoded", "half a frame").value());
    return Outcome::of(describe(*job));
}

}  // namespace relfence::cases
