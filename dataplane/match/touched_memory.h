// Memory of a matcher that libraries allocate, touched by the thread that makes the matcher.
//
// PERF: fresh memory costs whoever touches it first a page fault every 4 KiB; a worker that adopts new rules
// would take them within its first bursts (bench/reload).
#pragma once

#include <cstddef>

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

namespace picket::match {

// From now on Hyperscan's scratch is touched when it is allocated. Any thread, any number of times.
void touch_scratch_hereafter();

// Runs a match that fills the stack as far as it is before it grows. context: with the stack assigned. Does
// nothing where PCRE2 has no JIT, which uses no such stack.
void touch_jit_stack(pcre2_match_context* context) noexcept;

}  // namespace picket::match
