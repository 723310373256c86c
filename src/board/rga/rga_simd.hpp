// SPDX-License-Identifier: MIT
#pragma once

/// For a loop over pixels: compile it for AVX2 too, and choose when the program starts. Sanitizers
/// do not survive functions that are chosen so early.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define RELFENCE_PIXEL_LOOP __attribute__((target_clones("avx2", "default")))
#else
#define RELFENCE_PIXEL_LOOP
#endif
