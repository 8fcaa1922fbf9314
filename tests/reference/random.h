// Random numbers that are the same wherever the test runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace picket::reference {

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : engine_() % limit; }
    bool one_in(std::size_t count) { return below(count) == 0; }

  private:
    std::mt19937_64 engine_;
};

}  // namespace picket::reference
