// Sets of addresses and ports as sorted, disjoint, inclusive ranges, and the expressions of rule headers.
//
// Pure functions on values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rules/rule.h"

namespace picket::rules {

using Variables = std::map<std::string, std::string>;

// Parses the address part of a rule header: any, a.b.c.d, a::b, CIDR, first-last, $VARIABLE, !negation, and
// [lists] of all these. An empty string, or what is wrong with it.
std::string parse_addresses(std::string_view text, const Variables& variables, AddressSet& out);

// Likewise for ports: any, n, n:m, :m, n:, $VARIABLE, !negation, [lists].
std::string parse_ports(std::string_view text, const Variables& variables, PortSet& out);

// One address or network (a/n, IPv4 or IPv6) as a range. False if it is neither.
bool parse_network(std::string_view text, api::AddressRange& out);

// Sorts ranges and joins those that overlap or touch.
std::vector<api::AddressRange> join_ranges(std::vector<api::AddressRange> ranges);

// The address after this one. REQUIRES not the last one.
api::Address next_address(api::Address address);
// The address before this one. REQUIRES not the first one.
api::Address previous_address(api::Address address);
api::Address last_address();

}  // namespace picket::rules
