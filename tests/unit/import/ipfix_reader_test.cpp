// Messages of IPFIX, built here field by field.
#include "controlplane/import/ipfix_reader.h"

#include <gtest/gtest.h>

#include "controlplane/store/address_text.h"
#include "controlplane/store/outcome.h"
#include "controlplane/store/time_text.h"

namespace picket::importer {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t reverse = 29305;
constexpr std::uint64_t ntp_2003 = 3'270'568'194;  // 2003-08-22T19:09:54Z since 1900

// Big-endian numbers and texts, one behind the other.
class Writer {
  public:
    Writer& number(std::uint64_t value, std::size_t bytes) {
        for (std::size_t i = bytes; i-- > 0;) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
        return *this;
    }
    Writer& append(const Bytes& more) {
        bytes_.insert(bytes_.end(), more.begin(), more.end());
        return *this;
    }
    Writer& field(std::uint16_t id, std::uint16_t length, std::uint32_t enterprise = 0) {
        number(enterprise == 0 ? id : id | 0x8000u, 2).number(length, 2);
        return enterprise == 0 ? *this : number(enterprise, 4);
    }
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

Bytes set(std::uint16_t id, const Bytes& content) {
    return Writer().number(id, 2).number(content.size() + 4, 2).append(content).bytes();
}

Bytes message(const std::vector<Bytes>& sets, std::uint32_t domain = 7,
              std::uint32_t export_s = 1'061'580'000) {
    Bytes content;
    for (const Bytes& one : sets) content.insert(content.end(), one.begin(), one.end());
    return Writer()
        .number(10, 2)
        .number(content.size() + ipfix_header_bytes, 2)
        .number(export_s, 4)
        .number(0, 4)
        .number(domain, 4)
        .append(content)
        .bytes();
}

Bytes template_of(std::uint16_t id, std::uint16_t count, const Writer& fields) {
    return set(2, Writer().number(id, 2).number(count, 2).append(fields.bytes()).bytes());
}

// 67.73.21.6:50416 -> 192.0.2.7:27015, UDP: 13 bytes.
Writer ends_fields() {
    return Writer().field(8, 4).field(12, 4).field(7, 2).field(11, 2).field(4, 1);
}
Writer ends(std::uint8_t protocol = 17) {
    return Writer()
        .number(0x43491506, 4)
        .number(0xc0000207, 4)
        .number(50416, 2)
        .number(27015, 2)
        .number(protocol, 1);
}

class IpfixReaderTest : public ::testing::Test {
  protected:
    void read(const Bytes& bytes) {
        ASSERT_EQ(ipfix_message_length(bytes), bytes.size());
        reader_.read(bytes);
    }
    // A template of both ends and `fields`, and one record of it.
    void read_one(const Writer& fields, std::uint16_t count, const Writer& values,
                  std::uint8_t protocol = 17) {
        read(message(
            {template_of(256, static_cast<std::uint16_t>(count + 5), ends_fields().append(fields.bytes())),
             set(256, ends(protocol).append(values.bytes()).bytes())}));
    }

    std::vector<store::StoredFlow> flows_;
    std::vector<std::string> whys_;
    IpfixReader reader_{[this](const ForeignLine& line) {
        if (line.flow) flows_.push_back(*line.flow);
        if (!line.flow) whys_.push_back(line.why);
    }};
};

TEST_F(IpfixReaderTest, AFlowOfOneDirection) {
    read_one(Writer().field(2, 8).field(1, 4).field(152, 8).field(153, 8), 4,
             Writer().number(1, 8).number(37, 4).number(1'061'579'394'218, 8).number(1'061'579'394'500, 8));
    ASSERT_EQ(flows_.size(), 1u);
    const store::StoredFlow& flow = flows_[0];
    EXPECT_EQ(store::format_address(flow.source), "67.73.21.6");
    EXPECT_EQ(store::format_address(flow.destination), "192.0.2.7");
    EXPECT_EQ(flow.source_port, 50416);
    EXPECT_EQ(flow.destination_port, 27015);
    EXPECT_EQ(flow.protocol, 17);
    EXPECT_EQ(flow.directions[0].packets, 1u);
    EXPECT_EQ(flow.directions[0].bytes, 37u);
    EXPECT_EQ(flow.packets(), 1u);
    EXPECT_EQ(store::format_time(flow.start_ns), "2003-08-22T19:09:54.218000Z");
    EXPECT_EQ(store::format_time(flow.last_ns), "2003-08-22T19:09:54.500000Z");
    EXPECT_TRUE(flow.is_imported());
    EXPECT_EQ(store::outcome_of(flow), store::FlowOutcome::unknown);
    EXPECT_TRUE(whys_.empty());
}

TEST_F(IpfixReaderTest, BothDirectionsAsRfc5103Says) {
    const Writer fields = Writer()
                              .field(86, 2)
                              .field(85, 2)
                              .field(2, 1, reverse)
                              .field(1, 3, reverse)
                              .field(6, 2)
                              .field(6, 1, reverse)
                              .field(150, 4)
                              .field(58, 2);
    read_one(fields, 8,
             Writer()
                 .number(5, 2)
                 .number(500, 2)
                 .number(4, 1)
                 .number(70'000, 3)
                 .number(0x11b, 2)
                 .number(0x1a, 1)
                 .number(1'061'579'394, 4)
                 .number(0xe00c, 2),
             6);
    ASSERT_EQ(flows_.size(), 1u);
    EXPECT_EQ(flows_[0].directions[0].packets, 5u);
    EXPECT_EQ(flows_[0].directions[1].packets, 4u);
    EXPECT_EQ(flows_[0].directions[1].bytes, 70'000u);
    EXPECT_EQ(flows_[0].directions[0].tcp_flags_union, 0x1b);
    EXPECT_EQ(flows_[0].directions[1].tcp_flags_union, 0x1a);
    EXPECT_EQ(flows_[0].vlan, 12) << "without its priority";
}

TEST_F(IpfixReaderTest, Ipv6AndVariableLengths) {
    const Bytes fields = Writer()
                             .field(8, 4)
                             .field(12, 4)
                             .field(27, 16)
                             .field(28, 16)
                             .field(4, 1)
                             .field(460, 65535)
                             .field(2, 1)
                             .field(1, 1)
                             .field(151, 4)
                             .bytes();
    const auto record = [](std::size_t text, std::uint8_t last) {
        Writer values;
        values.number(0, 8)
            .number(0x20010db800000000, 8)
            .number(1, 8)
            .number(0x20010db800000000, 8)
            .number(last, 8)
            .number(58, 1);
        if (text < 255) values.number(text, 1);
        if (text >= 255) values.number(255, 1).number(text, 2);
        return values.append(Bytes(text, 'x')).number(3, 1).number(200, 1).number(1'061'579'394, 4).bytes();
    };
    read(message(
        {template_of(300, 9, Writer().append(fields)),
         set(300, Writer().append(record(0, 2)).append(record(254, 3)).append(record(300, 4)).bytes())}));
    ASSERT_EQ(flows_.size(), 3u) << (whys_.empty() ? "" : whys_[0]);
    EXPECT_EQ(store::format_address(flows_[0].source), "2001:db8::1");
    EXPECT_EQ(store::format_address(flows_[2].destination), "2001:db8::4");
    EXPECT_EQ(flows_[2].bytes(), 200u);
    EXPECT_EQ(flows_[2].start_ns, flows_[2].last_ns);
}

struct TimeCase {
    const char* name;
    Writer fields;
    std::uint16_t count;
    Writer values;
    const char* start;
    const char* last;
};

TEST_F(IpfixReaderTest, EveryKindOfTime) {
    // 218437 us as exporters cut it: floor(0.218437 * 2^32).
    constexpr std::uint64_t fraction = 938'179'766;
    const TimeCase cases[] = {
        {"seconds and milliseconds of duration", Writer().field(150, 4).field(161, 4), 2,
         Writer().number(1'061'579'394, 4).number(1500, 4), "19:09:54.000000", "19:09:55.500000"},
        {"microseconds, lower 11 bits of the fraction do not count", Writer().field(154, 8).field(155, 8), 2,
         Writer().number(ntp_2003 << 32 | fraction, 8).number(ntp_2003 << 32 | fraction | 0x7ff, 8),
         "19:09:54.218437", "19:09:54.218437"},
        {"nanoseconds", Writer().field(156, 8).field(162, 4), 2,
         Writer().number(ntp_2003 << 32 | 0x80000000, 8).number(7, 4), "19:09:54.500000", "19:09:54.500007"},
        {"before the export", Writer().field(158, 4).field(159, 4), 2,
         Writer().number(606'000'000, 4).number(605'999'999, 4), "19:09:54.000000", "19:09:54.000001"},
        {"since a start that the record tells", Writer().field(22, 4).field(21, 4).field(160, 8), 3,
         Writer().number(394'000, 4).number(394'001, 4).number(1'061'579'000'000, 8), "19:09:54.000000",
         "19:09:54.001000"},
        {"only the end, and how long", Writer().field(153, 8).field(161, 4), 2,
         Writer().number(1'061'579'394'000, 8).number(1000, 4), "19:09:53.000000", "19:09:54.000000"},
        {"the finest counts", Writer().field(150, 4).field(152, 8).field(151, 4), 3,
         Writer().number(1'061'579'394, 4).number(1'061'579'394'900, 8).number(1'061'579'395, 4),
         "19:09:54.900000", "19:09:55.000000"}};
    for (const TimeCase& one : cases) {
        flows_.clear();
        read_one(Writer().field(2, 1).field(1, 1).append(one.fields.bytes()),
                 static_cast<std::uint16_t>(one.count + 2),
                 Writer().number(1, 1).number(37, 1).append(one.values.bytes()));
        ASSERT_EQ(flows_.size(), 1u) << one.name << (whys_.empty() ? "" : whys_.back());
        EXPECT_EQ(store::format_time(flows_[0].start_ns), std::string("2003-08-22T") + one.start + "Z")
            << one.name;
        EXPECT_EQ(store::format_time(flows_[0].last_ns), std::string("2003-08-22T") + one.last + "Z")
            << one.name;
    }
}

TEST_F(IpfixReaderTest, EveryMicrosecondComesBack) {
    for (std::uint64_t us = 0; us < 1'000'000; us += 997) {
        flows_.clear();
        read_one(Writer().field(2, 1).field(1, 1).field(154, 8), 3,
                 Writer().number(1, 1).number(37, 1).number(ntp_2003 << 32 | (us << 32) / 1'000'000, 8));
        ASSERT_EQ(flows_.size(), 1u);
        ASSERT_EQ(flows_[0].start_ns % 1'000'000'000, us * 1000);
    }
}

TEST_F(IpfixReaderTest, NtpWrapsIn2036) {
    read_one(Writer().field(2, 1).field(1, 1).field(154, 8), 3,
             Writer().number(1, 1).number(37, 1).number(std::uint64_t{1} << 32, 8));
    ASSERT_EQ(flows_.size(), 1u);
    EXPECT_EQ(store::format_time(flows_[0].start_ns), "2036-02-07T06:28:17.000000Z");
}

TEST_F(IpfixReaderTest, TheExportersStartComesInOptions) {
    const Bytes layout = template_of(256, 8, ends_fields().field(2, 1).field(1, 1).field(22, 4));
    const Bytes record = set(256, ends().number(1, 1).number(37, 1).number(394'000, 4).bytes());
    read(message({layout, record}));
    EXPECT_TRUE(flows_.empty());
    ASSERT_EQ(whys_.size(), 1u);
    EXPECT_EQ(whys_[0],
              "a record of template 256: its times count from the exporter's start, which has not been told "
              "before it");
    const Bytes options =
        set(3, Writer().number(400, 2).number(2, 2).number(1, 2).field(149, 4).field(160, 8).bytes());
    read(message({options, set(400, Writer().number(7, 4).number(1'061'579'000'000, 8).bytes())}));
    read(message({record}));
    ASSERT_EQ(flows_.size(), 1u);
    EXPECT_EQ(store::format_time(flows_[0].start_ns), "2003-08-22T19:09:54.000000Z");
    read(message({layout, record}, 8));
    EXPECT_EQ(flows_.size(), 1u) << "another observation domain has another start";
}

TEST_F(IpfixReaderTest, TemplatesAreOfTheirDomainAndCanBeWithdrawn) {
    const Bytes layout = template_of(256, 8, ends_fields().field(2, 1).field(1, 1).field(150, 4));
    const Bytes record = set(256, ends().number(1, 1).number(37, 1).number(1'061'579'394, 4).bytes());
    read(message({record}));
    EXPECT_EQ(whys_.back(), "a set of 19 bytes is of template 256, which has not been told before it");
    read(message({layout, record, record}));
    EXPECT_EQ(flows_.size(), 2u);
    read(message({record}, 8));
    EXPECT_EQ(flows_.size(), 2u);
    for (const std::uint16_t id : {256, 2}) {
        read(message({layout, set(2, Writer().number(id, 2).number(0, 2).bytes()), record}));
        EXPECT_EQ(flows_.size(), 2u) << "withdrawn by " << id;
    }
    read(message({record}));
    EXPECT_EQ(flows_.size(), 2u);
    EXPECT_EQ(whys_.size(), 5u);
}

TEST_F(IpfixReaderTest, PaddingIsNoRecord) {
    const Bytes layout =
        template_of(256, 8, ends_fields().field(2, 1).field(1, 1).field(150, 4).number(0, 4));
    read(message(
        {layout, set(256, ends().number(1, 1).number(37, 1).number(1'061'579'394, 4).number(0, 1).bytes())}));
    EXPECT_EQ(flows_.size(), 1u);
    EXPECT_TRUE(whys_.empty());
}

TEST_F(IpfixReaderTest, WhatIsWrongIsNamed) {
    const auto why = [&](const Writer& fields, std::uint16_t count, const Writer& values) {
        whys_.clear();
        read_one(fields, count, values);
        EXPECT_TRUE(flows_.empty());
        return whys_.empty() ? "" : whys_[0];
    };
    const std::string record = "a record of template 256: ";
    EXPECT_EQ(why(Writer().field(2, 1).field(1, 1), 2, Writer().number(1, 1).number(37, 1)),
              record + "it tells no time that can be");
    EXPECT_EQ(why(Writer().field(152, 8), 1, Writer().number(1'000, 8)), record + "it has no packet");
    EXPECT_EQ(why(Writer().field(1, 1).field(152, 8), 2, Writer().number(9, 1).number(1'000, 8)),
              record + "it has no packet");
    EXPECT_EQ(why(Writer().field(2, 1).field(152, 8), 2, Writer().number(9, 1).number(UINT64_MAX, 8)),
              record + "it tells no time that can be");
    EXPECT_EQ(why(Writer().field(2, 1).field(150, 4).field(151, 4), 3,
                  Writer().number(9, 1).number(1000, 4).number(999, 4)),
              record + "it ends before it begins");
    whys_.clear();
    read(message({template_of(256, 1, Writer().field(56, 6)), set(256, Bytes(6))}));
    EXPECT_EQ(whys_[0], record + "it tells no source and destination address");
    read(message({template_of(256, 2, Writer().field(8, 4).field(12, 4)), set(256, Bytes(8))}));
    EXPECT_EQ(whys_[1], record + "it tells no protocol");
}

TEST_F(IpfixReaderTest, DamageWithinAMessage) {
    read(message({Bytes{1, 0, 0, 3, 0, 0}}));
    EXPECT_NE(whys_.at(0).find("a set of 3 bytes"), std::string::npos);
    read(message({Bytes{1, 0, 0, 99, 0, 0}}));
    EXPECT_EQ(whys_.at(1), "a set of 99 bytes, of which 6 are left: the rest of the message is skipped");
    read(message({Bytes{1, 0}}));
    EXPECT_EQ(whys_.at(2), "the message ends within a set's header");
    read(message({template_of(256, 3, Writer().field(8, 4))}));
    EXPECT_EQ(whys_.at(3), "template 256 cannot be read");
    read(message({template_of(256, 1, Writer().field(8, 0))}));
    EXPECT_EQ(whys_.at(4), "template 256 cannot be read") << "its records would be empty";
    read(message({set(5, Bytes(4))}));
    EXPECT_EQ(whys_.at(5), "a set of the reserved number 5");
    read(message({template_of(256, 1, Writer().field(460, 65535)), set(256, Bytes{9, 1, 2})}));
    EXPECT_EQ(whys_.at(6), "a record of template 256 is cut");
    EXPECT_TRUE(flows_.empty());
}

TEST(IpfixMessage, ItsLength) {
    EXPECT_EQ(ipfix_message_length(Bytes{0, 10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 16u);
    EXPECT_EQ(ipfix_message_length(Bytes{0, 10, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 0u);
    EXPECT_EQ(ipfix_message_length(Bytes{0, 9, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 0u);
}

TEST(IpfixTemplates, AreBounded) {
    std::size_t rejected = 0;
    IpfixReader reader([&](const ForeignLine&) { ++rejected; });
    Writer fields;
    for (int i = 0; i < 10'000; ++i) fields.field(1, 1);
    for (std::uint16_t id = 256; id < 400; ++id) reader.read(message({template_of(id, 10'000, fields)}));
    EXPECT_EQ(rejected, 44u) << "a million fields are kept";
}

}  // namespace
}  // namespace picket::importer
