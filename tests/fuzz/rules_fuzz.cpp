// Rule text to rules, to a blob, to a rule set: what cannot be honoured is rejected with a reason, and what
// the parser accepts the data plane accepts too.
//
// Input: settings (bits 0-1: dialect, bit 2: as a watch list, bit 3: with Hyperscan, whose compiler is slow
// and another project's, for short texts only, bit 4: without rules whose flowbits nothing sets), the text.
#include <hs/hs.h>

#include "controlplane/rules/blob_writer.h"
#include "controlplane/rules/filter_plan.h"
#include "controlplane/rules/flowbit_options.h"
#include "dataplane/api/setup_error.h"
#include "tests/fuzz/fuzz_rules.h"

namespace picket {
namespace {

using fuzz::require;

constexpr std::size_t text_max = 8192;
constexpr std::size_t compiled_text_max = 400;

void check_rules(const rules::ParsedRules& parsed) {
    for (const auto& reject : parsed.rejects) {
        if (reject.option.empty() || reject.reason.empty())
            std::fputs(rules::list_rejects({reject}).c_str(), stderr);
        require(!reject.option.empty() && !reject.reason.empty(), "a reject says what and why");
    }
    for (const auto& rule : parsed.rules) {
        require(!rule.chains.empty(), "a rule looks at something");
        for (const auto& chain : rule.chains) require(!chain.options.empty(), "a chain asks for something");
    }
    static_cast<void>(rules::list_rejects(parsed.rejects));
}

// All rules are judged always: a blob without the engine's databases.
std::vector<std::byte> write_blob(const std::vector<rules::Rule>& parsed, api::Dialect dialect) {
    rules::BlobWriter writer;
    std::array<std::vector<std::uint32_t>, api::filter_group_count> always;
    rules::EngineTrials trials;
    std::uint32_t index = 0;
    for (const auto& rule : parsed) {
        writer.add_rule(rule);
        if (const auto choice = rules::choose_filter(rule, trials)) {
            require(!choice->pattern.empty(), "a filter looks for something");
        }
        always[static_cast<std::size_t>(rules::default_group(rule))].push_back(index++);
    }
    for (const std::uint32_t keeper : rules::order_by_flowbits(parsed)) {
        writer.add_bit_rule(keeper, parsed[keeper]);
    }
    for (std::size_t i = 0; i < always.size(); ++i) {
        writer.set_group(static_cast<api::FilterGroup>(i), {}, {}, always[i], 0);
    }
    hs_platform_info_t platform{};
    hs_populate_platform(&platform);
    return writer.finish(dialect, api::text_hash(hs_version()), platform.cpu_features);
}

void count_hit(void* context, std::uint32_t /*index*/, std::uint32_t /*rule*/) noexcept {
    ++*static_cast<std::uint64_t*>(context);
}

void load_and_match(std::span<const std::byte> blob) {
    std::string error;
    const auto set = match::RuleSet::load(blob, 1, error);
    if (!set) std::fprintf(stderr, "%s\n", error.c_str());
    require(set != nullptr, "the data plane accepts what the compiler wrote");
    const auto matcher = match::Matcher::create(set, error);
    if (!matcher) return;
    match::RequestView request;
    request.request = "GET /a/../b.php?x=%41 HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\n\r\n";
    request.method = request.request.substr(0, 3);
    request.raw_uri = request.request.substr(4, 17);
    request.normalized_uri = "/b.php?x=A";
    request.headers = request.request.substr(32);
    request.host = "h";
    request.user_agent = "u";
    std::uint64_t hits = 0;
    matcher->match_requests({&request, 1}, {&count_hit, &hits});
    match::PayloadView payload;
    payload.payload = {reinterpret_cast<const std::uint8_t*>(request.request.data()), request.request.size()};
    matcher->match_payloads({&payload, 1}, {&count_hit, &hits});
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::Input input(data, size);
    const std::uint8_t bits = input.u8();
    const auto bytes = fuzz::own_block(input.take(text_max));
    const std::string_view text = fuzz::as_text(bytes);
    if ((bits & 4) != 0) {
        std::vector<rules::Reject> rejects;
        const auto list = rules::parse_watch_list("fuzz", text, "fuzz.list", rejects);
        for (const auto& range : list.ranges)
            require(range.first <= range.last, "a range has its ends in order");
        static_cast<void>(rules::merge_watch_lists({list, list}));
        return 0;
    }
    const rules::RuleSettings settings{static_cast<api::Dialect>((bits & 3) % 3),
                                       {{"HOME_NET", "10.0.0.0/8"}}};
    auto parsed = rules::parse_rules(text, "fuzz.rules", settings);
    if ((bits & 16) != 0) rules::reject_unset_flowbits(parsed);
    check_rules(parsed);
    load_and_match(write_blob(parsed.rules, settings.dialect));
    if ((bits & 8) == 0 || text.size() > compiled_text_max) return 0;
    try {
        load_and_match(rules::compile_rules(parsed.rules, settings).blob);
    } catch (const SetupError&) {
        // The engine cannot compile the patterns; said so to the operator.
    }
    return 0;
}
