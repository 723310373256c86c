// SPDX-License-Identifier: MIT
// libtracefs for C++: its header is C, and has an inline function that passes 0 for an enum. The
// overload for int is what that call finds; nobody defines it, since nobody calls it.
#pragma once

struct tracefs_instance;
struct tracefs_hist;
int tracefs_hist_command(tracefs_instance* instance, tracefs_hist* hist, int command);

extern "C" {
#include <traceevent/event-parse.h>
#include <traceevent/kbuffer.h>
#include <tracefs.h>
}
