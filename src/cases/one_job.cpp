// SPDX-License-Identifier: MIT
#include "cases/one_job.hpp"

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "cases/seen.hpp"

namespace relfence::cases {

Result<std::vector<sync::Fence>> look(int dma_buf) {
    const auto file = dmabuf::export_sync_file(dma_buf, dmabuf::Access::read);
    if (!file) return tl::make_unexpected(file.error());
    return file->fences();
}

Result<void> still_in_flight(viewing::JobSource& source) {
    const auto over = source.finished();
    if (!over) return tl::make_unexpected(over.error());
    if (*over) return fail("ended before it was looked at", "job", "is the machine overloaded?");
    return {};
}

Result<OneJob> watch_one_job(viewing::JobSource& source, viewing::Before before) {
    const auto handover = source.submit(0, before);
    if (!handover) return tl::make_unexpected(handover.error());
    const auto file = dmabuf::export_sync_file(handover->dma_buf, dmabuf::Access::read);
    if (!file) return tl::make_unexpected(file.error());
    const auto during = file->fences();
    if (!during) return tl::make_unexpected(during.error());
    if (auto ok = still_in_flight(source); !ok) return tl::make_unexpected(ok.error());
    auto done = source.finish();
    // Before DQBUF returns, not some time after it.
    const auto after = file->fences();
    if (!after) return tl::make_unexpected(after.error());
    return OneJob{*during, *after, std::move(done), *handover};
}

std::string describe(const OneJob& job) {
    if (sync::is_stub(job.during)) return describe(job.during);
    return fmt::format("{}; at DQBUF {}", describe(job.during), state(job.after));
}

}  // namespace relfence::cases
