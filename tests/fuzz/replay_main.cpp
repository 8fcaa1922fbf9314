// Drives one fuzzer without libFuzzer: the seeds of a directory, then a number of changes of them, the same
// at every run. For builds whose compiler has no libFuzzer; it does not learn from coverage.
//
//   replay_NAME SEED_DIRECTORY CHANGES
//
// What ended the process is told by the last line: the number of the change, which is made again from the
// seeds alone, and the input's bytes in hexadecimal when the process is stopped by a signal.
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "tests/fuzz/fuzz_input.h"

extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
    return "abort_on_error=1:handle_abort=0:detect_leaks=1";
}
extern "C" const char* __ubsan_default_options();
extern "C" const char* __ubsan_default_options() {
    return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t input_bytes_max = 8192;
constexpr std::size_t shown_bytes_max = 2048;

Bytes current;  // what the fuzzer is given, for the last words

void write_current(int signal) {
    std::fprintf(stderr, "\nsignal %d; input of %zu bytes: ", signal, current.size());
    for (std::size_t i = 0; i < std::min(current.size(), shown_bytes_max); ++i) {
        std::fprintf(stderr, "%02x", current[i]);
    }
    std::fputs("\n", stderr);
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

std::vector<Bytes> read_seeds(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<Bytes> seeds;
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return seeds;
}

// Changes of the kinds that find most: bits, telling numbers, cuts, repeats, and another seed's bytes.
class Mutator {
  public:
    explicit Mutator(const std::vector<Bytes>& seeds) : seeds_(&seeds) {}

    Bytes next() {
        Bytes bytes = any_seed();
        for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(bytes);
        if (bytes.size() > input_bytes_max) bytes.resize(input_bytes_max);
        return bytes;
    }

  private:
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
    const Bytes& any_seed() { return (*seeds_)[below(seeds_->size())]; }

    void change(Bytes& bytes) {
        const std::size_t at = below(bytes.size());
        const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        const auto end_of = [&](std::size_t length) {
            return place + static_cast<std::ptrdiff_t>(std::min(length, bytes.size() - at));
        };
        switch (bytes.empty() ? 6 : below(8)) {
            case 0:
                *place ^= static_cast<std::uint8_t>(1u << below(8));
                break;
            case 1:
                *place = static_cast<std::uint8_t>(random_());
                break;
            case 2:
                put_number(bytes, at);
                break;
            case 3:
                bytes.resize(at);
                break;
            case 4:
                bytes.erase(place, end_of(1 + below(16)));
                break;
            case 5: {
                const Bytes repeated(place, end_of(1 + below(64)));
                bytes.insert(place, repeated.begin(), repeated.end());
                break;
            }
            default:
                splice(bytes, at);
        }
    }
    void put_number(Bytes& bytes, std::size_t at) {
        constexpr std::array<std::uint64_t, 10> telling{
            0, 1, 7, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, 0x8000000000000000};
        const std::uint64_t number = telling[below(telling.size())];
        std::memcpy(bytes.data() + at, &number, std::min((std::size_t{1} << below(4)), bytes.size() - at));
    }
    // Bytes of another seed over or between these.
    void splice(Bytes& bytes, std::size_t at) {
        const Bytes& other = any_seed();
        const std::size_t from = below(other.size());
        const std::size_t length = std::min(1 + below(128), other.size() - from);
        const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        if (below(2) == 0)
            bytes.erase(place, place + static_cast<std::ptrdiff_t>(std::min(length, bytes.size() - at)));
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                     other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.begin() + static_cast<std::ptrdiff_t>(from + length));
    }

    const std::vector<Bytes>* seeds_;
    std::mt19937_64 random_{20260101};
};

// A block of exactly these bytes, as libFuzzer gives them.
void run(const Bytes& bytes) {
    current = bytes;
    current.shrink_to_fit();
    LLVMFuzzerTestOneInput(current.data(), current.size());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s SEED_DIRECTORY CHANGES\n", argv[0]);
        return 2;
    }
    std::signal(SIGABRT, write_current);  // the sanitizers end so too
    const auto seeds = read_seeds(argv[1]);
    if (seeds.empty()) {
        std::fprintf(stderr, "%s: no seeds\n", argv[1]);
        return 2;
    }
    for (const Bytes& seed : seeds) run(seed);
    Mutator mutator(seeds);
    const std::size_t changes = std::stoul(argv[2]);
    for (std::size_t i = 0; i < changes; ++i) run(mutator.next());
    std::printf("%zu seeds and %zu changes of them\n", seeds.size(), changes);
    return 0;
}
