// Parts of a message's head that are asked for by few rules and hence found when they are: its line, what the
// line consists of, headers one by one.
//
// Pure functions, no allocation. Views point into the text that was passed; null data() means that the
// message has no such part. Sources: RFC 9112 §3 (request line), §4 (status line).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace picket::match {

// The first line that is not empty, without its end. text: the message's bytes from its beginning.
std::string_view message_line(std::string_view text) noexcept;

// From that line to the end of the header block. headers: a part of text.
std::string_view message_start(std::string_view text, std::string_view headers) noexcept;

// "HTTP/1.1" of a request line or status line.
std::string_view line_protocol(std::string_view line) noexcept;

// Of a status line: "404" and "Not Found"; the latter is empty if the line ends before it.
std::string_view status_code(std::string_view line) noexcept;
std::string_view status_message(std::string_view line) noexcept;

// Takes the next header off raw and writes it to out as "Name: value": white space around the value removed,
// folded lines joined by one space, cut at out's end. Null at the end of the headers.
std::string_view take_header(std::string_view& raw, std::span<char> out) noexcept;

// All values of the headers of that name (lower case), joined by ", " (RFC 9110 §5.3), written to out, cut
// at its end; null if there is none.
std::string_view joined_values(std::string_view raw, std::string_view lower_name,
                               std::span<char> out) noexcept;

}  // namespace picket::match
