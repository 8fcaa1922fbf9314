// One line of EVE JSON under construction, in a buffer that is used again and again.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/export/escape_bytes.h"

namespace picket::exporter {

class EveLine {
  public:
    explicit EveLine(rapidjson::StringBuffer& buffer) : buffer_(buffer), writer_(buffer) {
        buffer_.Clear();
        writer_.StartObject();
    }

    EveLine& text(const char* key, std::string_view value) {
        writer_.Key(key);
        writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
        return *this;
    }
    // Bytes from the wire.
    EveLine& wire_text(const char* key, std::string_view value) { return text(key, escape_bytes(value)); }
    EveLine& number(const char* key, std::uint64_t value) {
        writer_.Key(key);
        writer_.Uint64(value);
        return *this;
    }
    EveLine& flag(const char* key, bool value) {
        writer_.Key(key);
        writer_.Bool(value);
        return *this;
    }
    EveLine& array(const char* key) {
        writer_.Key(key);
        writer_.StartArray();
        return *this;
    }
    EveLine& element(std::uint64_t value) {
        writer_.Uint64(value);
        return *this;
    }
    EveLine& element(std::string_view value) {
        writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
        return *this;
    }
    EveLine& end_array() {
        writer_.EndArray();
        return *this;
    }
    EveLine& object(const char* key) {
        writer_.Key(key);
        writer_.StartObject();
        return *this;
    }
    EveLine& end_object() {
        writer_.EndObject();
        return *this;
    }

    // The finished line, with its line feed; valid until the buffer is used again.
    std::string_view finish() {
        writer_.EndObject();
        buffer_.Put('\n');
        return {buffer_.GetString(), buffer_.GetSize()};
    }

  private:
    rapidjson::StringBuffer& buffer_;
    rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

}  // namespace picket::exporter
