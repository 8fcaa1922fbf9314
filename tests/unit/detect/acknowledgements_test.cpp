// What an operator has seen stays seen, until there is more of it.
#include "controlplane/detect/acknowledgements.h"

#include <gtest/gtest.h>

#include "controlplane/store/address_text.h"

namespace picket::detect {
namespace {

Alert alert(std::uint32_t sid, std::uint64_t count, std::uint64_t hour = 1) {
    Alert made;
    made.hit.sid = sid;
    made.hit.destination = *store::parse_address("192.0.2.7");
    made.hit.destination_port = 80;
    made.count = count;
    made.first_ns = hour * 3'600'000'000'000 + 5;
    return made;
}

class AcknowledgementsTest : public ::testing::Test {
  protected:
    Acknowledgements::Keeper keeper() {
        return {[this] { return kept_; },
                [this](const std::string& text) -> std::optional<std::string> {
                    if (fails_) return "the disk is full";
                    kept_ = text;
                    return std::nullopt;
                }};
    }

    std::optional<std::string> kept_;
    bool fails_ = false;
};

TEST_F(AcknowledgementsTest, CountWhatIsNew) {
    Acknowledgements known;
    const Alert seen[] = {alert(1, 5), alert(2, 1)};
    EXPECT_FALSE(known.find(seen[0]));
    EXPECT_EQ(known.add(seen, 100), 2u);
    EXPECT_EQ(known.add(seen, 200), 0u) << "nothing has come since";
    EXPECT_EQ(known.find(alert(1, 9))->count, 5u);
    EXPECT_EQ(known.find(alert(1, 9))->time_ns, 100u);
    const Alert climbed[] = {alert(1, 9)};
    EXPECT_EQ(known.add(climbed, 300), 1u);
    EXPECT_EQ(known.find(alert(1, 9))->time_ns, 300u);
    EXPECT_FALSE(known.find(alert(1, 5, 2))) << "another hour is another alert";
    EXPECT_FALSE(known.find(alert(3, 5)));
    Alert listed = alert(0, 5);
    listed.hit.list = "sobig";
    EXPECT_FALSE(known.find(listed));
    EXPECT_EQ(known.trouble(), "");
}

TEST_F(AcknowledgementsTest, AreKept) {
    const Alert seen[] = {alert(1, 5)};
    {
        Acknowledgements known(keeper());
        EXPECT_EQ(known.add(seen, 100), 1u);
        EXPECT_EQ(known.trouble(), "");
    }
    const Acknowledgements known(keeper());
    ASSERT_TRUE(known.find(alert(1, 5)));
    EXPECT_EQ(known.find(alert(1, 5))->count, 5u);
}

TEST_F(AcknowledgementsTest, WhatCouldNotBeReadAtFirstIsNotOverwritten) {
    const Alert first[] = {alert(1, 5)};
    const Alert second[] = {alert(2, 7)};
    Acknowledgements(keeper()).add(first, 100);
    std::optional<std::string> hidden;
    hidden.swap(kept_);
    Acknowledgements known(keeper());
    EXPECT_FALSE(known.find(first[0]));
    kept_ = hidden;
    EXPECT_EQ(known.add(second, 200), 1u);
    EXPECT_TRUE(known.find(first[0]));
    EXPECT_TRUE(Acknowledgements(keeper()).find(first[0]));
}

TEST_F(AcknowledgementsTest, DamageIsToldAndHarmsNothing) {
    kept_ = "{\"alerts\":{\"x\":[1";
    Acknowledgements known(keeper());
    EXPECT_NE(known.trouble().find("damaged"), std::string::npos);
    const Alert seen[] = {alert(1, 5)};
    EXPECT_EQ(known.add(seen, 100), 1u);
    EXPECT_EQ(known.trouble(), "") << "it is whole again";
    EXPECT_TRUE(Acknowledgements(keeper()).find(alert(1, 5)));
    kept_ = R"({"alerts":{"x":[1,"2"],"y":7,"z":[1,2]}})";
    EXPECT_EQ(Acknowledgements(keeper()).trouble(), "");
}

TEST_F(AcknowledgementsTest, ADiskThatFailsIsTold) {
    fails_ = true;
    Acknowledgements known(keeper());
    const Alert seen[] = {alert(1, 5)};
    EXPECT_EQ(known.add(seen, 100), 1u);
    EXPECT_EQ(known.trouble(), "the disk is full");
    EXPECT_TRUE(known.find(alert(1, 5))) << "in memory";
}

}  // namespace
}  // namespace picket::detect
