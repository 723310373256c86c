# SPDX-License-Identifier: MIT
# Toolchain file for arm64 on Debian: its cross compiler, and its libraries for arm64 unpacked into RELFENCE_SYSROOT
# (scripts/build-arm64 does both). Headers that are the same on all machines come from the host's /usr/include, where
# Debian's cross compiler looks too.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES RELFENCE_SYSROOT)
set(CMAKE_FIND_ROOT_PATH ${RELFENCE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
# nlohmann-json and CLI11 have no libraries, and no arm64 packages.
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
set(ENV{PKG_CONFIG_LIBDIR} ${RELFENCE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${RELFENCE_SYSROOT})
# What the libraries need themselves.
string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT " -Wl,-rpath-link,${RELFENCE_SYSROOT}/usr/lib/aarch64-linux-gnu")
