// Raw messages as the engine and the reference see them: each is a packet's payload, and most are a request
// or a response, with the views that the http stage would hand over.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "dataplane/http/message_head.h"
#include "dataplane/match/flow_ends.h"
#include "tests/reference/message_maker.h"
#include "tests/reference/reference_texts.h"

namespace picket::reference {

class Traffic {
  public:
    Traffic(std::vector<RawMessage> messages, api::Dialect dialect);
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

    [[nodiscard]] const std::vector<match::RequestView>& requests() const { return requests_; }
    [[nodiscard]] const std::vector<match::PayloadView>& payloads() const { return payloads_; }
    [[nodiscard]] const std::deque<Message>& request_messages() const { return request_messages_; }
    [[nodiscard]] const std::deque<Message>& payload_messages() const { return payload_messages_; }

  private:
    void add_request(const RawMessage& message, api::Dialect dialect);
    void add_response(const RawMessage& message, const http::ResponseHead& head);
    std::string& room(std::size_t size);

    std::vector<RawMessage> messages_;
    std::deque<std::string> rooms_;
    std::vector<match::RequestView> requests_;
    std::vector<match::PayloadView> payloads_;
    std::deque<Message> request_messages_;
    std::deque<Message> payload_messages_;
};

}  // namespace picket::reference
