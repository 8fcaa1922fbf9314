// The rule files at hand, all as one text: those of the corpus (PICKET_CAPTURES) where it is there, else the
// shipped ones; those always with PICKET_BENCH_TINY.
#pragma once

#include <string>

namespace picket::bench {

std::string rule_texts();

}  // namespace picket::bench
