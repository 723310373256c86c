// SPDX-License-Identifier: MIT
#include <algorithm>

#include "board/vpu/h264_slice.hpp"

namespace relfence::board::vpu {
namespace {

/// Which of the three programmed lists.
enum Initial : std::size_t { p_list, b_list_0, b_list_1 };

std::int32_t wrapped(const H264Job& job, const H264Slot& slot) {
    const auto number = static_cast<std::int32_t>(slot.number);
    return slot.number > job.frame_num ? number - (1 << job.frame_num_bits) : number;
}

/// The frames that have a reference field of this picture's parity, in the order of the list: what
/// the driver leaves to the hardware.
std::vector<std::size_t> same_parity(const H264Job& job, Initial which, bool long_term) {
    std::vector<std::size_t> frames;
    for (std::size_t i = 0; i < job.slots.size(); ++i)
        if ((job.slots[i].fields & job.structure()) != 0 && job.slots[i].long_term == long_term)
            frames.push_back(i);
    const std::size_t parity = job.bottom ? 1 : 0;
    const std::int32_t current = job.poc[parity];
    std::stable_sort(frames.begin(), frames.end(), [&](std::size_t left, std::size_t right) {
        const H264Slot &a = job.slots[left], &b = job.slots[right];
        if (long_term) return a.number < b.number;
        if (which == p_list) return wrapped(job, a) > wrapped(job, b);
        const std::int32_t a_poc = a.poc[parity], b_poc = b.poc[parity];
        const bool a_past = a_poc <= current, b_past = b_poc <= current;
        if (a_past != b_past) return a_past == (which == b_list_0);
        return a_past ? a_poc > b_poc : a_poc < b_poc;
    });
    return frames;
}

/// The programmed order up to the first entry that is no reference.
std::vector<std::size_t> programmed(const H264Job& job, Initial which, FieldMask fields) {
    std::vector<std::size_t> frames;
    for (const std::uint8_t index : job.initial[which]) {
        if (index >= job.slots.size() || (job.slots[index].fields & fields) != fields) break;
        // Unused entries all say 15: it is in the list once.
        if (std::find(frames.begin(), frames.end(), index) != frames.end()) break;
        frames.push_back(index);
    }
    return frames;
}

RefList initial_list(const H264Job& job, Initial which) {
    RefList list;
    if (!job.field) {
        for (const std::size_t slot : programmed(job, which, both_fields))
            list.push_back(ListEntry{slot, both_fields});
        return list;
    }
    const FieldMask own = job.structure(), other = both_fields ^ own;
    const std::vector<std::size_t> opposite = programmed(job, which, other);
    for (const bool long_term : {false, true}) {
        const std::vector<std::size_t> same = same_parity(job, which, long_term);
        std::vector<std::size_t> rest;
        std::copy_if(opposite.begin(), opposite.end(), std::back_inserter(rest),
                     [&](std::size_t i) { return job.slots[i].long_term == long_term; });
        // By turns, beginning with this picture's parity; then what is left of the longer one.
        for (std::size_t i = 0; i < std::max(same.size(), rest.size()); ++i) {
            if (i < same.size()) list.push_back(ListEntry{same[i], own});
            if (i < rest.size()) list.push_back(ListEntry{rest[i], other});
        }
    }
    return list;
}

bool equal(const RefList& left, const RefList& right) {
    return std::equal(
        left.begin(), left.end(), right.begin(), right.end(),
        [](const auto& a, const auto& b) { return a->slot == b->slot && a->fields == b->fields; });
}

/// The picture that a modification command names, H.264 8.2.4.1.
std::optional<ListEntry> find(const H264Job& job, bool long_term, std::uint32_t number) {
    FieldMask fields = job.structure();
    if (job.field) {
        if (number % 2 == 0) fields ^= both_fields;
        number /= 2;
    }
    for (std::size_t i = 0; i < job.slots.size(); ++i) {
        const H264Slot& slot = job.slots[i];
        if (slot.long_term == long_term && slot.number == number &&
            (slot.fields & fields) == fields)
            return ListEntry{i, fields};
    }
    return std::nullopt;
}

}  // namespace

RefList make_ref_list(const H264Job& job, const H264Slice& slice, unsigned list) {
    RefList entries = initial_list(job, slice.kind == SliceKind::p ? p_list
                                        : list == 0                ? b_list_0
                                                                   : b_list_1);
    // In frames the driver has swapped equal lists already; of fields it programs too little.
    if (job.field && slice.kind == SliceKind::b && list == 1 && entries.size() > 1 &&
        equal(entries, initial_list(job, b_list_0)))
        std::swap(entries[0], entries[1]);
    const std::optional<ListEntry> standby = entries.empty() ? std::nullopt : entries.front();
    entries.resize(slice.active_refs[list]);

    const std::uint32_t range = 1U << (job.frame_num_bits + (job.field ? 1U : 0U));
    std::uint32_t predicted = job.field ? 2 * job.frame_num + 1 : job.frame_num;
    for (std::size_t index = 0; index < slice.changes[list].size(); ++index) {
        const ListChange& change = slice.changes[list][index];
        std::optional<ListEntry> picture;
        if (change.operation == 2) {
            picture = find(job, true, change.value);
        } else {
            const std::uint32_t distance = change.value + 1;
            predicted =
                (change.operation == 0 ? predicted - distance : predicted + distance) % range;
            picture = find(job, false, predicted);
        }
        if (!picture) {
            entries[index].reset();
            continue;
        }
        // H.264 8.2.4.3: in at its place, the others move up, and where it was before goes out.
        auto old = std::find_if(entries.begin() + static_cast<std::ptrdiff_t>(index), entries.end(),
                                [&](const std::optional<ListEntry>& entry) {
                                    return entry && entry->slot == picture->slot &&
                                           entry->fields == picture->fields;
                                });
        if (old == entries.end()) --old;
        std::move_backward(entries.begin() + static_cast<std::ptrdiff_t>(index), old, old + 1);
        entries[index] = picture;
    }
    // A longer list than there are pictures: the rest is never used, but must name something.
    for (auto& entry : entries)
        if (!entry) entry = standby;
    return entries;
}

}  // namespace relfence::board::vpu
