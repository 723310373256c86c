// SPDX-License-Identifier: MIT
// A project with one host, one series and its groundwork, small enough to be read in the test.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <relfence/lab/scratch.hpp>

namespace relfence::fleet {

/// A patch as git format-patch writes it, which puts one line behind the last of a file of three.
inline std::string patch_to(const std::string& file, const std::string& last,
                            const std::string& more, const std::string& subject) {
    return "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n"
           "From: relfence developers <relfence@localhost>\n"
           "Date: Sat, 21 Nov 2026 08:24:03 +0000\n"
           "Subject: [PATCH] " +
           subject + "\n\nBecause.\n\ndiff --git a/" + file + " b/" + file + "\n--- a/" + file +
           "\n+++ b/" + file + "\n@@ -1,3 +1,4 @@\n one\n two\n " + last + "\n+" + more + "\n";
}

class FleetProject : public testing::Test {
  protected:
    FleetProject()
        : scratch_{lab::Scratch::create().value()},
          root{scratch_.path() / "project"},
          source{scratch_.path() / "source"},
          work{scratch_.path() / "work"} {
        put("fleet/units.yaml",
            "format: 1\nunits:\n  - scope: media/vb2\n    title: fences\n    groundwork: [prereq]\n"
            "    series: series/v2\n");
        put("kernel/prereq/6.12/0001-fix.patch", patch_to("b.c", "three", "fix", "fix"));
        put("kernel/series/v2/6.12/0000-cover-letter.patch", "nothing to apply\n");
        put("kernel/series/v2/6.12/0004-helper.patch", patch_to("a.c", "three", "four", "helper"));
        // On the same file, so that the order matters.
        put("kernel/series/v2/6.12/0005-driver.patch",
            "Subject: [PATCH RFC v2] a subject that is\n folded\n\n--- a/a.c\n+++ b/a.c\n"
            "@@ -2,3 +2,4 @@ one\n two\n three\n four\n+five\n");
        put("fleet/host.yaml", manifest);
        for (const char* name : {"a.c", "b.c"}) {
            std::filesystem::create_directories(source);
            std::ofstream{source / name} << "one\ntwo\nthree\n";
        }
    }
    void put(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((root / name).parent_path());
        std::ofstream{root / name} << text;
    }
    /// The manifest with one text of it replaced by another.
    void change(const std::string& from, const std::string& to) const {
        std::string text = manifest;
        const auto at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        put("fleet/host.yaml", text.replace(at, from.size(), to));
    }

    const std::string manifest = R"(format: 1
host: host
board:
  name: a board
  soc: RK3399
  gpu: Mali-T860
  arch: arm64
  drivers: [hantro]
eligibility:
  state: eligible
  carried: true
  reason: it decodes
baseline:
  tree: linux-stable
  ref: v6.12.117
includes:
  - scope: media/vb2
    patches: ["0004", "0005"]
  - scope: board/host
    external: elsewhere
    patches: ["0001"]
apply_order:
  - board/host
  - media/vb2
config:
  strategy: merge
  base: running
  set:
    CONFIG_VIDEO_HANTRO: m
    CONFIG_KUNIT: n
package:
  name: linux-host
  format: pkgbuild
  install: beside
verification:
  - {bar: applies, where: lab, how: try it}
build_host:
  arch: x86_64
  mode: cross
  toolchain: aarch64-linux-gnu-
)";

  private:
    lab::Scratch scratch_;

  protected:
    std::filesystem::path root;
    std::filesystem::path source;
    std::filesystem::path work;
};

}  // namespace relfence::fleet
