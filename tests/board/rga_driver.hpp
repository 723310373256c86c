// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <relfence/board/device_model.hpp>

/// What drivers/media/platform/rockchip/rga does, in miniature: its formats, its buffers with page
/// tables and its commands, so that tests ask the model for what the driver asks it for. Names
/// follow the driver; the values are worked out from its registers, not from the model's tables.
namespace rga_test {

/// formats[] in rga.c, and what v4l2_format_info() says about each.
struct Format {
    const char* name;
    std::uint32_t hw_format;
    std::uint32_t color_swap;
    std::uint32_t depth;
    std::uint32_t uv_factor;
    std::uint32_t y_div;
    std::uint32_t x_div;
    std::uint32_t mem_planes;
    std::uint32_t comp_planes;
    [[nodiscard]] bool yuv() const { return hw_format >= 8; }
};

inline constexpr std::array<Format, 16> kFormats = {{
    {"ARGB32", 0, 2, 32, 1, 1, 1, 1, 1},
    {"ABGR32", 0, 1, 32, 1, 1, 1, 1, 1},
    {"XBGR32", 1, 1, 32, 1, 1, 1, 1, 1},
    {"RGB24", 2, 0, 24, 1, 1, 1, 1, 1},
    {"BGR24", 2, 1, 24, 1, 1, 1, 1, 1},
    {"ARGB444", 6, 1, 16, 1, 1, 1, 1, 1},
    {"ARGB555", 5, 1, 16, 1, 1, 1, 1, 1},
    {"RGB565", 4, 1, 16, 1, 1, 1, 1, 1},
    {"NV21", 10, 4, 12, 4, 2, 1, 1, 2},
    {"NV61", 8, 4, 16, 2, 1, 1, 1, 2},
    {"NV12", 10, 0, 12, 4, 2, 1, 1, 2},
    {"NV12M", 10, 0, 12, 4, 2, 1, 2, 2},
    {"NV16", 8, 0, 16, 2, 1, 1, 1, 2},
    {"YUV420", 11, 0, 12, 4, 2, 2, 1, 3},
    {"YUV422P", 9, 0, 16, 2, 1, 2, 1, 3},
    {"YVU420", 11, 4, 12, 4, 2, 2, 1, 3},
}};

inline const Format& format(const std::string& name) {
    for (const Format& f : kFormats) {
        if (name == f.name) return f;
    }
    throw std::invalid_argument(name);
}

struct Rect {
    std::uint32_t left = 0;
    std::uint32_t top = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
};

/// struct rga_frame after S_FMT and S_SELECTION.
struct Frame {
    const Format* fmt = nullptr;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    Rect crop;
    std::uint32_t stride = 0;
    std::vector<std::uint32_t> plane_sizes;  ///< sizeimage of each memory plane
    bool rec709 = false;

    Frame(const Format& f, std::uint32_t w, std::uint32_t h)
        : fmt(&f), width(w), height(h), crop{0, 0, w, h}, stride(f.yuv() ? w : w * f.depth / 8) {
        if (!f.yuv()) {
            plane_sizes = {stride * h};
            return;
        }
        const std::uint32_t chroma = ((w + 1) / 2) * ((h + f.y_div - 1) / f.y_div) * 2;
        if (f.mem_planes == 1)
            plane_sizes = {w * h + chroma};
        else
            plane_sizes = {w * h, chroma};
    }
};

struct Offsets {
    std::uint32_t y = 0, u = 0, v = 0;
};

/// Plain memory at a bus address, in pages that are handed out out of order: neighbours in a
/// buffer are not neighbours in memory, so a model that ignores the page table cannot pass.
class Memory final : public relfence::board::Dma {
  public:
    static constexpr std::uint64_t kBase = 0x40000000;
    static constexpr std::uint32_t kPage = 4096;

    explicit Memory(std::uint32_t pages) : bytes_(std::size_t{pages} * kPage), pages_(pages) {}

    [[nodiscard]] relfence::Result<std::span<std::byte>> slice(
        std::uint64_t address, std::uint64_t length) const override {
        if (address < kBase || length > bytes_.size() || address - kBase > bytes_.size() - length)
            return tl::unexpected(relfence::Error{EFAULT, "slice", "test memory", {}});
        return std::span(const_cast<std::byte*>(bytes_.data()) + (address - kBase), length);
    }
    /// A page that nobody has yet; every third hand-out is contiguous with the one before.
    std::uint64_t page() {
        const std::uint32_t half = pages_ / 2;
        const std::uint32_t n = next_++;
        const std::uint32_t group = n / 3;
        const std::uint32_t number =
            group % 2 == 0 ? group / 2 * 3 + n % 3 : half + group / 2 * 3 + n % 3;
        if (number >= pages_) throw std::bad_alloc();
        return kBase + std::uint64_t{number} * kPage;
    }
    /// Contiguous zeroed pages, from the end of memory: dma_alloc_coherent().
    std::uint64_t coherent(std::uint32_t size) {
        const std::uint32_t count = (size + kPage - 1) / kPage;
        taken_ += count;
        return kBase + std::uint64_t{pages_ - taken_} * kPage;
    }
    void put32(std::uint64_t address, std::uint32_t value) {
        std::memcpy(bytes_.data() + (address - kBase), &value, sizeof value);
    }
    std::byte* at(std::uint64_t address) { return bytes_.data() + (address - kBase); }
    /// Does what a job asked for.
    void apply(const relfence::board::MemoryWrites& writes) {
        for (const auto& w : writes) std::memcpy(at(w.address), w.bytes.data(), w.bytes.size());
    }

  private:
    std::vector<std::byte> bytes_;
    std::uint32_t pages_;
    std::uint32_t next_ = 0;
    std::uint32_t taken_ = 0;
};

/// struct rga_vb_buffer: pages, page table, offsets; rga_buf_init(), rga_buf_prepare().
class Buffer {
  public:
    Buffer(Memory& memory, const Frame& frame) : memory_(memory) {
        std::uint32_t total = 0;
        for (const std::uint32_t size : frame.plane_sizes)
            total += (size + Memory::kPage - 1) / Memory::kPage;
        table_ = memory.coherent((total + 1) * 4);
        std::array<std::uint32_t, 3> offsets{};
        std::size_t plane = 0;
        for (const std::uint32_t size : frame.plane_sizes) {
            offsets[plane++] = static_cast<std::uint32_t>(pages_.size()) * Memory::kPage;
            for (std::uint32_t done = 0; done < size; done += Memory::kPage) {
                pages_.push_back(memory.page());
                memory.put32(table_ + (pages_.size() - 1) * 4,
                             static_cast<std::uint32_t>(pages_.back()));
            }
        }
        // get_plane_offset()
        const std::uint32_t luma = frame.width * frame.height;
        for (; plane < frame.fmt->comp_planes; ++plane)
            offsets[plane] = plane == 1 ? luma : luma + luma / frame.fmt->uv_factor;
        offsets_ = {offsets[0], offsets[1], offsets[2]};
    }
    [[nodiscard]] std::uint64_t table() const { return table_; }
    [[nodiscard]] const Offsets& offsets() const { return offsets_; }
    [[nodiscard]] std::size_t size() const { return pages_.size() * Memory::kPage; }
    /// The buffer as a program that mapped it sees it.
    [[nodiscard]] std::vector<std::uint8_t> bytes() const {
        std::vector<std::uint8_t> all(size());
        for (std::size_t i = 0; i < pages_.size(); ++i)
            std::memcpy(all.data() + i * Memory::kPage, memory_.at(pages_[i]), Memory::kPage);
        return all;
    }
    void fill(const std::vector<std::uint8_t>& all) {
        for (std::size_t i = 0; i < pages_.size(); ++i)
            std::memcpy(memory_.at(pages_[i]), all.data() + i * Memory::kPage, Memory::kPage);
    }

  private:
    Memory& memory_;
    std::uint64_t table_ = 0;
    std::vector<std::uint64_t> pages_;
    Offsets offsets_;
};

/// Controls of a context.
struct Controls {
    bool hflip = false;
    bool vflip = false;
    std::uint32_t rotate = 0;
};

using Command = std::array<std::uint32_t, 32>;  ///< RGA_CMDBUF_SIZE

/// rga_get_addr_offset() for one corner.
inline Offsets corner(const Frame& f, const Offsets& o, bool right, bool bottom) {
    const Rect& r = f.crop;
    const std::uint32_t uv_stride = f.stride / f.fmt->x_div;
    const std::uint32_t pixel_width = f.stride / f.width;
    Offsets at;
    at.y = o.y + r.top * f.stride + r.left * pixel_width;
    at.u = o.u + (r.top / f.fmt->y_div) * uv_stride + r.left / f.fmt->x_div;
    at.v = o.v + (r.top / f.fmt->y_div) * uv_stride + r.left / f.fmt->x_div;
    if (bottom) {
        at.y += (r.height - 1) * f.stride;
        at.u += (r.height / f.fmt->y_div - 1) * uv_stride;
        at.v += (r.height / f.fmt->y_div - 1) * uv_stride;
    }
    if (right) {
        at.y += (r.width - 1) * pixel_width;
        at.u += r.width / f.fmt->x_div - 1;
        at.v += r.width / f.fmt->x_div - 1;
    }
    return at;
}

/// rga_get_scaling()
inline std::uint32_t scaling(std::uint32_t src, std::uint32_t dst) {
    return src > dst ? (dst << 16) / src : (src << 16) / dst;
}

/// rga_cmd_set(), for a version with a minor number.
inline Command command(const Frame& in, const Buffer& src, const Frame& out, const Buffer& dst,
                       const Controls& controls = {}) {
    Command c{};
    const auto reg = [&](std::uint32_t offset) -> std::uint32_t& {
        return c[(offset - 0x100) / 4];
    };
    reg(0x170) = static_cast<std::uint32_t>(src.table() >> 4);
    reg(0x174) = static_cast<std::uint32_t>(dst.table() >> 4);
    reg(0x178) = static_cast<std::uint32_t>(dst.table() >> 4);
    reg(0x16c) = 0x7 | 0x7 << 4 | 0x7 << 8;
    reg(0x100) = 1U << 6;

    const Offsets s = corner(in, src.offsets(), false, false);
    reg(0x108) = s.y;
    reg(0x10c) = s.u;
    reg(0x110) = s.v;

    const std::uint32_t mirror = (controls.vflip ? 1U : 0U) | (controls.hflip ? 2U : 0U);
    const std::uint32_t rot = controls.rotate / 90;
    enum { LT = 0, LB = 1, RT = 2, RB = 3 };
    static constexpr int kCorners[4][4] = {
        {LT, RT, LB, RB}, {RT, LT, RB, LB}, {RB, LB, RT, LT}, {LB, RB, LT, RT}};
    const int start = kCorners[rot][mirror];
    const Offsets d =
        corner(out, dst.offsets(), start == RT || start == RB, start == LB || start == RB);
    reg(0x13c) = d.y;
    reg(0x140) = d.u;
    reg(0x144) = d.v;

    std::uint32_t src_info = in.fmt->hw_format | in.fmt->color_swap << 4;
    std::uint32_t dst_info = out.fmt->hw_format | out.fmt->color_swap << 4;
    if (in.fmt->yuv() && !out.fmt->yuv()) src_info |= (in.rec709 ? 3U : 1U) << 8;
    if (!in.fmt->yuv() && out.fmt->yuv()) dst_info |= (out.rec709 ? 3U : 1U) << 16;
    src_info |= rot << 10 | mirror << 12;

    const std::uint32_t src_w = in.crop.width;
    const std::uint32_t src_h = in.crop.height;
    const std::uint32_t dst_w = out.crop.width;
    const std::uint32_t dst_h = out.crop.height;
    const std::uint32_t scale_w = rot % 2 != 0 ? dst_h : dst_w;
    const std::uint32_t scale_h = rot % 2 != 0 ? dst_w : dst_h;
    if (src_w > scale_w) {
        src_info |= 1U << 14;
        reg(0x120) = scaling(src_w, scale_w) + 1;
    } else if (src_w < scale_w) {
        src_info |= 2U << 14;
        reg(0x120) = scaling(src_w - 1, scale_w - 1) << 16;
    }
    if (src_h > scale_h) {
        src_info |= 1U << 16;
        reg(0x124) = scaling(src_h, scale_h) + 1;
    } else if (src_h < scale_h) {
        src_info |= 2U << 16;
        reg(0x124) = scaling(src_h - 1, scale_h - 1) << 16;
    }
    reg(0x104) = src_info;
    reg(0x138) = dst_info;
    reg(0x118) = ((in.stride >> 2) & 0x7fff) | ((in.stride >> 2) & 0x3ff) << 16;
    reg(0x11c) = ((src_w - 1) & 0x1fff) | ((src_h - 1) & 0x1fff) << 16;
    reg(0x148) = (out.stride >> 2) & 0x7fff;
    reg(0x14c) = ((dst_w - 1) & 0xfff) | ((dst_h - 1) & 0xfff) << 16;
    return c;
}

}  // namespace rga_test
