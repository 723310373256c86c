// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

extern "C" {
#include <traceevent/event-parse.h>
}

#include <relfence/trace/event.hpp>

namespace relfence::trace {

/// Turns records of the ring buffer into events, by the format files of the running kernel.
/// Not thread-safe.
class Decoder {
  public:
    /// @param tep borrowed; knows the formats
    explicit Decoder(tep_handle* tep) : tep_{tep} {}

    /// The event of a record; nullopt for one that is none of ours.
    /// @param data from the ring buffer, @p size bytes
    [[nodiscard]] std::optional<Event> decode(void* data, int size, std::uint64_t time, int cpu);

  private:
    /// Where the fields of one kind of event are. nullptr: this kernel's event has none such.
    struct Format {
        std::optional<Kind> kind;  ///< none: not ours, or a marker
        const tep_format_field* marker = nullptr;
        const tep_format_field* pid = nullptr;
        const tep_format_field* owner = nullptr;
        const tep_format_field* minor = nullptr;
        const tep_format_field* type = nullptr;
        const tep_format_field* index = nullptr;
        const tep_format_field* context = nullptr;
        const tep_format_field* seqno = nullptr;
        const tep_format_field* driver = nullptr;
        const tep_format_field* timeline = nullptr;
    };
    const Format& format(int id);
    [[nodiscard]] std::uint64_t number(const tep_format_field* field, void* data, int size) const;
    [[nodiscard]] static std::string string(const tep_format_field* field, void* data, int size);

    tep_handle* tep_;
    std::map<int, Format> formats_;
    /// Addresses of the kernel, by the order in which they were seen: they must not leave it.
    std::map<std::uint64_t, std::uint64_t> owners_;
};

}  // namespace relfence::trace
