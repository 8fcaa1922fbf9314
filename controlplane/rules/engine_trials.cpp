#include "controlplane/rules/engine_trials.h"

#include <hs/hs.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "controlplane/rules/engine_identity.h"
#include "controlplane/rules/pattern_size.h"

namespace picket::rules {
namespace {

constexpr std::size_t verdicts_kept = 65'536;

// One verdict as it is kept.
struct KeptVerdict {
    ContentKey key;
    std::uint32_t bytes = 0;
    TrialVerdict verdict = TrialVerdict::accepted;
    std::array<std::uint8_t, 3> reserved{};
};
static_assert(sizeof(KeptVerdict) == 40);

double thread_cpu_ms() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

ContentKey key_of_all() {
    ContentHasher hasher;
    hasher.add(std::string_view("verdicts"));
    add_engine(hasher);
    return hasher.finish();
}

ContentKey key_of(const std::string& pattern, unsigned flags) {
    ContentHasher hasher;
    hasher.add(std::string_view(pattern));
    hasher.add(flags);
    return hasher.finish();
}

// Of the engine's two sentences for what is too much for it.
bool is_engine_limit(const char* message) {
    return std::strstr(message, "too large") != nullptr || std::strstr(message, "limit") != nullptr;
}

bool matches_something(const std::string& pattern, unsigned flags) {
    hs_expr_info_t* info = nullptr;
    hs_compile_error_t* fault = nullptr;
    if (hs_expression_info(pattern.c_str(), flags, &info, &fault) != HS_SUCCESS) {
        hs_free_compile_error(fault);
        return true;  // compiling says why
    }
    const bool something = info->min_width > 0;
    std::free(info);
    return something;
}

}  // namespace

std::string reason_of(TrialVerdict verdict, const TrialLimits& limits) {
    const auto whole = [](double number) { return std::to_string(static_cast<std::uint64_t>(number)); };
    switch (verdict) {
        case TrialVerdict::accepted:
        case TrialVerdict::unsupported:
            return "";
        case TrialVerdict::engine_limit:
            return "exceeds the limits of Hyperscan";
        case TrialVerdict::too_slow:
            return "takes more than " + whole(limits.ms_max) + " ms to compile";
        case TrialVerdict::too_large:
            return "takes more than " + whole(static_cast<double>(limits.bytes_max) / 1024) +
                   " KiB of the filter";
        case TrialVerdict::too_repetitive:
            return "repeats to more than " + std::to_string(limits.unrolled_max) + " characters";
        case TrialVerdict::budget_spent:
            return "comes after patterns that took all of the " + whole(limits.ms_max_all / 1000) + " s or " +
                   whole(static_cast<double>(limits.bytes_max_all) / (1024 * 1024)) +
                   " MiB that patterns may take together";
    }
    return "";
}

EngineTrials::EngineTrials(PatternCache* cache, TrialLimits limits) : cache_(cache), limits_(limits) {
    if (cache_ != nullptr) load();
}

void EngineTrials::load() {
    const auto bytes = cache_->find(key_of_all());
    if (!bytes || bytes->size() % sizeof(KeptVerdict) != 0) return;
    for (std::size_t at = 0; at < bytes->size(); at += sizeof(KeptVerdict)) {
        KeptVerdict kept;
        std::memcpy(&kept, bytes->data() + at, sizeof kept);
        if (kept.verdict < TrialVerdict::budget_spent) {
            remembered_[kept.key] = {kept.verdict, kept.bytes, false};
        }
    }
}

void EngineTrials::keep() {
    if (cache_ == nullptr || !has_new_) return;
    std::vector<KeptVerdict> kept;
    for (const bool asked : {true, false}) {
        for (const auto& [key, remembered] : remembered_) {
            if (remembered.asked == asked && remembered.verdict != TrialVerdict::budget_spent &&
                kept.size() < verdicts_kept) {
                kept.push_back({key, remembered.bytes, remembered.verdict, {}});
            }
        }
    }
    cache_->keep(key_of_all(), std::as_bytes(std::span(kept)));
    has_new_ = false;
}

EngineTrials::Remembered EngineTrials::attempt(const std::string& pattern, unsigned flags) {
    if (unrolled_size(pattern) > limits_.unrolled_max) return {TrialVerdict::too_repetitive, 0, false};
    if (ms_ >= limits_.ms_max_all) return {TrialVerdict::budget_spent, 0, false};
    const double begin_ms = thread_cpu_ms();
    Remembered result;
    hs_database_t* database = nullptr;
    hs_compile_error_t* fault = nullptr;
    if (!matches_something(pattern, flags)) {
        result.verdict = TrialVerdict::unsupported;
    } else if (hs_compile(pattern.c_str(), flags, HS_MODE_BLOCK, nullptr, &database, &fault) != HS_SUCCESS) {
        result.verdict =
            is_engine_limit(fault->message) ? TrialVerdict::engine_limit : TrialVerdict::unsupported;
        hs_free_compile_error(fault);
    } else {
        std::size_t size = 0;
        hs_database_size(database, &size);
        hs_free_database(database);
        result.bytes = static_cast<std::uint32_t>(size);
    }
    const double ms = thread_cpu_ms() - begin_ms;
    ms_ += ms;
    if (result.verdict == TrialVerdict::accepted) {
        result.verdict = ms > limits_.ms_max                ? TrialVerdict::too_slow
                         : result.bytes > limits_.bytes_max ? TrialVerdict::too_large
                                                            : TrialVerdict::accepted;
    }
    return result;
}

bool EngineTrials::accepts(const std::string& pattern, unsigned flags) {
    const ContentKey key = key_of(pattern, flags);
    auto place = remembered_.find(key);
    if (place == remembered_.end()) {
        place = remembered_.emplace(key, attempt(pattern, flags)).first;
        has_new_ = true;
    }
    Remembered& remembered = place->second;
    if (!remembered.asked && remembered.verdict == TrialVerdict::accepted) {
        if (bytes_ + remembered.bytes > limits_.bytes_max_all) {
            remembered.verdict = TrialVerdict::budget_spent;
        } else {
            bytes_ += remembered.bytes;
        }
    }
    remembered.asked = true;
    if (std::string reason = reason_of(remembered.verdict, limits_); !reason.empty()) {
        refusals_.push_back(std::move(reason));
    }
    return remembered.verdict == TrialVerdict::accepted;
}

std::vector<std::string> EngineTrials::take_refusals() {
    return std::exchange(refusals_, {});
}

}  // namespace picket::rules
