// SPDX-License-Identifier: MIT
#include "trace/live/decoder.hpp"

#include <algorithm>
#include <cstring>

#include <relfence/trace/recording.hpp>

namespace relfence::trace {

const Decoder::Format& Decoder::format(int id) {
    const auto [at, fresh] = formats_.try_emplace(id);
    Format& format = at->second;
    if (!fresh) return format;
    tep_event* const event = tep_find_event(tep_, id);
    if (event == nullptr) return format;
    const std::string system{event->system};
    const std::string name{event->name};
    format.pid = tep_find_common_field(event, "common_pid");
    if (system == "ftrace" && name == "print") {
        format.marker = tep_find_field(event, "buf");
        return format;
    }
    if (system == "dma_fence")
        format.kind = kind_of(name.starts_with("dma_") ? name.substr(4) : name);
    else if (system == "vb2" || system == "v4l2")
        format.kind = kind_of(name);
    const auto field = [&](const char* of) { return tep_find_field(event, of); };
    format.owner = field("owner");
    format.minor = field("minor");
    format.type = field("type");
    format.index = field("index");
    format.context = field("context");
    format.seqno = field("seqno");
    format.driver = field("driver");
    format.timeline = field("timeline");
    return format;
}

std::uint64_t Decoder::number(const tep_format_field* field, void* data, int size) const {
    if (field == nullptr || field->offset < 0 || field->offset + field->size > size) return 0;
    return tep_read_number(tep_, static_cast<char*>(data) + field->offset, field->size);
}

std::string Decoder::string(const tep_format_field* field, void* data, int size) {
    if (field == nullptr || field->offset < 0) return {};
    const char* const bytes = static_cast<const char*>(data);
    int offset = field->offset;
    int length = size - offset;
    if ((field->flags & TEP_FIELD_IS_DYNAMIC) != 0 && field->size == 4) {
        // __data_loc: where the string is, and how long it is.
        if (offset + 4 > size) return {};
        std::uint32_t place = 0;
        std::memcpy(&place, bytes + offset, sizeof place);
        const bool relative = (field->flags & TEP_FIELD_IS_RELATIVE) != 0;
        offset = static_cast<int>(place & 0xffff) + (relative ? offset + 4 : 0);
        length = static_cast<int>(place >> 16);
    }
    if (offset > size || length < 0) return {};
    length = std::min(length, size - offset);
    return {bytes + offset, ::strnlen(bytes + offset, static_cast<std::size_t>(length))};
}

std::optional<Event> Decoder::decode(void* data, int size, std::uint64_t time, int cpu) {
    if (size < 8) return std::nullopt;
    tep_record record{};
    record.data = data;
    record.size = size;
    const Format& format = this->format(tep_data_type(tep_, &record));
    std::optional<Event> event;
    if (format.marker != nullptr) {
        event = parse_marker(string(format.marker, data, size));
        if (!event) return std::nullopt;
    } else if (format.kind) {
        event.emplace();
        event->kind = *format.kind;
        if (const auto address = number(format.owner, data, size); address != 0)
            event->owner = owners_.try_emplace(address, owners_.size() + 1).first->second;
        if (format.minor != nullptr)
            event->minor = static_cast<int>(number(format.minor, data, size));
        event->type = static_cast<std::uint32_t>(number(format.type, data, size));
        event->index = static_cast<std::uint32_t>(number(format.index, data, size));
        event->context = number(format.context, data, size);
        event->seqno = number(format.seqno, data, size);
        event->driver = string(format.driver, data, size);
        event->timeline = string(format.timeline, data, size);
    } else {
        return std::nullopt;
    }
    event->time = time;
    event->cpu = cpu;
    event->pid = static_cast<int>(number(format.pid, data, size));
    return event;
}

}  // namespace relfence::trace
