// Rule blobs that a hostile writer changed, with a right checksum: refused with a sentence, or safe to use.
//
// Input: flags (bit 0: the checksum is left wrong), then edits of a sound blob: where (0: header, 1 to 17: a
// section, else anywhere), offset (16 bits), width (0: cut there, 1, 2, 4 or 8 bytes), value (64 bits).
#include "tests/fuzz/fuzz_rules.h"

namespace picket {
namespace {

using fuzz::require;

constexpr std::size_t edits_max = 32;

const std::vector<std::byte>& sound_blob() {
    static const auto blob = fuzz::compile_fuzz_rules().blob;
    return blob;
}

// The bytes that an edit with this `where` may change.
std::span<std::byte> place_of(std::span<std::byte> blob, std::uint8_t where) {
    const auto& header = *reinterpret_cast<const api::RuleBlobHeader*>(sound_blob().data());
    constexpr std::array<std::size_t, 17> entry_bytes{sizeof(api::RuleEntry),
                                                      sizeof(api::RuleChain),
                                                      sizeof(api::RuleOption),
                                                      sizeof(api::PcreEntry),
                                                      sizeof(api::RangeSetEntry),
                                                      sizeof(api::AddressRange),
                                                      sizeof(api::RangeSetEntry),
                                                      sizeof(api::PortRange),
                                                      sizeof(api::FilterElement),
                                                      sizeof(std::uint32_t),
                                                      sizeof(api::WatchRange),
                                                      sizeof(api::WatchList),
                                                      sizeof(api::BitRule),
                                                      sizeof(api::BitOption),
                                                      sizeof(std::uint32_t),
                                                      sizeof(api::BitName),
                                                      1};
    if (where == 0) return blob.first(std::min(blob.size(), sizeof header));
    if (where > entry_bytes.size()) return blob;
    const api::BlobSection& section = (&header.rules)[where - 1];
    const std::size_t from = std::min<std::size_t>(section.offset, blob.size());
    return blob.subspan(from,
                        std::min<std::size_t>(section.count * entry_bytes[where - 1], blob.size() - from));
}

void edit(std::vector<std::byte>& blob, fuzz::Input& input) {
    const auto place = place_of(blob, input.u8() % 20);
    const std::size_t offset = input.u16();
    const std::size_t width = input.u8() % 9;
    const std::uint64_t value = input.u64();
    if (place.empty()) return;
    const std::size_t at = offset % place.size();
    if (width == 0) {
        blob.resize(static_cast<std::size_t>(place.data() - blob.data()) + at);
        return;
    }
    std::memcpy(place.data() + at, &value, std::min(width, place.size() - at));
}

// As a writer does that wants its blob to be believed.
void seal(std::vector<std::byte>& blob) {
    if (blob.size() < sizeof(api::RuleBlobHeader)) return;
    auto& header = *reinterpret_cast<api::RuleBlobHeader*>(blob.data());
    header.checksum = api::blob_checksum(std::span(blob).subspan(api::rule_blob_checksum_from));
}

// A hit of one of the few texts of its kind.
template <match::WaitingHit::Kind kind>
void take_hit(void* context, std::uint32_t index, std::uint32_t rule) noexcept {
    auto& matcher = *static_cast<match::Matcher*>(context);
    require(rule < matcher.rules().rule_count(), "a hit names a rule");
    require(index < 2, "a hit names a text");
    if (matcher.bits().concerns(rule)) matcher.bits().wait(0, kind, index, rule);
}

void judge_bits(match::Matcher& matcher) {
    match::FlowBits bits(4);
    bool lost = false;
    for (const match::WaitingHit& hit : matcher.bits().waiting()) {
        static_cast<void>(matcher.bits().judge(hit, bits, 1, lost));
        require(matcher.bits().rule_of(hit) < matcher.rules().rule_count(), "a hit that waited names a rule");
    }
    matcher.bits().clear();
    bits.forget(1);
    require(bits.records_in_use() == 0, "an ended flow has no bits");
}

void use(const std::shared_ptr<const match::RuleSet>& set) {
    std::string error;
    const auto matcher = match::Matcher::create(set, error);
    if (!matcher) return;
    static constexpr std::string_view text =
        "GET /cgi-bin/../passwd.ida?aaaaaa HTTP/1.1\r\nHost: h\r\nUser-Agent: zgrab\r\nX-Test: a\r\n"
        "Cookie: id=1\r\n\r\nbody";
    match::RequestView request;
    request.request = text;
    request.method = text.substr(0, 3);
    request.raw_uri = text.substr(4, 29);
    request.normalized_uri = request.raw_uri;
    request.headers = text.substr(44, 58);
    request.host = "h";
    request.user_agent = "zgrab";
    request.cookie = "id=1";
    request.body = request.raw_body = text.substr(text.size() - 4);
    request.phases |= api::rule_at_body;
    static constexpr std::string_view answer = "HTTP/1.1 404 Not Found\r\nX-Both: 1\r\nSet-Cookie: a\r\n\r\n";
    match::RequestView response;
    response.phases = api::rule_at_response;
    response.request = answer;
    response.headers = answer.substr(24);
    const std::array<match::RequestView, 2> messages{request, response};
    matcher->match_requests(messages, {&take_hit<match::WaitingHit::Kind::request>, matcher.get()});
    match::PayloadView payload;
    payload.payload = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    payload.ends.destination_port = 80;
    matcher->match_payloads({&payload, 1}, {&take_hit<match::WaitingHit::Kind::payload>, matcher.get()});
    judge_bits(*matcher);
    for (std::uint32_t i = 0; i < set->watch_list_count(); ++i) {
        require(set->watch_list_name(i).size() < api::name_length_max, "a list's name ends");
    }
    static_cast<void>(set->watch_lookup(payload.ends.source));
    static_cast<void>(set->wants_requests());
    static_cast<void>(set->wants_bodies() || set->wants_responses());
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::Input input(data, size);
    const std::uint8_t flags = input.u8();
    auto blob = sound_blob();
    for (std::size_t i = 0; i < edits_max && !input.empty(); ++i) edit(blob, input);
    if ((flags & 1) == 0) seal(blob);
    blob.shrink_to_fit();
    std::string error;
    if (const auto set = match::RuleSet::load(blob, 1, error)) {
        use(set);
    } else {
        require(!error.empty(), "a refusal says why");
    }
    return 0;
}
